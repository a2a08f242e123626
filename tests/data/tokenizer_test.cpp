// What tokenizer files may say, and what is refused by name.

#include "data/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "data/gguf_tokenizer.h"
#include "data/sentencepiece_tokenizer.h"
#include "tokenizer_fixture.h"

namespace vernier {
namespace {

using test::letters_document;
using test::tokenizer_of;
using testing::ElementsAre;
using testing::HasSubstr;

void expect_error(const std::function<void()>& action, const std::string& part) {
  try {
    action();
    FAIL() << "no error; expected one with: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_THAT(error.message(), HasSubstr(part));
  }
}

void expect_refused(const std::string& pointer, const char* value, const std::string& part) {
  Json document = letters_document();
  document[Json::json_pointer(pointer)] = Json::parse(value);
  expect_error([&] { tokenizer_of(document); }, part);
}

TokenizerFiles json_files(const char* text) {
  TokenizerFiles files;
  files.tokenizer_json = text;
  return files;
}

TokenizerFiles model_files(const char* bytes) {
  TokenizerFiles files;
  files.tokenizer_model = bytes;
  return files;
}

TEST(TokenizerJson, EncodesAndDecodes) {
  const auto tokenizer = tokenizer_of(letters_document());
  EXPECT_THAT(tokenizer->encode("abcab<s>da"), ElementsAre(5, 4, 6, 3, 0));
  EXPECT_EQ(tokenizer->decode({5, 6, 3, 99, -1}, false), "abc<s>d");
  EXPECT_EQ(tokenizer->decode({5, 6, 3}, true), "abcd");
  EXPECT_EQ(tokenizer->vocab_size(), 7);
  EXPECT_EQ(tokenizer->find("<s>"), 6);
  EXPECT_EQ(tokenizer->find("abc"), 5);
  EXPECT_EQ(tokenizer->find("abcd"), std::nullopt);
  EXPECT_EQ(tokenizer->token_text(4), "ab");
  EXPECT_EQ(tokenizer->token_text(7), "");
  EXPECT_EQ(tokenizer->chat_template(), "");
}

TEST(TokenizerJson, ReadsInvalidUtf8AsReplacementCharacters) {
  Json document = letters_document();
  Json& vocab = document["model"]["vocab"];
  vocab.clear();
  for (unsigned byte = 0; byte < 256; ++byte) vocab[byte_token_text(byte, true)] = byte;
  document["model"]["merges"] = Json::array();
  document["added_tokens"] = Json::array();
  const auto tokenizer = tokenizer_of(document);
  const auto round_trip = [&](const std::string& text) { return tokenizer->decode(tokenizer->encode(text), false); };
  EXPECT_EQ(round_trip("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(round_trip("\xE2\x82"), "\xEF\xBF\xBD");
  EXPECT_EQ(round_trip("\xF0\x9F\x98x"), "\xEF\xBF\xBDx");
  EXPECT_EQ(round_trip("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(round_trip("\xC0\xAF\xF5"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(tokenizer->decode({'a', 0xE2, 0x82, 'b'}, false),
            "a\xEF\xBF\xBD"
            "b");
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte.push_back(static_cast<char>(byte));
  EXPECT_TRUE(is_utf8(round_trip(every_byte)));
  EXPECT_EQ(round_trip(std::string("\0 nul\r\n", 7)), std::string("\0 nul\r\n", 7));
}

TEST(TokenizerJson, MegabytesWithoutAPreTokenizer) {
  Json document = letters_document();
  document["pre_tokenizer"] = nullptr;
  std::string text;
  while (text.size() < 3'000'000) text += "abcd";
  EXPECT_EQ(tokenizer_of(document)->encode(text).size(), text.size() / 2);
}

TEST(TokenizerJson, RefusesWhatItCannotDoExactly) {
  expect_refused("/model/type", R"("Unigram")", "\"Unigram\"");
  expect_refused("/model/dropout", "0.1", "dropout");
  expect_refused("/model/end_of_word_suffix", R"("</w>")", "end_of_word_suffix");
  expect_refused("/model/continuing_subword_prefix", R"("##")", "continuing_subword_prefix");
  expect_refused("/normalizer", R"({"type": "Lowercase"})", "\"Lowercase\"");
  expect_refused("/normalizer", R"({"type": "Replace", "pattern": {"Regex": "a"}, "content": ""})",
                 "Replace by a regex");
  expect_refused("/pre_tokenizer", R"({"type": "BertPreTokenizer"})", "BertPreTokenizer");
  expect_refused("/pre_tokenizer", R"({"type": "Split", "pattern": {"String": " "}, "behavior": "Removed"})",
                 "Removed");
  expect_refused("/pre_tokenizer",
                 R"({"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}, {"type": "Digits"}]})",
                 "\"Digits\" after ByteLevel");
  expect_refused("/pre_tokenizer", R"({"type": "Split", "pattern": {"Regex": "\\w+"}, "behavior": "Isolated"})", "\\w");
  expect_refused("/pre_tokenizer", R"({"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Isolated"})",
                 "compile");
  expect_refused("/decoder", R"({"type": "WordPiece"})", "\"WordPiece\"");
  expect_refused("/post_processor", R"({"type": "BertProcessing"})", "BertProcessing");
  expect_refused("/added_tokens/0/id", "9", "9, but on loading it would get 6");
}

TEST(TokenizerJson, RefusesADamagedModel) {
  expect_refused("/model/merges", R"(["a b", "a x"])", "model.merges[1]");
  expect_refused("/model/merges", R"(["a b", "a x"])", "needs the token \"x\"");
  expect_refused("/model/merges", R"([["a", "c"]])", "needs the token \"ac\"");
  expect_refused("/model/merges", R"(["a b", ["ab", "c"]])", "all strings or all pairs");
  expect_refused("/model/merges", R"(["a b c"])", "one space");
  expect_refused("/model/merges", R"(["ab"])", "one space");
  expect_refused("/model/merges", R"([["a"]])", "two strings");
  expect_refused("/model/merges", "3", "must be a list");
  expect_refused("/model/vocab", "[]", "must be an object");
  expect_refused("/model/vocab", R"({"a": "0"})", "no whole id");
  expect_refused("/model/vocab", R"({"a": 0, "b": 0})", "share the id 0");
  expect_refused("/model/vocab", R"({"a": -1})", "-1");
  expect_refused("/model/vocab", R"({"a": 18446744073709551615})", "18446744073709551615");
  expect_refused("/model/unk_token", R"("<unk>")", "unk_token");
  expect_refused("/model", "[]", "object");
  expect_error([] { tokenizer_from_json(json_files("{\"model\": ")); }, "tokenizer.json:1:");
  expect_error([] { tokenizer_from_json(json_files("{}")); }, "\"model\" is missing");
  expect_error([] { tokenizer_from_json(json_files("[]")); }, "object");
}

TEST(TokenizerJson, MergesThatComeBackOnThemselvesEnd) {
  Json document = letters_document();
  document["model"]["merges"] = Json::parse(R"([["ab", "c"], ["a", "b"], ["a", "b"], ["ab", "c"]])");
  EXPECT_THAT(tokenizer_of(document)->encode("abc"), ElementsAre(5));
}

TEST(TokenizerJson, OddByteTokensAreOrdinaryText) {
  Json document = Json::parse(R"({
    "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
    "model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>", "merges": [],
              "vocab": {"<unk>": 0, "<0x-1>": 1, "<0x+7>": 2, "<0x41>": 3, "<0xG0>": 4, "<0xC3>": 5, "<0xA9>": 6}}})");
  const auto tokenizer = tokenizer_of(document);
  EXPECT_EQ(tokenizer->decode({1, 4, 3}, false), "<0x-1><0xG0>A");
  EXPECT_EQ(tokenizer->decode({2}, false), "\a");
  EXPECT_EQ(tokenizer->decode({5, 6}, false), "\xC3\xA9");
  EXPECT_EQ(tokenizer->decode({5, 5, 3}, false), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_THAT(tokenizer->encode("A\xC3\xA9?"), ElementsAre(3, 5, 6, 0));
}

TEST(TokenizerJson, OwnTruncationAndPaddingAreIgnored) {
  Json document = letters_document();
  document["truncation"] = Json{{"max_length", 1}};
  document["padding"] = Json{{"strategy", "BatchLongest"}};
  EXPECT_THAT(tokenizer_of(document)->encode("aaa"), ElementsAre(0, 0, 0));
}

const char* const kBosTemplate = R"({"type": "TemplateProcessing",
  "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
  "special_tokens": {"<s>": {"id": "<s>", "ids": [6], "tokens": ["<s>"]}}})";

