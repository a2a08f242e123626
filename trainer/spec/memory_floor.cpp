#include "spec/memory_floor.h"

#include <algorithm>

namespace vernier {

namespace {

constexpr std::int64_t kAdapterBytes = 8;  // value and gradient
constexpr std::int64_t kLogitsRows = 256;
constexpr double kNestedBlock = 256;  // scales that share one f32

double bytes_a_weight(const MemoryRequest& request) {
  if (!request.load_in_4bit) return static_cast<double>(dtype_bytes(request.base_type));
  const auto block = static_cast<double>(request.quantization.blocksize);
  const double scale = request.quantization.double_quant ? 1 + 4 / kNestedBlock : 4;
  return 0.5 + scale / block;
}

}  // namespace

std::int64_t MemoryFloor::total() const {
  return resident() + std::max(layer_phase, loss_phase);
}

MemoryFloor memory_floor(const ModelSpec& spec, const MemoryRequest& request) {
  std::int64_t layer = 0, largest = 0;
  for (const Linear linear : kLinears) {
    const std::int64_t weights = linear_in(spec, linear) * linear_out(spec, linear);
    layer += weights;
    largest = std::max(largest, weights);
  }
  const std::int64_t element = request.bf16_compute ? 2 : 4;
  const std::int64_t stream = request.micro_batch_tokens * spec.hidden * element;
  const std::int64_t columns = 5 * spec.hidden + 2 * spec.q_dim() + 2 * spec.kv_dim() + 3 * spec.intermediate;
  MemoryFloor floor;
  floor.linears = static_cast<std::int64_t>(static_cast<double>(spec.layers * layer) * bytes_a_weight(request));
  floor.embeddings =
      (spec.tied_head ? 1 : 2) * spec.vocab * spec.hidden * static_cast<std::int64_t>(dtype_bytes(request.base_type));
  floor.adapters = kAdapterBytes * request.lora_parameters + request.optimizer_bytes;
  floor.checkpoints = spec.layers * stream;
  floor.layer_phase =
      request.micro_batch_tokens * columns * element + (request.load_in_4bit ? element * largest : 0) + stream;
  floor.loss_phase = std::min(kLogitsRows, request.micro_batch_targets) * spec.vocab * 4 + 2 * stream;
  return floor;
}

}  // namespace vernier
