#include "spec/model_spec.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <optional>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"

namespace vernier {

namespace {

class ConfigReader {
 public:
  ConfigReader(const Json& config, const std::string& where) : config_(config), where_(where) {}

  bool has(const char* key) const { return config_.contains(key) && !config_[key].is_null(); }

  std::int64_t size(const char* key, std::optional<std::int64_t> otherwise = std::nullopt) const {
    if (!has(key)) {
      if (otherwise) return *otherwise;
      throw Error(ErrorKind::kInput, str("no \"", key, "\""), where_, "it must be a model's config.json");
    }
    constexpr std::int64_t kLargest = std::int64_t{1} << 31;
    const Json& value = config_[key];
    if (!value.is_number_integer() || value.get<std::int64_t>() <= 0 || value.get<std::int64_t>() > kLargest)
      throw Error(ErrorKind::kInput, str("\"", key, "\" must be a positive integer, not ", value.dump()), where_);
    return value.get<std::int64_t>();
  }

  double number(const char* key, double otherwise) const {
    if (!has(key)) return otherwise;
    const Json& value = config_[key];
    if (!value.is_number() || !(value.get<double>() > 0))
      throw Error(ErrorKind::kInput, str("\"", key, "\" must be a positive number, not ", value.dump()), where_);
    return value.get<double>();
  }

  bool flag(const char* key, bool otherwise) const {
    if (!has(key)) return otherwise;
    if (!config_[key].is_boolean()) throw Error(ErrorKind::kInput, str("\"", key, "\" must be true or false"), where_);
    return config_[key].get<bool>();
  }

  std::string text(const char* key, const std::string& otherwise) const {
    if (!has(key)) return otherwise;
    if (!config_[key].is_string()) throw Error(ErrorKind::kInput, str("\"", key, "\" must be a string"), where_);
    return config_[key].get<std::string>();
  }

  void refuse(bool refused, const std::string& what) const {
    if (refused) throw Error(ErrorKind::kInput, what + " is not supported", where_);
  }

  const Json& json() const { return config_; }
  const std::string& where() const { return where_; }

 private:
  const Json& config_;
  const std::string& where_;
};

std::vector<double> frequency_factors(const Json& list, const std::string& where) {
  std::vector<double> factors;
  for (const Json& factor : list) {
    if (!factor.is_number() || !(factor.get<double>() > 0))
      throw Error(ErrorKind::kInput, "rope frequency factors must be positive numbers", where);
    factors.push_back(factor.get<double>());
  }
  return factors;
}

// Old files have rope_theta beside rope_scaling {"rope_type" or "type", ...}; transformers 5 has one rope_parameters.
RopeSpec parse_rope(const ConfigReader& config, std::int64_t max_positions) {
  RopeSpec rope;
  rope.theta = config.number("rope_theta", rope.theta);
  const char* key = config.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
  if (config.has(key)) {
    const Json& parameters = config.json()[key];
    const std::string where = str(config.where(), ": ", key);
    if (!parameters.is_object()) throw Error(ErrorKind::kInput, "must be an object", where);
    const ConfigReader scaling(parameters, where);
    rope.theta = scaling.number("rope_theta", rope.theta);
    const std::string type = scaling.text("rope_type", scaling.text("type", "default"));
    if (type == "llama3") {
      rope.kind = RopeSpec::Kind::kLlama3;
      rope.factor = scaling.number("factor", 8);
      rope.low_freq_factor = scaling.number("low_freq_factor", 1);
      rope.high_freq_factor = scaling.number("high_freq_factor", 4);
      rope.original_max_positions =
          scaling.number("original_max_position_embeddings", static_cast<double>(max_positions));
      scaling.refuse(!(rope.high_freq_factor > rope.low_freq_factor), "high_freq_factor <= low_freq_factor");
    } else {
      scaling.refuse(type != "default", str("rope_type \"", type, "\" (default and llama3 are)"));
    }
  }
  if (config.has("vernier_rope_freq_factors")) {
    config.refuse(rope.kind != RopeSpec::Kind::kDefault, "rope scaling together with frequency factors");
    rope.kind = RopeSpec::Kind::kFactors;
    rope.freq_factors = frequency_factors(config.json()["vernier_rope_freq_factors"], config.where());
  }
  return rope;
}

std::vector<std::int64_t> token_ids(const Json& config, const char* key) {
  if (!config.contains(key)) return {};
  const Json& value = config[key];
  if (value.is_number_integer()) return {value.get<std::int64_t>()};
  std::vector<std::int64_t> ids;
  if (value.is_array())
    for (const Json& id : value)
      if (id.is_number_integer()) ids.push_back(id.get<std::int64_t>());
  return ids;
}

void refuse_unbuilt_switches(const ConfigReader& config, const ModelSpec& spec) {
  config.refuse(config.flag("attention_bias", false), "attention_bias");
  config.refuse(config.flag("mlp_bias", false), "mlp_bias");
  const std::string activation = config.text("hidden_act", "silu");
  config.refuse(activation != "silu", str("hidden_act \"", activation, "\" (silu is)"));
  config.refuse(config.number("partial_rotary_factor", 1) != 1, "partial_rotary_factor");
  config.refuse(config.has("quantization_config"), "a base that is already quantized");
  config.refuse(config.flag("use_sliding_window", false), "use_sliding_window");
  config.refuse(spec.heads % spec.kv_heads != 0, "a head count that is no multiple of num_key_value_heads");
  config.refuse(spec.head_dim % 2 != 0, "an odd head_dim");
  config.refuse(spec.rope.kind == RopeSpec::Kind::kFactors &&
                    static_cast<std::int64_t>(spec.rope.freq_factors.size()) != spec.head_dim / 2,
                "a count of rope frequency factors other than head_dim / 2");
}

}  // namespace

ModelSpec parse_model_spec(const Json& json, const std::string& where) {
  if (!json.is_object()) throw Error(ErrorKind::kInput, "a model's config must be a JSON object", where);
  const ConfigReader config(json, where);
  ModelSpec spec;
  spec.model_type = config.text("model_type", "");
  if (spec.model_type != "llama" && spec.model_type != "qwen3")
    throw Error(ErrorKind::kInput, str("model_type \"", spec.model_type, "\" is not supported"), where,
                "llama (SmolLM, Llama 2 and 3, TinyLlama) and qwen3 are");
  spec.hidden = config.size("hidden_size");
  spec.intermediate = config.size("intermediate_size");
  spec.layers = config.size("num_hidden_layers");
  spec.heads = config.size("num_attention_heads");
  spec.kv_heads = config.size("num_key_value_heads", spec.heads);
  const bool qwen3 = spec.model_type == "qwen3";
  spec.head_dim = config.size("head_dim", qwen3 ? 128 : std::max<std::int64_t>(spec.hidden / spec.heads, 1));
  spec.vocab = config.size("vocab_size");
  spec.max_positions = config.size("max_position_embeddings", qwen3 ? 32768 : 2048);
  spec.rms_norm_eps = config.number("rms_norm_eps", 1e-6);
  spec.tied_head = config.flag("tie_word_embeddings", false);
  spec.qk_norm = qwen3;
  spec.rope = parse_rope(config, spec.max_positions);
  spec.eos_ids = token_ids(json, "eos_token_id");
  refuse_unbuilt_switches(config, spec);
  return spec;
}

std::vector<float> rope_inverse_frequencies(const RopeSpec& rope, std::int64_t head_dim) {
  std::vector<float> frequencies(static_cast<std::size_t>(head_dim / 2));
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(head_dim);
    float frequency = 1.0f / std::pow(static_cast<float>(rope.theta), exponent);
    if (rope.kind == RopeSpec::Kind::kLlama3) {
      const auto wavelength = static_cast<float>(2 * std::numbers::pi / static_cast<double>(frequency));
      const auto low = static_cast<float>(rope.original_max_positions / rope.low_freq_factor);
      const auto high = static_cast<float>(rope.original_max_positions / rope.high_freq_factor);
      const auto factor = static_cast<float>(rope.factor);
      if (wavelength > low) {
        frequency /= factor;
      } else if (wavelength >= high) {
        const float smooth =
            (static_cast<float>(rope.original_max_positions) / wavelength - static_cast<float>(rope.low_freq_factor)) /
            static_cast<float>(rope.high_freq_factor - rope.low_freq_factor);
        frequency = (1 - smooth) * frequency / factor + smooth * frequency;
      }
    } else if (rope.kind == RopeSpec::Kind::kFactors) {
      frequency /= static_cast<float>(rope.freq_factors[i]);
    }
    frequencies[i] = frequency;
  }
  return frequencies;
}