TEST(TokenizerJson, SpecialTokensComeFromTheConfiguration) {
  TokenizerFiles files = test::files_of(letters_document());
  files.tokenizer_config = R"({"bos_token": "<s>", "eos_token": {"content": "d"}, "pad_token": "[PAD]",
    "chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]})";
  files.special_tokens_map = R"({"bos_token": "a", "unk_token": {"content": "c", "normalized": false}})";
  const auto tokenizer = tokenizer_from_json(files);
  EXPECT_EQ(tokenizer->special().bos, 6);
  EXPECT_EQ(tokenizer->special().eos, 3);
  EXPECT_EQ(tokenizer->special().pad, 7);
  EXPECT_EQ(tokenizer->special().unk, 2);
  EXPECT_FALSE(tokenizer->special().add_bos);
  EXPECT_EQ(tokenizer->vocab_size(), 8);
  EXPECT_THAT(tokenizer->encode("ab[PAD]d"), ElementsAre(4, 7, 3));
  EXPECT_EQ(tokenizer->decode({0, 3, 7}, true), "a");
  EXPECT_EQ(tokenizer->chat_template(), "D");

  files.chat_template = "J";
  const auto changed = tokenizer_from_json(files);
  EXPECT_EQ(changed->chat_template(), "J");
  EXPECT_NE(changed->identity(), tokenizer->identity());
}

