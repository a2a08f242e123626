#pragma once
// What a run will hold in memory, part by part, from sizes alone: for `check`, and to choose what the forward pass
// keeps. The working memory follows the arena's use in model/block.cpp, loss.cpp and attention.cpp byte for byte; the
// rest (LibTorch's own base, the allocator) is measured, and a test holds the sum to 10 % of a real run's peak.

#include <cstdint>

#include "base/float_types.h"
#include "config/config.h"
#include "spec/lora_targets.h"
#include "spec/step_sizes.h"

namespace vernier {

struct MemoryRequest {
  bool load_in_4bit = true;
  QuantizationConfig quantization;
  Dtype base_type = Dtype::kBF16;  // of embedding, head and unquantized linears
  bool bf16_compute = true;
  std::int64_t lora_parameters = 0;
  std::int64_t optimizer_bytes = 0;  // of its states in memory
  std::int64_t rank = 16;
  std::int64_t micro_batch_tokens = 0;  // the largest micro batch
  std::int64_t micro_batch_targets = 0;
  std::int64_t longest_row = 0;
  KeptLayers kept;
  bool dropout = false;
  std::int64_t threads = 1;
  std::int64_t tokenizer_entries = 0;  // 0: no tokenizer
};

struct MemoryPlan {
  std::int64_t frozen = 0;    // quantized linears, embedding, head, norms
  std::int64_t adapters = 0;  // values, gradients, optimizer states
  std::int64_t kept = 0;      // activations that wait for the backward pass
  std::int64_t working = 0;   // the largest scratch at any time
  std::int64_t data = 0;      // token ids and labels; the caller's to fill
  std::int64_t runtime = 0;   // LibTorch, its packed operands, the tokenizer, the program itself
  std::int64_t loading = 0;   // one tensor in f32 while quantizing

  std::int64_t peak() const;
};

MemoryPlan plan_memory(const ModelSpec& spec, const MemoryRequest& request);

// Bytes that this process may still use: the system's MemAvailable, bounded by what its cgroups leave it.
std::int64_t available_memory();

}  // namespace vernier
