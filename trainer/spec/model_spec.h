#pragma once
// A model's sizes and switches out of its config.json (transformers' configuration_llama.py and configuration_qwen3.py
// say what each key means and what is assumed when it is absent). One decoder reads these switches; a new architecture
// is a switch here, not a class.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/float_types.h"
#include "io/json.h"

namespace vernier {

struct RopeSpec {
  enum class Kind { kDefault, kLlama3, kFactors };
  Kind kind = Kind::kDefault;
  double theta = 10000;
  double factor = 1, low_freq_factor = 1, high_freq_factor = 4, original_max_positions = 0;  // kLlama3
  std::vector<double> freq_factors;  // kFactors: each frequency is divided by its factor (GGUF's rope_freqs)
};

struct ModelSpec {
  std::string model_type;  // "llama", "qwen3"
  std::int64_t hidden = 0, intermediate = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0, vocab = 0;
  std::int64_t max_positions = 0;
  double rms_norm_eps = 1e-6;
  bool tied_head = false;  // lm_head is the embedding matrix
  bool qk_norm = false;    // RMS norm of each head of q and k, before the rotation
  RopeSpec rope;
  std::vector<std::int64_t> eos_ids;  // may be empty

  std::int64_t q_dim() const { return heads * head_dim; }
  std::int64_t kv_dim() const { return kv_heads * head_dim; }
};

// Error(kInput) naming `where` for an architecture or a switch that is not built, a missing or absurd size.
ModelSpec parse_model_spec(const Json& config, const std::string& where);

// Frequencies of the rotation, [head_dim / 2], computed in f32 in the order transformers computes them.
std::vector<float> rope_inverse_frequencies(const RopeSpec& rope, std::int64_t head_dim);

// The seven linears of a block, in the order their codes are laid out.
enum class Linear : int { kQ, kK, kV, kO, kGate, kUp, kDown };
inline constexpr std::array<Linear, 7> kLinears = {Linear::kQ,    Linear::kK,  Linear::kV,   Linear::kO,
                                                   Linear::kGate, Linear::kUp, Linear::kDown};

// The first of the linears that read the same input as this one: q for q, k, v; gate for gate, up.
constexpr Linear first_reader(Linear linear) {
  if (linear == Linear::kK || linear == Linear::kV) return Linear::kQ;
  return linear == Linear::kUp ? Linear::kGate : linear;
}

const char* linear_name(Linear linear);  // "self_attn.q_proj"
std::int64_t linear_in(const ModelSpec& spec, Linear linear);
std::int64_t linear_out(const ModelSpec& spec, Linear linear);

// "model.layers.3.self_attn.q_proj": PEFT's module path.
std::string module_path(std::int64_t layer, Linear linear);
std::string weight_name(std::int64_t layer, Linear linear);  // module_path + ".weight"

// Names of the tensors outside the linears.
inline constexpr const char* kEmbeddingWeight = "model.embed_tokens.weight";
inline constexpr const char* kFinalNormWeight = "model.norm.weight";
inline constexpr const char* kHeadWeight = "lm_head.weight";
std::string layer_weight(std::int64_t layer, const char* part);  // part: "input_layernorm", "self_attn.q_norm", ...

// A tensor the model must have: for checking a base before anything is loaded.
struct ExpectedWeight {
  std::string name;
  std::vector<std::int64_t> shape;
};
std::vector<ExpectedWeight> expected_weights(const ModelSpec& spec);

}  // namespace vernier