TEST(TokenizerJson, BosComesFromTheConfigurationOrTheTemplate) {
  Json document = letters_document();
  document["post_processor"] = Json::parse(kBosTemplate);
  TokenizerFiles files = test::files_of(document);
  EXPECT_TRUE(tokenizer_from_json(files)->special().add_bos);
  EXPECT_EQ(tokenizer_from_json(files)->special().bos, 6);
  files.tokenizer_config = R"({"bos_token": "<s>", "eos_token": "<s>", "add_bos_token": false, "add_eos_token": true})";
  EXPECT_FALSE(tokenizer_from_json(files)->special().add_bos);
  EXPECT_TRUE(tokenizer_from_json(files)->special().add_eos);
  files.tokenizer_config = R"({"bos_token": "a"})";
  expect_error([&] { tokenizer_from_json(files); }, "post-processor");
  files.tokenizer_config = R"({"add_eos_token": true})";
  expect_error([&] { tokenizer_from_json(files); }, "eos_token");
  files.tokenizer_config = R"({"add_bos_token": 1})";
  expect_error([&] { tokenizer_from_json(files); }, "tokenizer_config.json");
}

TEST(TokenizerJson, AddedTokensOfTheConfigurationGetTheNextId) {
  TokenizerFiles files = test::files_of(letters_document());
  files.tokenizer_config = R"({"added_tokens_decoder": {"6": {"content": "<s>", "special": true, "rstrip": true},
                                                        "7": {"content": "<x>", "lstrip": true}}})";
  const auto tokenizer = tokenizer_from_json(files);
  EXPECT_THAT(tokenizer->encode("a  <x><s>  b"), ElementsAre(0, 7, 6, 1));
  files.tokenizer_config = R"({"added_tokens_decoder": {"6": {"content": "<s>", "normalized": true}}})";
  EXPECT_THAT(tokenizer_from_json(files)->encode("a<s>b"), ElementsAre(0, 6, 1));
  files.tokenizer_config = std::nullopt;
  files.added_tokens = R"({"<s>": 6, "<y>": 7})";
  EXPECT_THAT(tokenizer_from_json(files)->encode("a<y>"), ElementsAre(0, 7));
  files.tokenizer_config = R"({"added_tokens_decoder": {"9": {"content": "<x>"}}})";
  expect_error([&] { tokenizer_from_json(files); }, "\"<x>\" has the id 9");
}

test::GgufMetadata letters_metadata(const std::string& model, const std::string& pre) {
  test::GgufMetadata metadata;
  metadata.text("tokenizer.ggml.model", model);
  if (!pre.empty()) metadata.text("tokenizer.ggml.pre", pre);
  return metadata;
}

std::unique_ptr<Tokenizer> load(const test::GgufMetadata& metadata) {
  const test::TemporaryFolder folder;
  return tokenizer_from_gguf(GgufFile(folder.write("v.gguf", metadata.bytes())));
}

