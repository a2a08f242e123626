#include <gtest/gtest.h>

#include <bit>
#include <numeric>

#include "base/text.h"
#include "io/gguf.h"
#include "io/model_dir.h"
#include "io/test_files.h"

namespace vernier {
namespace {

using test::error_of;
using test::GgufBuilder;
using test::raw;
using test::raw_all;
using test::TempDir;
using test::tiny_llama;

std::vector<float> read_f32(const ModelDir& model, const std::string& name) {
  const WeightInfo* const weight = model.find(name);
  EXPECT_NE(weight, nullptr) << name;
  std::vector<float> values(static_cast<std::size_t>(weight->elements()));
  model.read(*weight, Dtype::kF32, values.data());
  return values;
}

std::vector<float> counting(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

ModelDir open(const TempDir& dir, const GgufBuilder& builder) {
  return ModelDir(dir.write("m.gguf", builder.build()));
}

TEST(GgufModel, SpeaksHuggingFacesWords) {
  const TempDir dir;
  const ModelDir model = open(dir, tiny_llama());
  EXPECT_EQ(model.config().dump(),
            "{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\",\"hidden_size\":8,"
            "\"intermediate_size\":32,\"num_hidden_layers\":1,\"num_attention_heads\":2,\"num_key_value_heads\":1,"
            "\"head_dim\":4,\"rms_norm_eps\":9.999999747378752e-06,\"rope_theta\":10000.0,\"vocab_size\":5,"
            "\"max_position_embeddings\":64,\"tie_word_embeddings\":true,\"hidden_act\":\"silu\","
            "\"attention_bias\":false,\"mlp_bias\":false,\"torch_dtype\":\"float32\",\"bos_token_id\":1}");
  ASSERT_EQ(model.weights().size(), 11u);
  EXPECT_EQ(model.weights()[0].name, "model.embed_tokens.weight");
  EXPECT_EQ(model.weights()[1].name, "model.layers.0.input_layernorm.weight");
  EXPECT_EQ(model.find("model.layers.0.mlp.down_proj.weight")->shape, (std::vector<std::int64_t>{8, 32}));
  EXPECT_EQ(model.find("model.layers.0.self_attn.q_proj.weight")->dtype, Dtype::kF32);
  EXPECT_EQ(model.find("lm_head.weight"), nullptr);
  EXPECT_NE(model.gguf(), nullptr);
  EXPECT_EQ(model.file("tokenizer.json"), std::nullopt);
  EXPECT_TRUE(model.tokenizer_files().empty());
  EXPECT_EQ(read_f32(model, "model.embed_tokens.weight"), counting(40));
}

TEST(GgufModel, RotaryRowsComeBackInHalves) {
  const TempDir dir;
  const ModelDir model = open(dir, tiny_llama());
  // Stored rows of a head: first half and second half interleaved.
  std::vector<float> expected;
  for (const int head : {0, 1})
    for (const int row : {0, 2, 1, 3})
      for (int column = 0; column < 8; ++column) expected.push_back(static_cast<float>((head * 4 + row) * 8 + column));
  EXPECT_EQ(read_f32(model, "model.layers.0.self_attn.q_proj.weight"), expected);
  expected.resize(32);
  EXPECT_EQ(read_f32(model, "model.layers.0.self_attn.k_proj.weight"), expected);
  EXPECT_EQ(read_f32(model, "model.layers.0.self_attn.v_proj.weight"), counting(32));
}

TEST(GgufModel, OneQuantizedTensorMakesABf16Checkpoint) {
  const TempDir dir;
  GgufBuilder builder = tiny_llama();
  for (auto& tensor : builder.tensors) {
    if (tensor.name == "blk.0.ffn_down.weight") {
      tensor.type = 8;
      tensor.data.clear();
      for (int row = 0; row < 8; ++row) {
        tensor.data += raw(std::uint16_t{0x3555});  // 0.33325195
        for (int j = 0; j < 32; ++j) tensor.data += static_cast<char>(j - 16);
      }
    }
    if (tensor.name == "output_norm.weight") tensor.data = raw_all(std::vector<float>(8, 1.00390625f));
  }
  const ModelDir model = open(dir, builder);
  EXPECT_EQ(model.config()["torch_dtype"], "bfloat16");
  for (const WeightInfo& weight : model.weights()) EXPECT_EQ(weight.dtype, Dtype::kBF16) << weight.name;
  // 1 + 2^-8 lies half way between two bf16 values: to the even one, also when asked for f32.
  EXPECT_EQ(read_f32(model, "model.norm.weight"), std::vector<float>(8, 1.0f));
  const auto down = read_f32(model, "model.layers.0.mlp.down_proj.weight");
  for (std::size_t i = 0; i < down.size(); ++i) {
    const float exact = 0.333251953125f * (static_cast<float>(i % 32) - 16.0f);
    EXPECT_EQ(down[i], bf16_to_f32(f32_to_bf16(exact)));
  }
  const WeightInfo* const weight = model.find("model.layers.0.mlp.down_proj.weight");
  std::vector<std::uint16_t> halves(down.size());
  model.read(*weight, Dtype::kBF16, halves.data());
  for (std::size_t i = 0; i < down.size(); ++i) EXPECT_EQ(bf16_to_f32(halves[i]), down[i]);
}

TEST(GgufModel, UnquantizedTypesStay) {
  const TempDir dir;
  GgufBuilder builder = tiny_llama();
  for (auto& tensor : builder.tensors)
    if (tensor.dimensions.size() == 2) {
      tensor.type = 1;
      tensor.data.resize(tensor.data.size() / 2);
    }
  const ModelDir model = open(dir, builder);
  EXPECT_EQ(model.config()["torch_dtype"], "float16");
  EXPECT_EQ(model.find("model.layers.0.self_attn.q_proj.weight")->dtype, Dtype::kF16);
  EXPECT_EQ(model.find("model.norm.weight")->dtype, Dtype::kF32);
}

TEST(GgufModel, Qwen3KeepsRowsAndHasHeadNorms) {
  const TempDir dir;
  GgufBuilder builder = tiny_llama("qwen3");
  builder.add_u32("qwen3.attention.key_length", 6);
  for (auto& tensor : builder.tensors) {
    if (tensor.name == "blk.0.attn_q.weight") tensor = {tensor.name, {8, 12}, 0, raw_all(counting(96))};
    if (tensor.name == "blk.0.attn_output.weight") tensor = {tensor.name, {12, 8}, 0, raw_all(counting(96))};
    if (tensor.name == "blk.0.attn_k.weight" || tensor.name == "blk.0.attn_v.weight")
      tensor = {tensor.name, {8, 6}, 0, raw_all(counting(48))};
  }
  builder.tensors.push_back({"blk.0.attn_q_norm.weight", {6}, 0, raw_all(counting(6))});
  builder.tensors.push_back({"blk.0.attn_k_norm.weight", {6}, 0, raw_all(counting(6))});
  const ModelDir model = open(dir, builder);
  EXPECT_EQ(model.config()["architectures"][0], "Qwen3ForCausalLM");
  EXPECT_EQ(model.config()["model_type"], "qwen3");
  EXPECT_EQ(model.config()["head_dim"], 6);
  EXPECT_EQ(read_f32(model, "model.layers.0.self_attn.q_proj.weight"), counting(96));
  EXPECT_EQ(read_f32(model, "model.layers.0.self_attn.q_norm.weight"), counting(6));
  EXPECT_EQ(read_f32(model, "model.layers.0.self_attn.k_norm.weight"), counting(6));
}

TEST(GgufModel, RopeScalingInTheConfig) {
  const TempDir dir;
  const auto scaling = [&](const std::function<void(GgufBuilder&)>& add) {
    GgufBuilder builder = tiny_llama();
    add(builder);
    const Json config = open(dir, builder).config();
    return config.contains("rope_scaling") ? config["rope_scaling"].dump() : "absent";
  };
  EXPECT_EQ(scaling([](auto&) {}), "absent");
  EXPECT_EQ(scaling([](auto& f) { f.add_text("llama.rope.scaling.type", "none"); }), "absent");
  EXPECT_EQ(scaling([](auto& f) {
              f.add_text("llama.rope.scaling.type", "linear");
              f.add_f32("llama.rope.scaling.factor", 4.0f);
            }),
            "{\"rope_type\":\"linear\",\"factor\":4.0}");
  EXPECT_EQ(scaling([](auto& f) { f.add_f32("llama.rope.scale_linear", 2.0f); }),
            "{\"rope_type\":\"linear\",\"factor\":2.0}");
  EXPECT_EQ(scaling([](auto& f) {
              f.add_text("llama.rope.scaling.type", "yarn");
              f.add_f32("llama.rope.scaling.factor", 4.0f);
              f.add_u32("llama.rope.scaling.original_context_length", 16);
            }),
            "{\"rope_type\":\"yarn\",\"factor\":4.0,\"original_max_position_embeddings\":16}");
  GgufBuilder longrope = tiny_llama();
  longrope.add_text("llama.rope.scaling.type", "longrope");
  longrope.add_f32("llama.rope.scaling.factor", 4.0f);
  EXPECT_NE(std::string(error_of([&] { open(dir, longrope); }).what()).find("\"longrope\""), std::string::npos);
}

TEST(GgufModel, RopeFactorsAreKept) {
  const TempDir dir;
  GgufBuilder builder = tiny_llama();
  builder.tensors.push_back({"rope_freqs.weight", {2}, 0, raw_all<float>({1.0f, 32.0f})});
  const ModelDir model = open(dir, builder);
  EXPECT_EQ(model.config()["vernier_rope_freq_factors"].dump(), "[1.0,32.0]");
  EXPECT_EQ(model.weights().size(), 11u);
}

struct Bad {
  const char* title;
  std::function<void(GgufBuilder&)> damage;
  const char* what;
};

void drop(GgufBuilder& file, const std::string& key) {
  std::erase_if(file.values, [&](const std::string& entry) { return entry.starts_with(GgufBuilder::text(key)); });
}

void replace(GgufBuilder& file, const std::string& key, std::uint32_t number) {
  drop(file, key);
  file.add_u32(key, number);
}

// clang-format off
const std::vector<Bad>& bad_models() {
  static const std::vector<Bad> kBad = {
    {"no architecture", [](auto& f) { drop(f, "general.architecture"); }, "\"general.architecture\" is missing"},
    {"unknown architecture", [](auto& f) { drop(f, "general.architecture"); f.add_text("general.architecture", "mamba"); }, "architecture \"mamba\" is not supported"},
    {"architecture is a number", [](auto& f) { replace(f, "general.architecture", 1); }, "\"general.architecture\" is not a string"},
    {"an adapter", [](auto& f) { f.add_text("general.type", "adapter"); }, "is of type \"adapter\""},
    {"one part of a split", [](auto& f) { f.add_u32("split.count", 3); }, "one part of a split"},
    {"no layers key", [](auto& f) { drop(f, "llama.block_count"); }, "\"llama.block_count\" is missing"},
    {"no hidden size", [](auto& f) { drop(f, "llama.embedding_length"); }, "\"llama.embedding_length\" is missing"},
    {"no epsilon", [](auto& f) { drop(f, "llama.attention.layer_norm_rms_epsilon"); }, "layer_norm_rms_epsilon\" is missing"},
    {"zero heads", [](auto& f) { replace(f, "llama.attention.head_count", 0); }, "\"llama.attention.head_count\" is 0"},
    {"layers over 2^31", [](auto& f) { replace(f, "llama.block_count", 0x80000000u); }, "\"llama.block_count\" is 2147483648"},
    {"odd head", [](auto& f) { f.add_u32("llama.attention.key_length", 5); }, "cannot be rotated in pairs"},
    {"partly rotated", [](auto& f) { f.add_u32("llama.rope.dimension_count", 2); }, "dimension_count\" differs"},
    {"negative base", [](auto& f) { f.add_f32("llama.rope.freq_base", -1.0f); }, "\"llama.rope.freq_base\" is -1"},
    {"sliding window", [](auto& f) { f.add_u32("llama.attention.sliding_window", 16); }, "sliding-window"},
    {"experts", [](auto& f) { f.add_u32("llama.expert_count", 8); }, "mixtures of experts"},
    {"no embedding", [](auto& f) { f.tensors[0].name = "output.weight"; }, "no tensor \"token_embd.weight\""},
    {"foreign tensor", [](auto& f) { f.tensors[1].name = "blk.0.ssm_a"; }, "tensor \"blk.0.ssm_a\" does not belong"},
    {"layer past the last", [](auto& f) { f.tensors[1].name = "blk.1.attn_norm.weight"; }, "\"blk.1.attn_norm.weight\""},
    {"layer with a zero in front", [](auto& f) { f.tensors[1].name = "blk.00.attn_norm.weight"; }, "\"blk.00.attn_norm.weight\""},
    {"negative layer", [](auto& f) { f.tensors[1].name = "blk.-0.attn_norm.weight"; }, "\"blk.-0.attn_norm.weight\""},
    {"a bias", [](auto& f) { f.tensors[1].name = "blk.0.attn_q.bias"; }, "\"blk.0.attn_q.bias\""},
    {"head norms in a llama", [](auto& f) { f.tensors[1].name = "blk.0.attn_q_norm.weight"; }, "\"blk.0.attn_q_norm.weight\""},
    {"q rows that are no pairs", [](auto& f) { f.tensors[2] = {"blk.0.attn_q.weight", {8, 6}, 0, std::string(192, '\0')}; }, "not pairs of 2 heads"},
    {"q of one dimension", [](auto& f) { f.tensors[2] = {"blk.0.attn_q.weight", {64}, 0, std::string(256, '\0')}; }, "not pairs of 2 heads"},
    {"rope factors of another head", [](auto& f) { f.tensors.push_back({"rope_freqs.weight", {4}, 0, std::string(16, '\0')}); }, "does not hold 2 F32 factors"},
    {"rope factor 0", [](auto& f) { f.tensors.push_back({"rope_freqs.weight", {2}, 0, std::string(8, '\0')}); }, "not positive"},
  };
  return kBad;
}
// clang-format on

TEST(GgufModel, WhatCannotBeReadRightIsRefused) {
  const TempDir dir;
  for (const Bad& bad : bad_models()) {
    SCOPED_TRACE(bad.title);
    GgufBuilder builder = tiny_llama();
    bad.damage(builder);
    const Error error = error_of([&] { open(dir, builder); });
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_EQ(error.where(), dir / "m.gguf");
    EXPECT_NE(std::string(error.what()).find(bad.what), std::string::npos) << error.what();
  }
}

TEST(GgufModel, ATruncatedFileIsAnIntegrityError) {
  const TempDir dir;
  const std::string whole = tiny_llama().build();
  const Error error = error_of([&] { ModelDir(dir.write("m.gguf", whole.substr(0, whole.size() - 1))); });
  EXPECT_EQ(error.exit_code(), 5);
}

TEST(GgufModel, IdentityIsOfTheContent) {
  const TempDir dir;
  std::string bytes = tiny_llama().build();
  const std::string identity = ModelDir(dir.write("a.gguf", bytes)).identity();
  EXPECT_EQ(identity.size(), 64u);
  EXPECT_EQ(ModelDir(dir.write("b.gguf", bytes)).identity(), identity);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  EXPECT_NE(ModelDir(dir.write("a.gguf", bytes)).identity(), identity);
}

}  // namespace
}  // namespace vernier
