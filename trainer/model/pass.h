#pragma once
// One micro batch's way through the model: the tokens it holds, where to compute, and the working memory.
//
// Shape legend of model/: N tokens of the flat stream (rows end to end, no padding), H hidden, I intermediate,
// A = heads * head_dim, K = kv_heads * head_dim, R rank, V vocabulary.

#include <cstdint>
#include <span>

#include "model/lora.h"
#include "spec/model_spec.h"
#include "spec/step_sizes.h"
#include "tensor/arena.h"
#include "tensor/device.h"

namespace vernier {

// Rows of token ids end to end; row i is [row_starts[i], row_starts[i + 1]).
struct TokenBatch {
  std::span<const std::int32_t> input_ids;   // [N]
  std::span<const std::int32_t> targets;     // [N] the id after this position, or negative: not a target
  std::span<const std::int32_t> positions;   // [N] within the row
  std::span<const std::int32_t> row_starts;  // [rows + 1]
  std::int64_t step = 0;                     // optimizer step, for the dropout masks
  std::int64_t first_row_in_step = 0;        // index of the first row among the step's rows

  std::int64_t tokens() const { return static_cast<std::int64_t>(input_ids.size()); }
};

struct Pass {
  const Device& device;
  const ModelSpec& spec;
  const RopeTable& rope;
  const LoraParameters* lora;  // nullptr: the base alone
  TokenBatch batch;
  Arena& arena;
  bool training = false;  // dropout is active
  std::uint64_t seed = 0;
  std::int64_t most_logits_rows = kFewLogitsRows;  // that exist at a time

  const Ops& ops() const { return *device.ops; }
  std::int64_t tokens() const { return batch.tokens(); }
  at::Tensor take(at::IntArrayRef shape) const { return arena.take(shape, device.compute); }
  at::Tensor take_f32(at::IntArrayRef shape) const { return arena.take(shape, at::kFloat); }
};

}  // namespace vernier
