#pragma once
// The update rules of the optimizers, each over a range of parameters of one tensor, so that the caller can split the
// work among threads and keep the states where it likes. docs/numerics.md has the order of operations; every ISA's
// table gives the same bits.
//
// A rule's state of n parameters lies in one piece of memory, array after array (state_arrays): f32 moments, or codes
// of the dynamic 8-bit maps (kernels/dynamic_map.h) with a scale for each block of 256 elements.

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/float_types.h"
#include "kernels/isa.h"

namespace vernier {

enum class UpdateRule {
  kAdamwTorch,  // AdamW (Loshchilov, Hutter 2019) as torch.optim.AdamW rounds
  kAdamw32bit,  // the same formula as bitsandbytes rounds it: what its 8-bit AdamW does to small tensors
  kAdamw8bit,   // Dettmers, Lewis, Shleifer, Zettlemoyer 2021, "8-bit Optimizers via Block-wise Quantization"
  kLion32bit,   // Lion (Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms") as bitsandbytes rounds it
  kLion8bit,
  kSgd,  // torch.optim.SGD without momentum
};

inline constexpr std::int64_t kStateBlock = 256;  // elements of one scale

// What an update of all parameters has in common. Doubles where Python's floats are: 1 - beta, the bias corrections
// and the step size are formed in double.
struct UpdateStep {
  double learning_rate = 0, beta1 = 0, beta2 = 0, epsilon = 0, weight_decay = 0;
  float gradient_scale = 1;  // the clipping factor
  std::int64_t step = 1;     // from 1
};

// One array of a state: "exp_avg", "exp_avg_absmax", ...
struct StateArray {
  const char* name = "";
  Dtype dtype = Dtype::kF32;
  std::int64_t stride = 1;  // parameters of one element: 1, or kStateBlock
  std::int64_t count = 0;   // elements
  std::int64_t offset = 0;  // bytes from the state's begin

  std::int64_t bytes() const { return count * static_cast<std::int64_t>(dtype_bytes(dtype)); }
};
struct StateArrays {
  std::array<StateArray, 4> arrays;
  std::size_t count = 0;

  const StateArray* begin() const { return arrays.data(); }
  const StateArray* end() const { return arrays.data() + count; }
};
// The arrays of the state of n parameters, in the order in which they lie in memory, without gaps. All are zero before
// the first step.
StateArrays state_arrays(UpdateRule rule, std::int64_t n);
std::int64_t state_bytes(UpdateRule rule, std::int64_t n);

// u8 codes [n] and their scales f32 [ceil(n / 256)].
struct CodedState {
  std::uint8_t* codes;
  float* absmax;
};

// One step of n parameters, each rule with its state. Precondition of the 8-bit ones: the range begins at a block.
struct OptimizerKernels {
  void (*adamw_torch)(const UpdateStep& step, std::int64_t n, const float* gradient, float* parameter, float* exp_avg,
                      float* exp_avg_sq);
  void (*adamw_32bit)(const UpdateStep& step, std::int64_t n, const float* gradient, float* parameter, float* exp_avg,
                      float* exp_avg_sq);
  void (*adamw_8bit)(const UpdateStep& step, std::int64_t n, const float* gradient, float* parameter,
                     const CodedState& exp_avg, const CodedState& exp_avg_sq);
  void (*lion_32bit)(const UpdateStep& step, std::int64_t n, const float* gradient, float* parameter, float* exp_avg);
  void (*lion_8bit)(const UpdateStep& step, std::int64_t n, const float* gradient, float* parameter,
                    const CodedState& exp_avg);
  void (*sgd)(const UpdateStep& step, std::int64_t n, const float* gradient, float* parameter);
};
const OptimizerKernels& optimizer_kernels(Isa isa);

// Parameters [first, first + count) of the flat buffers, whole blocks of one tensor or its end, whose state begins
// `offset` bytes (a multiple of 4) into some memory, as state_arrays says.
struct UpdatePiece {
  UpdateRule rule = UpdateRule::kAdamwTorch;
  std::int64_t first = 0, count = 0, offset = 0;
};
// The rule of the piece on its part of the flat buffers, with its state in `states`.
void update_piece(const OptimizerKernels& kernels, const UpdateStep& step, const UpdatePiece& piece,
                  const float* gradients, float* parameters, std::byte* states);

}  // namespace vernier
