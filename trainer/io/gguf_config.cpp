#include "io/gguf_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace vernier {
namespace {

[[noreturn]] void refuse(const GgufFile& file, const std::string& what, const std::string& fix = "") {
  throw Error(ErrorKind::kInput, what, file.path(), fix);
}

// 2^31 - 1 bounds every size of a real model, and products of two of them.
std::int64_t size_value(const GgufFile& file, const std::string& key, std::optional<std::int64_t> otherwise = {}) {
  const auto value = file.integer(key);
  if (!value && otherwise) return *otherwise;
  if (!value) refuse(file, str("metadata key \"", key, "\" is missing"));
  if (*value < 1 || *value > 0x7FFFFFFF) refuse(file, str("metadata key \"", key, "\" is ", *value));
  return *value;
}

double positive_value(const GgufFile& file, const std::string& key, std::optional<double> otherwise = {}) {
  const auto value = file.number(key);
  if (!value && otherwise) return *otherwise;
  if (!value) refuse(file, str("metadata key \"", key, "\" is missing"));
  if (!(*value > 0) || !std::isfinite(*value)) refuse(file, str("metadata key \"", key, "\" is ", *value));
  return *value;
}

std::string architecture_of(const GgufFile& file) {
  const auto type = file.text("general.type");
  if (type && *type != "model")
    refuse(file, str("is of type \"", *type, "\", not a model"), "name the base model's own GGUF file");
  if (file.integer("split.count").value_or(1) > 1)
    refuse(file, "is one part of a split GGUF model", "join the parts first: llama-gguf-split --merge FIRST_PART OUT");
  const auto architecture = file.text("general.architecture");
  if (!architecture) refuse(file, "metadata key \"general.architecture\" is missing");
  if (*architecture != "llama" && *architecture != "qwen3")
    refuse(file, str("architecture \"", *architecture, "\" is not supported"), "supported in GGUF are llama and qwen3");
  return *architecture;
}

std::vector<float> rope_factors(const GgufFile& file, const GgufHyper& hyper) {
  const GgufTensor* const tensor = file.find("rope_freqs.weight");
  if (tensor == nullptr) return {};
  std::int64_t count = 1;
  for (const std::int64_t dimension : tensor->shape) count *= dimension;
  if (tensor->type != GgmlType::kF32 || count != hyper.head_dim / 2)
    refuse(file, str("tensor \"rope_freqs.weight\" does not hold ", hyper.head_dim / 2, " F32 factors"));
  std::vector<float> factors(static_cast<std::size_t>(count));
  ggml_dequantize(tensor->type, tensor->bytes.data(), count, factors.data());
  if (!std::all_of(factors.begin(), factors.end(), [](float f) { return std::isfinite(f) && f > 0; }))
    refuse(file, "tensor \"rope_freqs.weight\" holds a factor that is not positive and finite");
  return factors;
}

Json yarn_scaling(const GgufFile& file, const std::string& prefix, double factor) {
  Json scaling = {{"rope_type", "yarn"}, {"factor", factor}};
  if (const auto original = file.integer(prefix + "original_context_length"))
    scaling["original_max_position_embeddings"] = *original;
  // llama.cpp multiplies its own 1 + 0.1 ln(factor) by attn_factor; Hugging Face's attention_factor is the product.
  const double attention = positive_value(file, prefix + "attn_factor", 1.0);
  if (attention != 1.0) scaling["attention_factor"] = attention * (0.1 * std::log(factor) + 1.0);
  for (const auto& [key, name] : {std::pair{"yarn_beta_fast", "beta_fast"}, std::pair{"yarn_beta_slow", "beta_slow"}})
    if (file.has(prefix + key)) scaling[name] = positive_value(file, prefix + key);
  for (const char* key : {"yarn_log_multiplier", "yarn_ext_factor"})
    if (file.has(prefix + key)) refuse(file, str("metadata key \"", prefix, key, "\" is not supported"));
  return scaling;
}

// null when positions are not scaled.
Json rope_scaling(const GgufFile& file, const GgufHyper& hyper) {
  const std::string rope = hyper.architecture + ".rope.", prefix = rope + "scaling.";
  // Before rope.scaling.* there was one key, for linear scaling.
  const double linear = positive_value(file, rope + "scale_linear", 1.0);
  const std::string type = file.text(prefix + "type").value_or(linear != 1.0 ? "linear" : "none");
  const double factor = positive_value(file, prefix + "factor", linear);
  if (type == "none" || factor == 1.0) return nullptr;
  if (type == "linear") return {{"rope_type", "linear"}, {"factor", factor}};
  if (type == "yarn") return yarn_scaling(file, prefix, factor);
  refuse(file, str("metadata key \"", prefix, "type\" is \"", type, "\", which is not supported"),
         "supported are none, linear and yarn");
}

void refuse_unreadable_switches(const GgufFile& file, const GgufHyper& hyper) {
  const std::string prefix = hyper.architecture + ".";
  const std::string rotary = prefix + "rope.dimension_count", value = prefix + "attention.value_length";
  for (const std::string& key : {rotary, value})
    if (size_value(file, key, hyper.head_dim) != hyper.head_dim)
      refuse(file, str("metadata key \"", key, "\" differs from the head's ", hyper.head_dim, " dimensions"));
  const std::string window = prefix + "attention.sliding_window";
  if (const auto size = file.integer(window); size && *size > 0 && *size < hyper.context)
    refuse(file, str("metadata key \"", window, "\": sliding-window attention is not supported in GGUF"));
  if (file.integer(prefix + "expert_count").value_or(0) > 0)
    refuse(file, str("metadata key \"", prefix, "expert_count\": mixtures of experts are not supported"));
}

const char* layer_part(std::string_view part, bool qwen3) {
  static constexpr std::array<std::pair<std::string_view, const char*>, 9> kParts = {{
      {"attn_q", "self_attn.q_proj"},
      {"attn_k", "self_attn.k_proj"},
      {"attn_v", "self_attn.v_proj"},
      {"attn_output", "self_attn.o_proj"},
      {"ffn_gate", "mlp.gate_proj"},
      {"ffn_up", "mlp.up_proj"},
      {"ffn_down", "mlp.down_proj"},
      {"attn_norm", "input_layernorm"},
      {"ffn_norm", "post_attention_layernorm"},
  }};
  for (const auto& [stored, name] : kParts)
    if (stored == part) return name;
  if (qwen3 && part == "attn_q_norm") return "self_attn.q_norm";
  if (qwen3 && part == "attn_k_norm") return "self_attn.k_norm";
  return nullptr;
}

// The layer's number when `text` is one, written without leading zeros and below `layers`.
bool is_layer(const std::string& text, std::int64_t layers) {
  std::int64_t layer = -1;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), layer);
  return failure == std::errc() && end == text.data() + text.size() && layer >= 0 && layer < layers &&
         std::to_string(layer) == text;
}

}  // namespace

