#pragma once
// Hugging Face's words for a GGUF model of the llama family: its config.json and its tensor names
// (the maps are llama.cpp's convert_hf_to_gguf read backwards).

#include <cstdint>
#include <string>

#include "io/gguf.h"
#include "io/json.h"

namespace vernier {

// What the rows of a stored tensor are, against those of the Hugging Face tensor.
enum class RowOrder {
  kSame,
  kInterleaved,  // pairs of a rotary head side by side: HF row h*d + j*d/2 + k is stored row h*d + 2k + j
};

struct GgufWeightName {
  std::string name;  // "model.layers.0.self_attn.q_proj.weight"; empty for a tensor that is no weight (rope_freqs)
  RowOrder rows = RowOrder::kSame;
  std::int64_t heads = 1;  // blocks of rows that are interleaved each for itself
};

// The architecture's own numbers, checked. Error(kInput) naming the architecture when it is none of "llama" and
// "qwen3", and naming the key when one is missing, of the wrong kind or out of range.
struct GgufHyper {
  explicit GgufHyper(const GgufFile& file);

  std::string architecture;
  std::int64_t hidden, intermediate, layers, heads, kv_heads, head_dim, context;
  double rms_epsilon, rope_theta;
};

// Error(kInput) naming a tensor that this architecture does not have.
GgufWeightName gguf_weight_name(const GgufFile& file, const GgufHyper& hyper, const std::string& tensor);

// The config.json that golden/scripts/gguf_to_hf.py would write, plus rope_scaling where the file scales positions and
// "vernier_rope_freq_factors" (a list of head_dim/2 divisors of the inverse frequencies) where it has
// rope_freqs.weight. `torch_dtype` is "float32", "float16" or "bfloat16".
Json gguf_config(const GgufFile& file, const GgufHyper& hyper, const std::string& torch_dtype);

}  // namespace vernier