const char* linear_name(Linear linear) {
  static constexpr std::array<const char*, 7> kNames = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                                                        "self_attn.o_proj", "mlp.gate_proj",    "mlp.up_proj",
                                                        "mlp.down_proj"};
  return kNames[static_cast<std::size_t>(linear)];
}

std::int64_t linear_in(const ModelSpec& spec, Linear linear) {
  if (linear == Linear::kO) return spec.q_dim();
  if (linear == Linear::kDown) return spec.intermediate;
  return spec.hidden;
}

std::int64_t linear_out(const ModelSpec& spec, Linear linear) {
  switch (linear) {
    case Linear::kQ:
      return spec.q_dim();
    case Linear::kK:
    case Linear::kV:
      return spec.kv_dim();
    case Linear::kGate:
    case Linear::kUp:
      return spec.intermediate;
    case Linear::kO:
    case Linear::kDown:
      return spec.hidden;
  }
  check(false, "an unknown linear");
  return 0;
}

std::string module_path(std::int64_t layer, Linear linear) {
  return str("model.layers.", layer, ".", linear_name(linear));
}

std::string weight_name(std::int64_t layer, Linear linear) {
  return module_path(layer, linear) + ".weight";
}

std::string layer_weight(std::int64_t layer, const char* part) {
  return str("model.layers.", layer, ".", part, ".weight");
}

std::vector<ExpectedWeight> expected_weights(const ModelSpec& spec) {
  std::vector<ExpectedWeight> weights = {{kEmbeddingWeight, {spec.vocab, spec.hidden}},
                                         {kFinalNormWeight, {spec.hidden}}};
  if (!spec.tied_head) weights.push_back({kHeadWeight, {spec.vocab, spec.hidden}});
  for (std::int64_t layer = 0; layer < spec.layers; ++layer) {
    weights.push_back({layer_weight(layer, "input_layernorm"), {spec.hidden}});
    weights.push_back({layer_weight(layer, "post_attention_layernorm"), {spec.hidden}});
    if (spec.qk_norm) {
      weights.push_back({layer_weight(layer, "self_attn.q_norm"), {spec.head_dim}});
      weights.push_back({layer_weight(layer, "self_attn.k_norm"), {spec.head_dim}});
    }
    for (const Linear linear : kLinears)
      weights.push_back({weight_name(layer, linear), {linear_out(spec, linear), linear_in(spec, linear)}});
  }
  return weights;
}

}  // namespace vernier