GgufHyper::GgufHyper(const GgufFile& file) : architecture(architecture_of(file)) {
  const std::string prefix = architecture + ".";
  hidden = size_value(file, prefix + "embedding_length");
  intermediate = size_value(file, prefix + "feed_forward_length");
  layers = size_value(file, prefix + "block_count");
  heads = size_value(file, prefix + "attention.head_count");
  kv_heads = size_value(file, prefix + "attention.head_count_kv", heads);
  head_dim = size_value(file, prefix + "attention.key_length", std::max<std::int64_t>(1, hidden / heads));
  context = size_value(file, prefix + "context_length");
  rms_epsilon = positive_value(file, prefix + "attention.layer_norm_rms_epsilon");
  rope_theta = positive_value(file, prefix + "rope.freq_base", 10000.0);
  if (head_dim % 2 != 0) refuse(file, str("heads of ", head_dim, " dimensions cannot be rotated in pairs"));
  refuse_unreadable_switches(file, *this);
}

GgufWeightName gguf_weight_name(const GgufFile& file, const GgufHyper& hyper, const std::string& tensor) {
  if (tensor == "token_embd.weight") return {"model.embed_tokens.weight"};
  if (tensor == "output_norm.weight") return {"model.norm.weight"};
  if (tensor == "output.weight") return {"lm_head.weight"};
  if (tensor == "rope_freqs.weight") return {};
  const auto parts = split(tensor, '.');
  const bool qwen3 = hyper.architecture == "qwen3";
  if (parts.size() == 4 && parts[0] == "blk" && is_layer(parts[1], hyper.layers) && parts[3] == "weight")
    if (const char* const part = layer_part(parts[2], qwen3)) {
      GgufWeightName found{str("model.layers.", parts[1], ".", part, ".weight")};
      const bool rotated = !qwen3 && (parts[2] == "attn_q" || parts[2] == "attn_k");
      if (rotated) found.rows = RowOrder::kInterleaved;
      if (rotated) found.heads = parts[2] == "attn_q" ? hyper.heads : hyper.kv_heads;
      return found;
    }
  refuse(file, str("tensor \"", tensor, "\" does not belong to a ", hyper.architecture, " model of ", hyper.layers,
                   " layers as it is supported"));
}

Json gguf_config(const GgufFile& file, const GgufHyper& hyper, const std::string& torch_dtype) {
  const GgufTensor* const embedding = file.find("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2)
    refuse(file, "has no tensor \"token_embd.weight\" of two dimensions");
  const bool qwen3 = hyper.architecture == "qwen3";
  Json config = {
      {"architectures", {qwen3 ? "Qwen3ForCausalLM" : "LlamaForCausalLM"}},
      {"model_type", hyper.architecture},
      {"hidden_size", hyper.hidden},
      {"intermediate_size", hyper.intermediate},
      {"num_hidden_layers", hyper.layers},
      {"num_attention_heads", hyper.heads},
      {"num_key_value_heads", hyper.kv_heads},
      {"head_dim", hyper.head_dim},
      {"rms_norm_eps", hyper.rms_epsilon},
      {"rope_theta", hyper.rope_theta},
      {"vocab_size", embedding->shape[0]},
      {"max_position_embeddings", hyper.context},
      {"tie_word_embeddings", file.find("output.weight") == nullptr},
      {"hidden_act", "silu"},
      {"attention_bias", false},
      {"mlp_bias", false},
      {"torch_dtype", torch_dtype},
  };
  for (const auto& [name, key] : {std::pair{"bos_token_id", "tokenizer.ggml.bos_token_id"},
                                  std::pair{"eos_token_id", "tokenizer.ggml.eos_token_id"},
                                  std::pair{"pad_token_id", "tokenizer.ggml.padding_token_id"}})
    if (const auto id = file.integer(key)) config[name] = *id;
  if (Json scaling = rope_scaling(file, hyper); !scaling.is_null()) config["rope_scaling"] = std::move(scaling);
  if (const auto factors = rope_factors(file, hyper); !factors.empty()) config["vernier_rope_freq_factors"] = factors;
  return config;
}

}  // namespace vernier