TEST(GgufTokenizer, ReadsByteLevelVocabularies) {
  test::GgufMetadata metadata = letters_metadata("gpt2", "llama-bpe");
  metadata.texts("tokenizer.ggml.tokens", {"a", "b", "ab", "abab", "<s>", "<u>"});
  metadata.integers("tokenizer.ggml.token_type", {1, 1, 1, 1, 3, 4});
  metadata.texts("tokenizer.ggml.merges", {"a b"});
  metadata.number("tokenizer.ggml.bos_token_id", 4);
  const auto tokenizer = load(metadata);
  EXPECT_THAT(tokenizer->encode("<s>abab'ab<u>"), ElementsAre(4, 3, 2, 5));
  EXPECT_TRUE(tokenizer->special().add_bos);
  EXPECT_EQ(tokenizer->decode({4, 3, 5}, true), "abab<u>");
}

TEST(GgufTokenizer, ReadsSentencePieceVocabularies) {
  test::GgufMetadata metadata = letters_metadata("llama", "default");
  metadata.texts("tokenizer.ggml.tokens",
                 {"<unk>", "<s>", "</s>", "<0xC3>", "<0xA9>", "\xE2\x96\x81", "a", "b", "ab", "ba",
                  "\xE2\x96\x81"
                  "a",
                  "aba"});
  metadata.floats("tokenizer.ggml.scores", {0, 0, 0, 0, 0, -9, -9, -9, -2, -2, -3, -1});
  metadata.integers("tokenizer.ggml.token_type", {2, 3, 3, 6, 6, 1, 1, 1, 1, 1, 1, 1});
  metadata.number("tokenizer.ggml.bos_token_id", 1);
  metadata.number("tokenizer.ggml.unknown_token_id", 0);
  const auto tokenizer = load(metadata);
  EXPECT_THAT(tokenizer->encode("ab"), ElementsAre(5, 8));
  EXPECT_THAT(tokenizer->encode("a"), ElementsAre(10));
  EXPECT_THAT(tokenizer->encode("bab"), ElementsAre(5, 9, 7));
  EXPECT_THAT(tokenizer->encode("aba"), ElementsAre(5, 11));
  EXPECT_THAT(tokenizer->encode("\xC3\xA9zz</s> a"), ElementsAre(5, 3, 4, 0, 2, 5, 10));
  EXPECT_TRUE(tokenizer->special().add_bos);
  EXPECT_EQ(tokenizer->decode({1, 10, 7, 5, 3, 4}, true), "ab \xC3\xA9");
}

TEST(GgufTokenizer, RefusesWhatItDoesNotKnow) {
  const auto error_of = [](const std::string& model, const std::string& pre, const std::vector<std::string>& merges,
                           const std::string& part) {
    test::GgufMetadata metadata = letters_metadata(model, pre);
    metadata.texts("tokenizer.ggml.tokens", {"a", "b"});
    metadata.texts("tokenizer.ggml.merges", merges);
    expect_error([&] { load(metadata); }, part);
  };
  error_of("bert", "", {}, "\"bert\"");
  error_of("gpt2", "tekken", {}, "\"tekken\"");
  error_of("gpt2", "", {}, "without a pre-tokenizer");
  error_of("gpt2", "gpt-2", {"a b"}, "needs the token \"ab\"");
  error_of("gpt2", "gpt-2", {"ab"}, "tokenizer.ggml.merges[0]");
  error_of("llama", "", {}, "tokenizer.ggml.scores");

  test::GgufMetadata metadata = letters_metadata("gpt2", "gpt-2");
  metadata.texts("tokenizer.ggml.tokens", {"a", "\xFF"});
  EXPECT_THROW(load(metadata), Error);

  metadata = letters_metadata("gpt2", "gpt-2");
  metadata.texts("tokenizer.ggml.tokens", {"a"});
  metadata.texts("tokenizer.ggml.merges", {});
  metadata.number("tokenizer.ggml.eos_token_id", 7);
  expect_error([&] { load(metadata); }, "eos_token_id");
  EXPECT_EQ(load(test::GgufMetadata()), nullptr);
}

TEST(SentencePieceTokenizer, RefusesBytesThatAreNoModel) {
  expect_error([] { tokenizer_from_sentencepiece(model_files("not a model")); }, "tokenizer.model");
  expect_error([] { tokenizer_from_sentencepiece(model_files("")); }, "tokenizer.model");
}

}  // namespace
}  // namespace vernier
