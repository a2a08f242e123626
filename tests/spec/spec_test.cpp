// config.json to sizes and switches, target matching, and the memory plan's shape.

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "spec/lora_targets.h"
#include "spec/memory_plan.h"
#include "spec/model_spec.h"

namespace vernier {
namespace {

Json llama() {
  return Json::parse(R"({"model_type": "llama", "hidden_size": 64, "intermediate_size": 172, "num_hidden_layers": 2,
    "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 512, "max_position_embeddings": 512,
    "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "tie_word_embeddings": true, "eos_token_id": [2, 7]})");
}

std::string refusal(const Json& config) {
  try {
    parse_model_spec(config, "config.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.message();
  }
  return "";
}

TEST(ModelSpec, ReadsLlamaWithItsDefaults) {
  const ModelSpec spec = parse_model_spec(llama(), "config.json");
  EXPECT_EQ(spec.head_dim, 8);
  EXPECT_EQ(spec.q_dim(), 64);
  EXPECT_EQ(spec.kv_dim(), 32);
  EXPECT_TRUE(spec.tied_head);
  EXPECT_FALSE(spec.qk_norm);
  EXPECT_EQ(spec.eos_ids, (std::vector<std::int64_t>{2, 7}));
  EXPECT_EQ(expected_weights(spec).size(), 2u + 2 * 9);
  Json no_gqa = llama();
  no_gqa.erase("num_key_value_heads");
  EXPECT_EQ(parse_model_spec(no_gqa, "c").kv_heads, 8);
}

TEST(ModelSpec, Qwen3HasItsOwnHeadDimAndNorms) {
  Json config = llama();
  config["model_type"] = "qwen3";
  const ModelSpec spec = parse_model_spec(config, "c");
  EXPECT_EQ(spec.head_dim, 128);
  EXPECT_TRUE(spec.qk_norm);
}

TEST(ModelSpec, RefusesWhatIsNotBuiltByName) {
  const auto with = [](const char* key, const Json& value) {
    Json config = llama();
    config[key] = value;
    return refusal(config);
  };
  EXPECT_NE(with("model_type", "gemma2").find("gemma2"), std::string::npos);
  EXPECT_NE(with("attention_bias", true).find("attention_bias"), std::string::npos);
  EXPECT_NE(with("hidden_act", "gelu").find("gelu"), std::string::npos);
  EXPECT_NE(with("rope_scaling", Json::parse(R"({"type": "yarn", "factor": 4})")).find("yarn"), std::string::npos);
  EXPECT_NE(with("quantization_config", Json::object()).find("quantized"), std::string::npos);
  EXPECT_NE(with("hidden_size", 0).find("hidden_size"), std::string::npos);
  EXPECT_NE(with("hidden_size", "64").find("hidden_size"), std::string::npos);
  EXPECT_NE(with("num_key_value_heads", 3).find("head count"), std::string::npos);
  Json missing = llama();
  missing.erase("vocab_size");
  EXPECT_NE(refusal(missing).find("vocab_size"), std::string::npos);
}

TEST(Rope, Llama3KeepsHighFrequenciesAndDividesLowOnes) {
  RopeSpec rope;
  rope.kind = RopeSpec::Kind::kLlama3;
  rope.theta = 500000;
  rope.factor = 8;
  rope.original_max_positions = 8192;
  const auto scaled = rope_inverse_frequencies(rope, 128);
  rope.kind = RopeSpec::Kind::kDefault;
  const auto plain = rope_inverse_frequencies(rope, 128);
  EXPECT_EQ(scaled.front(), plain.front());
  EXPECT_FLOAT_EQ(scaled.back(), plain.back() / 8);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    EXPECT_LE(scaled[i], plain[i]);
    EXPECT_GE(scaled[i], plain[i] / 8 * 0.999f);
  }
}

TEST(LoraTargets, MatchAsPeftDoes) {
  const ModelSpec spec = parse_model_spec(llama(), "c");
  LoraConfig lora;
  EXPECT_EQ(match_lora_targets(spec, lora).size(), 14u);
  lora.target_modules = LoraConfig::Names{"q_proj", "model.layers.1.mlp.down_proj"};
  EXPECT_EQ(match_lora_targets(spec, lora).size(), 3u);
  lora.target_modules = LoraConfig::Regex{R"(model\.layers\.0\..*(q|v)_proj)"};
  const auto targets = match_lora_targets(spec, lora);
  ASSERT_EQ(targets.size(), 2u);
  EXPECT_EQ(targets[0].linear, Linear::kQ);
  EXPECT_EQ(targets[1].linear, Linear::kV);
  lora.r = 8;
  EXPECT_EQ(lora_parameters(spec, targets, lora.r), 8 * (64 + 64 + 64 + 32));
}

TEST(LoraTargets, SayWhatMatchedNothingAndWhatThereIs) {
  const ModelSpec spec = parse_model_spec(llama(), "c");
  for (const auto& [modules, named] :
       {std::pair<decltype(LoraConfig::target_modules), std::string>{LoraConfig::Names{"q_proj", "q_porj"}, "q_porj"},
        {LoraConfig::Names{"proj"}, "proj"},
        {LoraConfig::Regex{"q_proj"}, "q_proj"},
        {LoraConfig::Names{}, "empty"},
        {LoraConfig::Regex{"("}, "regular expression"}}) {
    LoraConfig lora;
    lora.target_modules = modules;
    try {
      match_lora_targets(spec, lora);
      FAIL() << named;
    } catch (const Error& error) {
      EXPECT_NE(error.message().find(named), std::string::npos) << error.message();
    }
  }
}

TEST(LoraTargets, ScalingOfRankStabilizedLora) {
  LoraConfig lora;
  lora.r = 16;
  lora.alpha = 32;
  EXPECT_DOUBLE_EQ(lora_scaling(lora), 2);
  lora.use_rslora = true;
  EXPECT_DOUBLE_EQ(lora_scaling(lora), 8);
}

TEST(MemoryPlan, GrowsWithWhatItIsMadeOf) {
  const ModelSpec spec = parse_model_spec(llama(), "c");
  MemoryRequest request;
  request.micro_batch_tokens = 512;
  request.micro_batch_targets = 512;
  request.longest_row = 128;
  request.lora_parameters = 1000;
  request.optimizer_bytes = 2048;
  const MemoryPlan plan = plan_memory(spec, request);
  request.kept = {0, spec.layers};
  const std::int64_t attention_kept = plan_memory(spec, request).kept;
  EXPECT_GT(attention_kept, plan.kept);
  request.kept = {spec.layers, spec.layers};
  EXPECT_GT(plan_memory(spec, request).kept, attention_kept);
  request.kept = {};
  request.load_in_4bit = false;
  EXPECT_GT(plan_memory(spec, request).frozen, plan.frozen);
  request.micro_batch_tokens = 1024;
  EXPECT_EQ(plan_memory(spec, request).kept, 2 * plan.kept);
  EXPECT_EQ(plan.adapters, 8 * 1000 + 2048);
  EXPECT_GT(available_memory(), 0);
}

}  // namespace
}  // namespace vernier
