#include "kernels/optimizer.h"

#include "base/check.h"
#include "kernels/optimizer_tables.h"

namespace vernier {

const OptimizerKernels& optimizer_kernels(Isa isa) {
  check(isa_supported(isa), "optimizer_kernels: this CPU lacks the instruction set");
  switch (isa) {
    case Isa::kAvx512:
      return kAvx512OptimizerKernels;
    case Isa::kAvx2:
      return kAvx2OptimizerKernels;
    case Isa::kScalar:
      break;
  }
  return kScalarOptimizerKernels;
}

StateArrays state_arrays(UpdateRule rule, std::int64_t n) {
  StateArrays list;
  std::int64_t used = 0;
  const auto add = [&](const char* name, Dtype dtype, std::int64_t stride = 1) {
    list.arrays[list.count++] = {name, dtype, stride, (n + stride - 1) / stride, used};
    used += list.arrays[list.count - 1].bytes();
  };
  switch (rule) {
    case UpdateRule::kAdamwTorch:
    case UpdateRule::kAdamw32bit:
      add("exp_avg", Dtype::kF32);
      add("exp_avg_sq", Dtype::kF32);
      break;
    case UpdateRule::kAdamw8bit:
      add("exp_avg_absmax", Dtype::kF32, kStateBlock);
      add("exp_avg_sq_absmax", Dtype::kF32, kStateBlock);
      add("exp_avg", Dtype::kU8);
      add("exp_avg_sq", Dtype::kU8);
      break;
    case UpdateRule::kLion32bit:
      add("exp_avg", Dtype::kF32);
      break;
    case UpdateRule::kLion8bit:
      add("exp_avg_absmax", Dtype::kF32, kStateBlock);
      add("exp_avg", Dtype::kU8);
      break;
    case UpdateRule::kSgd:
      break;
  }
  return list;
}

std::int64_t state_bytes(UpdateRule rule, std::int64_t n) {
  std::int64_t bytes = 0;
  for (const StateArray& array : state_arrays(rule, n)) bytes += array.bytes();
  return bytes;
}

void update_piece(const OptimizerKernels& kernels, const UpdateStep& step, const UpdatePiece& piece,
                  const float* gradients, float* parameters, std::byte* states) {
  const StateArrays arrays = state_arrays(piece.rule, piece.count);
  std::byte* const state = states + piece.offset;
  const auto floats = [&](std::size_t i) { return reinterpret_cast<float*>(state + arrays.arrays[i].offset); };
  const auto coded = [&](std::size_t codes, std::size_t absmax) {
    return CodedState{reinterpret_cast<std::uint8_t*>(state + arrays.arrays[codes].offset), floats(absmax)};
  };
  const float* const gradient = gradients + piece.first;
  float* const parameter = parameters + piece.first;
  const std::int64_t n = piece.count;
  switch (piece.rule) {
    case UpdateRule::kAdamwTorch:
      return kernels.adamw_torch(step, n, gradient, parameter, floats(0), floats(1));
    case UpdateRule::kAdamw32bit:
      return kernels.adamw_32bit(step, n, gradient, parameter, floats(0), floats(1));
    case UpdateRule::kAdamw8bit:
      return kernels.adamw_8bit(step, n, gradient, parameter, coded(2, 0), coded(3, 1));
    case UpdateRule::kLion32bit:
      return kernels.lion_32bit(step, n, gradient, parameter, floats(0));
    case UpdateRule::kLion8bit:
      return kernels.lion_8bit(step, n, gradient, parameter, coded(1, 0));
    case UpdateRule::kSgd:
      return kernels.sgd(step, n, gradient, parameter);
  }
}

}  // namespace vernier
