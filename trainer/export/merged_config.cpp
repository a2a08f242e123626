#include "export/merged_config.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "data/gguf_tokenizer.h"
#include "export/gguf_tokenizer_files.h"
#include "io/gguf.h"
#include "io/peft_files.h"
#include "spec/model_spec.h"

namespace vernier {

namespace {

constexpr const char* kFactorsKey = "vernier_rope_freq_factors";
constexpr const char* kGenerationConfig = "generation_config.json";

bool same_frequencies(const RopeSpec& a, const RopeSpec& b, std::int64_t head_dim) {
  const std::vector<float> left = rope_inverse_frequencies(a, head_dim), right = rope_inverse_frequencies(b, head_dim);
  constexpr float kClose = 1e-5f;
  return std::equal(left.begin(), left.end(), right.begin(),
                    [](float x, float y) { return std::abs(x - y) <= kClose * std::abs(y); });
}

// Every published Llama 3 model scales with low_freq_factor 1, high_freq_factor 4 and a power of two of positions; the
// slowest frequencies are divided by the whole factor.
std::optional<RopeSpec> as_llama3(const ModelSpec& spec) {
  RopeSpec rope = spec.rope;
  rope.kind = RopeSpec::Kind::kLlama3;
  rope.factor = *std::max_element(rope.freq_factors.begin(), rope.freq_factors.end());
  for (double positions = 64; positions <= 1 << 20; positions *= 2) {
    rope.original_max_positions = positions;
    if (same_frequencies(rope, spec.rope, spec.head_dim)) return rope;
  }
  return std::nullopt;
}

// llama.cpp has names of their own for the tokens that end a turn or a message.
Json gguf_generation_config(const GgufFile& file, const Json& config) {
  Json generation = Json::object();
  for (const char* key : {"bos_token_id", "eos_token_id", "pad_token_id"})
    if (config.contains(key)) generation[key] = config[key];
  Json ends = Json::array();
  for (const char* key : {"eos_token_id", "eot_token_id", "eom_token_id"})
    if (const auto id = file.integer(std::string("tokenizer.ggml.") + key);
        id && std::find(ends.begin(), ends.end(), Json(*id)) == ends.end())
      ends.push_back(*id);
  if (ends.size() > 1) generation["eos_token_id"] = std::move(ends);
  return generation;
}

}  // namespace

Json merged_config(const ModelDir& base, Dtype dtype, const Log& log) {
  Json config = base.config();
  const char* name = dtype == Dtype::kF32 ? "float32" : "bfloat16";
  config["torch_dtype"] = name;
  if (config.contains("dtype")) config["dtype"] = name;
  if (!config.contains(kFactorsKey)) return config;
  const auto rope = as_llama3(parse_model_spec(config, base.path()));
  if (!rope) {
    log.warning(std::string("config.json keeps ") + kFactorsKey + ", which other programs do not read");
    return config;
  }
  config.erase(kFactorsKey);
  config["rope_scaling"] = {
      {"rope_type", "llama3"},
      {"factor", rope->factor},
      {"low_freq_factor", rope->low_freq_factor},
      {"high_freq_factor", rope->high_freq_factor},
      {"original_max_position_embeddings", static_cast<std::int64_t>(rope->original_max_positions)}};
  return config;
}

std::map<std::string, std::string> companion_files(const ModelDir& base) {
  std::map<std::string, std::string> files;
  if (const GgufFile* gguf = base.gguf()) {
    if (const auto tokenizer = tokenizer_from_gguf(*gguf)) {
      files["tokenizer.json"] = gguf_tokenizer_json(*gguf, *tokenizer);
      files["tokenizer_config.json"] = gguf_tokenizer_config(*gguf, *tokenizer);
    }
    files[kGenerationConfig] = gguf_generation_config(*gguf, base.config()).dump(2) + "\n";
    return files;
  }
  for (const std::string& name : base.tokenizer_files()) files[name] = *base.file(name);
  if (auto generation = base.file(kGenerationConfig)) files[kGenerationConfig] = std::move(*generation);
  return files;
}

void set_chat_template(std::map<std::string, std::string>& files, const std::string& source) {
  files[kAdapterTemplateName] = source;
  const auto config = files.find("tokenizer_config.json");
  if (config == files.end()) return;
  Json json = parse_json(config->second, config->first);
  if (!json.contains("chat_template")) return;
  json["chat_template"] = source;
  config->second = json.dump(2) + "\n";
}

}  // namespace vernier
