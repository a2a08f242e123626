#pragma once
// Models whose cost is known in print.

#include "spec/lora_targets.h"
#include "spec/model_spec.h"

namespace vernier {

inline ModelSpec sized(std::int64_t hidden, std::int64_t intermediate, std::int64_t layers, std::int64_t heads,
                       std::int64_t kv_heads, std::int64_t head_dim, std::int64_t vocab, bool tied_head) {
  ModelSpec spec;
  spec.hidden = hidden;
  spec.intermediate = intermediate;
  spec.layers = layers;
  spec.heads = heads;
  spec.kv_heads = kv_heads;
  spec.head_dim = head_dim;
  spec.vocab = vocab;
  spec.tied_head = tied_head;
  return spec;
}

inline ModelSpec llama32_1b() {
  return sized(2048, 8192, 16, 32, 8, 64, 128256, true);
}
inline ModelSpec llama3_8b() {
  return sized(4096, 14336, 32, 32, 8, 128, 128256, false);
}
inline ModelSpec llama2_7b() {
  return sized(4096, 11008, 32, 32, 32, 128, 32000, false);
}
inline ModelSpec qwen3_8b() {
  return sized(4096, 12288, 36, 32, 8, 128, 151936, false);
}

// Parameters of adapters of rank 16 on all linears.
inline std::int64_t rank16(const ModelSpec& spec) {
  return lora_parameters(spec, match_lora_targets(spec, LoraConfig{}), 16);
}

}  // namespace vernier
