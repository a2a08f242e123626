// GGUF bases: the merged directory carries config, tokenizer and template, and reads back as the same tokenizer.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "data/gguf_tokenizer.h"
#include "data/tokenizer.h"
#include "export/export_fixture.h"
#include "export/merged_config.h"
#include "io/gguf.h"

namespace vernier::testing {
namespace {

using test::GgufBuilder;
using test::raw;
using test::raw_all;
using ::testing::HasSubstr;

void append_utf8(std::string& text, std::uint32_t code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
    return;
  }
  text += static_cast<char>(0xC0 | code >> 6);
  text += static_cast<char>(0x80 | (code & 0x3F));
}

// GPT-2's letter for a byte: itself where it prints, else the next letter from U+0100 on.
std::vector<std::string> byte_alphabet() {
  std::vector<std::string> letters(256);
  std::uint32_t next = 0x100;
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    const bool prints = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    append_utf8(letters[byte], prints ? byte : next++);
  }
  return letters;
}

void add_texts(GgufBuilder& file, const std::string& key, const std::vector<std::string>& texts) {
  std::string bytes = raw(std::uint32_t{8}) + raw(std::uint64_t{texts.size()});
  for (const std::string& text : texts) bytes += GgufBuilder::text(text);
  file.values.push_back(GgufBuilder::value(key, 9, bytes));
}

template <typename T>
void add_numbers(GgufBuilder& file, const std::string& key, std::uint32_t type, const std::vector<T>& numbers) {
  file.values.push_back(GgufBuilder::value(key, 9, raw(type) + raw(std::uint64_t{numbers.size()}) + raw_all(numbers)));
}

// tiny_llama with an embedding of as many rows as there are tokens, and with weights of a usual size.
GgufBuilder base_of(std::size_t tokens) {
  GgufBuilder file = test::tiny_llama();
  for (auto& tensor : file.tensors) {
    if (tensor.name == "token_embd.weight") tensor.dimensions[1] = static_cast<std::int64_t>(tokens);
    std::int64_t count = 1;
    for (const std::int64_t dimension : tensor.dimensions) count *= dimension;
    std::vector<float> values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(0.1f * static_cast<float>(i * 7919 % 101 - 50) / 50.0f);
    tensor.data = raw_all(values);
  }
  return file;
}

GgufBuilder byte_level_base(const std::string& pre, bool add_bos) {
  std::vector<std::string> tokens = byte_alphabet();
  std::vector<std::string> merges;
  for (const auto& [left, right] : std::vector<std::pair<std::string, std::string>>{
           {"r", "e"}, {"re", "a"}, {"\xC4\xA0", "rea"}, {"1", "2"}, {"12", "3"}, {"L", "L"}, {"'", "LL"}}) {
    merges.push_back(left + " " + right);
    tokens.push_back(left + right);
  }
  std::vector<std::int32_t> types(tokens.size(), 1);
  for (const char* special : {"<|im_start|>", "<|im_end|>"}) {
    tokens.emplace_back(special);
    types.push_back(3);
  }
  tokens.emplace_back("<tool>");
  types.push_back(4);
  GgufBuilder file = base_of(tokens.size());
  std::erase_if(file.values, [](const std::string& value) { return value.find("bos_token_id") != value.npos; });
  const auto first_special = static_cast<std::uint32_t>(tokens.size() - 3);
  file.add_text("tokenizer.ggml.model", "gpt2");
  file.add_text("tokenizer.ggml.pre", pre);
  add_texts(file, "tokenizer.ggml.tokens", tokens);
  add_texts(file, "tokenizer.ggml.merges", merges);
  add_numbers(file, "tokenizer.ggml.token_type", 5, types);
  file.add_u32("tokenizer.ggml.bos_token_id", first_special);
  file.add_u32("tokenizer.ggml.eos_token_id", first_special + 1);
  file.values.push_back(GgufBuilder::value("tokenizer.ggml.add_bos_token", 7, std::string(1, add_bos ? 1 : 0)));
  file.add_text("tokenizer.chat_template", "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}");
  return file;
}

GgufBuilder sentencepiece_base() {
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<std::int32_t> types = {2, 3, 3};
  std::vector<float> scores(3, 0.0f);
  constexpr const char* kHex = "0123456789ABCDEF";
  for (int byte = 0; byte < 256; ++byte) {
    tokens.push_back(std::string("<0x") + kHex[byte / 16] + kHex[byte % 16] + ">");
    types.push_back(6);
    scores.push_back(0);
  }
  float score = 0;
  for (const char* piece : {"re",
                            "\xE2\x96\x81"
                            "re",
                            "\xE2\x96\x81"
                            "rea",
                            "ead", "\xE2\x96\x81", "r", "e", "a", "d", "s", "1", "2"}) {
    tokens.emplace_back(piece);
    types.push_back(1);
    scores.push_back(score--);
  }
  GgufBuilder file = base_of(tokens.size());
  file.add_text("tokenizer.ggml.model", "llama");
  add_texts(file, "tokenizer.ggml.tokens", tokens);
  add_numbers(file, "tokenizer.ggml.token_type", 5, types);
  add_numbers(file, "tokenizer.ggml.scores", 6, scores);
  file.add_u32("tokenizer.ggml.eos_token_id", 2);
  file.add_u32("tokenizer.ggml.unknown_token_id", 0);
  return file;
}

