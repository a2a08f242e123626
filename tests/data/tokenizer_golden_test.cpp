// Ids and texts equal to those of Hugging Face's tokenizers: on small tokenizers of ours with one feature each
// (tests/golden/scripts/make_tokenization.py), and on the real files beside the repository.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/gguf_tokenizer.h"
#include "data/sentencepiece_tokenizer.h"
#include "io/model_dir.h"
#include "support/skips.h"
#include "tokenizer_fixture.h"

namespace vernier {
namespace {

using test::golden_path;
using test::read_text;

struct Expected {
  std::vector<std::string> texts;
  std::vector<std::vector<TokenId>> ids;
};

// A file of ../shared/golden/tokenization with its texts.
Expected shared_golden(const std::string& name) {
  Expected expected;
  for (const Json& text : read_json_file(shared_path("golden/tokenization/texts.json")))
    expected.texts.push_back(text.at("text").get<std::string>());
  const Json golden = read_json_file(shared_path("golden/tokenization/" + name + ".json"));
  expected.ids = golden.at("ids").get<std::vector<std::vector<TokenId>>>();
  return expected;
}

void expect_ids(const Tokenizer& tokenizer, const Expected& expected) {
  ASSERT_EQ(expected.texts.size(), expected.ids.size());
  ASSERT_GE(expected.texts.size(), 20u);
  for (std::size_t i = 0; i < expected.texts.size(); ++i)
    EXPECT_EQ(tokenizer.encode(expected.texts[i]), expected.ids[i]) << "text " << i << ": " << expected.texts[i];
}

TokenizerFiles shared_files(const std::string& folder) {
  TokenizerFiles files;
  files.directory = shared_path(folder);
  files.tokenizer_json = read_text(files.path("tokenizer.json"));
  files.tokenizer_config = read_text(files.path("tokenizer_config.json"));
  files.special_tokens_map = read_text(files.path("special_tokens_map.json"));
  files.chat_template = read_text(files.path("chat_template.jinja"));
  return files;
}

class TinyTokenizers : public testing::TestWithParam<const char*> {};

TEST_P(TinyTokenizers, EqualHuggingFaces) {
  const Json golden = read_json_file(golden_path("tiny.json"));
  const auto texts = golden.at("texts").get<std::vector<std::string>>();
  bool found = false;
  for (const Json& entry : golden.at("tokenizers")) {
    if (entry.at("name") != GetParam()) continue;
    found = true;
    const auto tokenizer = test::tokenizer_of(entry.at("json"));
    const Expected expected{texts, entry.at("ids").get<std::vector<std::vector<TokenId>>>()};
    expect_ids(*tokenizer, expected);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      EXPECT_EQ(tokenizer->decode(expected.ids[i], false), entry.at("decoded")[i].get<std::string>()) << texts[i];
      EXPECT_EQ(tokenizer->decode(expected.ids[i], true), entry.at("skipped")[i].get<std::string>()) << texts[i];
    }
  }
  EXPECT_TRUE(found);
}

INSTANTIATE_TEST_SUITE_P(Features, TinyTokenizers,
                         testing::Values("smollm", "gpt2_string_merges", "digit_runs_prefix_space", "llama3", "qwen2",
                                         "other_regex", "llama2", "llama2_few_bytes", "llama2_few_bytes_fused",
                                         "metaspace_first", "metaspace_always_cut", "metaspace_never",
                                         "no_decoder_no_unk", "stories260K"),
                         [](const auto& param) { return std::string(param.param); });

class RealTokenizerJson : public testing::TestWithParam<const char*> {};

TEST_P(RealTokenizerJson, EqualsGolden) {
  const std::string name = GetParam();
  SKIP_WITHOUT_SHARED("tokenizers/" + name);
  const TokenizerFiles files = shared_files("tokenizers/" + name);
  const auto tokenizer = tokenizer_from_json(files);
  const Expected expected = shared_golden(name);
  expect_ids(*tokenizer, expected);
  const Json changed = read_json_file(shared_path("golden/tokenization/" + name + ".json")).at("decoded");
  for (std::size_t i = 0; i < expected.texts.size(); ++i) {
    const std::string back = tokenizer->decode(expected.ids[i], false);
    EXPECT_EQ(back, changed.value(std::to_string(i), expected.texts[i]));
  }
}

INSTANTIATE_TEST_SUITE_P(Shared, RealTokenizerJson,
                         testing::Values("smollm2-135m", "smollm-135m", "npm-llama3_1", "npm-qwen3"),
                         [](const auto& param) {
                           std::string name = param.param;
                           for (char& c : name)
                             if (c == '-') c = '_';
                           return name;
                         });

class RealSentencePiece : public testing::TestWithParam<const char*> {};

TEST_P(RealSentencePiece, EqualsGolden) {
  const std::string name = GetParam();
  SKIP_WITHOUT_SHARED("tokenizers/" + name);
  TokenizerFiles files;
  files.tokenizer_model = read_text(
      shared_path(name == "mistral" ? "tokenizers/mistral/tokenizer.model.v1" : "tokenizers/llama2/tokenizer.model"));
  const auto tokenizer = tokenizer_from_sentencepiece(files);
  const Expected expected = shared_golden(name);
  expect_ids(*tokenizer, expected);
  for (std::size_t i = 0; i < expected.texts.size(); ++i)
    EXPECT_EQ(tokenizer->decode(expected.ids[i], false), expected.texts[i]);
  EXPECT_TRUE(tokenizer->special().add_bos);
  EXPECT_EQ(tokenizer->special().bos, 1);
  EXPECT_EQ(tokenizer->special().eos, 2);
  EXPECT_EQ(tokenizer->vocab_size(), 32000);
}

INSTANTIATE_TEST_SUITE_P(Shared, RealSentencePiece, testing::Values("llama2", "mistral"),
                         [](const auto& param) { return std::string(param.param); });

TEST(SentencePiece, ConfigMakesControlSymbolsAddedTokens) {
  SKIP_WITHOUT_SHARED("tokenizers/llama2");
  TokenizerFiles files;
  files.tokenizer_model = read_text(shared_path("tokenizers/llama2/tokenizer.model"));
  files.tokenizer_config = R"({"bos_token": "<s>", "eos_token": {"content": "</s>"}, "add_bos_token": false,
                               "added_tokens_decoder": {"32000": {"content": "<pad>", "special": true}}})";
  const auto legacy = tokenizer_from_sentencepiece(files);
  EXPECT_FALSE(legacy->special().add_bos);
  EXPECT_EQ(legacy->vocab_size(), 32001);
  const TokenId space = *legacy->find("\xE2\x96\x81"), hello = *legacy->find("\xE2\x96\x81Hello");
  EXPECT_THAT(legacy->encode("<s> Hello<pad>Hello</s>"), testing::ElementsAre(1, space, hello, 32000, hello, 2));
  EXPECT_EQ(legacy->decode({1, hello, 2}, true), "Hello");
  EXPECT_EQ(legacy->decode({1, hello, 2}, false), "<s> Hello</s>");

  files.tokenizer_config = R"({"bos_token": "<s>", "legacy": false})";
  const auto modern = tokenizer_from_sentencepiece(files);
  EXPECT_THAT(modern->encode("<s> Hello"), testing::ElementsAre(1, hello));
  EXPECT_THAT(modern->encode("Hello"), testing::ElementsAre(hello));
}

// The metadata that llama.cpp's converter writes for SmolLM2, made from its tokenizer.json.
std::string smollm2_gguf(const Json& document) {
  test::GgufMetadata metadata;
  std::vector<std::string> tokens(document.at("model").at("vocab").size()), merges;
  std::vector<std::int32_t> types(tokens.size(), 1);
  for (const auto& [text, id] : document.at("model").at("vocab").items()) tokens[id.get<std::size_t>()] = text;
  for (const Json& token : document.at("added_tokens")) types[token.at("id").get<std::size_t>()] = 3;
  for (const Json& pair : document.at("model").at("merges"))
    merges.push_back(pair[0].get<std::string>() + " " + pair[1].get<std::string>());
  metadata.text("tokenizer.ggml.model", "gpt2");
  metadata.text("tokenizer.ggml.pre", "smollm");
  metadata.texts("tokenizer.ggml.tokens", tokens);
  metadata.integers("tokenizer.ggml.token_type", types);
  metadata.texts("tokenizer.ggml.merges", merges);
  metadata.number("tokenizer.ggml.bos_token_id", 1);
  metadata.number("tokenizer.ggml.eos_token_id", 2);
  metadata.text("tokenizer.chat_template", "{{ messages }}");
  return metadata.bytes();
}

TEST(GgufTokenizerGolden, SmolLm2EqualsItsTokenizerJson) {
  SKIP_WITHOUT_SHARED("tokenizers/smollm2-135m");
  const auto document = read_text(shared_path("tokenizers/smollm2-135m/tokenizer.json"));
  const test::TemporaryFolder folder;
  const GgufFile file(folder.write("vocabulary.gguf", smollm2_gguf(parse_json(*document, "tokenizer.json"))));
  const auto tokenizer = tokenizer_from_gguf(file);
  expect_ids(*tokenizer, shared_golden("smollm2-135m"));
  EXPECT_EQ(tokenizer->special().eos, 2);
  EXPECT_FALSE(tokenizer->special().add_bos);
  EXPECT_EQ(tokenizer->chat_template(), "{{ messages }}");
  EXPECT_EQ(tokenizer->identity().size(), 64u);
}

TEST(LoadTokenizer, ReadsAModelDirectory) {
  SKIP_WITHOUT_SHARED("models/stories260K");
  const ModelDir model(shared_path("models/stories260K/hf"));
  const auto tokenizer = load_tokenizer(model);
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_EQ(tokenizer->vocab_size(), 512);
  EXPECT_TRUE(tokenizer->special().add_bos);
  EXPECT_FALSE(tokenizer->special().add_eos);
  EXPECT_EQ(tokenizer->special().bos, 1);
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("Once upon a time"), true), "Once upon a time");
}

TEST(LoadTokenizer, SmolLm2BringsItsTemplate) {
  SKIP_WITHOUT_SHARED("tokenizers/smollm2-135m");
  const TokenizerFiles files = shared_files("tokenizers/smollm2-135m");
  const auto tokenizer = tokenizer_from_json(files);
  EXPECT_EQ(tokenizer->chat_template(), *files.chat_template);
  EXPECT_EQ(tokenizer->special().bos, tokenizer->find("<|im_start|>"));
  EXPECT_EQ(tokenizer->special().eos, tokenizer->find("<|im_end|>"));
  EXPECT_FALSE(tokenizer->special().add_bos);
}

}  // namespace
}  // namespace vernier