class GgufMerge : public ::testing::Test {
 protected:
  // Merges an adapter on q_proj into the file.
  void merge_into(const GgufBuilder& file) {
    request.base = folder.write("base.gguf", file.build());
    request.adapter = folder / "adapter";
    request.out = folder / "merged";
    const ModelDir base(request.base);
    LoraConfig lora;
    lora.r = 2;
    lora.target_modules = LoraConfig::Names{"q_proj"};
    Decoder model;
    model.spec = parse_model_spec(base.config(), request.base);
    add_lora(model, lora, 5);
    model.lora->values().fill_(0.03);
    NamedTensors tensors;
    for (const TrainedTensor& trained : model.lora->tensors()) tensors.emplace_back(trained.name, trained.value);
    write_adapter(request.adapter, tensors, 2, 4, {"q_proj"});
    merge(request);
  }
  void expect_same_tokenizer(const std::vector<std::string>& texts) const {
    const ModelDir base(request.base), merged(request.out);
    const auto before = load_tokenizer(base), after = load_tokenizer(merged);
    ASSERT_NE(after, nullptr);
    EXPECT_EQ(after->vocab_size(), before->vocab_size());
    EXPECT_EQ(after->chat_template(), before->chat_template());
    EXPECT_EQ(after->special().bos, before->special().bos);
    EXPECT_EQ(after->special().eos, before->special().eos);
    EXPECT_EQ(after->special().add_bos, before->special().add_bos);
    EXPECT_EQ(after->special().add_eos, before->special().add_eos);
    for (const std::string& text : texts) {
      const auto ids = before->encode(text);
      EXPECT_EQ(after->encode(text), ids) << text;
      for (const bool skip : {false, true}) EXPECT_EQ(after->decode(ids, skip), before->decode(ids, skip)) << text;
    }
  }

  TempDir folder;
  MergeRequest request;
};

const std::vector<std::string> kTexts = {"read 123123 rea",
                                         "we'LL re-read  it\n\n\tend ",
                                         "<|im_start|>a <tool> b<|im_end|>",
                                         "na\xC3\xAFve \xE6\xB5\x8B\xE8\xAF\x95 \xF0\x9F\x98\x80",
                                         "e\xCC\x81 1 12 1234567",
                                         ""};

TEST_F(GgufMerge, ByteLevelTokenizersKeepTheirIds) {
  for (const char* pre : {"smollm", "gpt-2", "qwen2", "llama-bpe"}) {
    SCOPED_TRACE(pre);
    merge_into(byte_level_base(pre, std::string(pre) == "llama-bpe"));
    expect_same_tokenizer(kTexts);
    std::filesystem::remove_all(request.out);
  }
}

TEST_F(GgufMerge, SentencePieceTokenizersKeepTheirIds) {
  merge_into(sentencepiece_base());
  expect_same_tokenizer({"read read", "  rereads 12", "\xE6\xB5\x8B", "dea", ""});
}

TEST_F(GgufMerge, WritesConfigAndGenerationConfig) {
  merge_into(byte_level_base("smollm", false));
  const ModelDir base(request.base), merged(request.out);
  Json expected = base.config();
  EXPECT_EQ(expected["torch_dtype"], "float32");
  EXPECT_EQ(merged.config(), expected);
  const Json generation = read_json_file(request.out + "/generation_config.json");
  EXPECT_EQ(generation["eos_token_id"], expected["eos_token_id"]);
}

TEST_F(GgufMerge, ABaseWithoutTokenizerIsFine) {
  merge_into(base_of(5));
  EXPECT_EQ(load_tokenizer(ModelDir(request.out)), nullptr);
}

TEST_F(GgufMerge, FrequencyFactorsBecomeLlama3Scaling) {
  GgufBuilder file = base_of(5);
  // Wavelengths 6.3 and 628 of 64 positions: the first is kept, the second is divided by the whole factor.
  file.tensors.push_back({"rope_freqs.weight", {2}, 0, raw_all(std::vector<float>{1, 8})});
  merge_into(file);
  const ModelDir base(request.base), merged(request.out);
  EXPECT_FALSE(merged.config().contains("vernier_rope_freq_factors"));
  EXPECT_EQ(merged.config()["rope_scaling"]["rope_type"], "llama3");
  EXPECT_EQ(rope_inverse_frequencies(parse_model_spec(merged.config(), "").rope, 4),
            rope_inverse_frequencies(parse_model_spec(base.config(), "").rope, 4));
}

TEST_F(GgufMerge, OtherFrequencyFactorsAreKept) {
  GgufBuilder file = base_of(5);
  file.tensors.push_back({"rope_freqs.weight", {2}, 0, raw_all(std::vector<float>{3, 8})});
  merge_into(file);
  EXPECT_EQ(parse_model_spec(ModelDir(request.out).config(), "").rope.freq_factors, (std::vector<double>{3, 8}));
}

}  // namespace
}  // namespace vernier::testing
