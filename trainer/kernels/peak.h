#pragma once
// What one thread of this CPU can do at most, measured: products of registers that touch no memory, and memory read in
// order. Every speed that Vernier reports stands beside these, taken in the same run.

#include <cstdint>

#include "kernels/isa.h"

namespace vernier {

struct PeakKernels {
  // `rounds` rounds of multiply-adds on independent sums, all in registers. The results depend on every one of them.
  float (*multiply_f32)(std::int64_t rounds);
  float (*multiply_bf16)(std::int64_t rounds);  // VDPBF16PS; nullptr in a table without it
  std::int64_t f32_flops, bf16_flops;           // of a round, a multiplication and an addition being two

  // Reads `bytes` (a multiple of 256) in order; their exclusive or, 4 bytes at a time.
  std::uint32_t (*read)(const void* memory, std::int64_t bytes);
};

// Precondition: isa_supported(isa). multiply_bf16 may be called only if bf16_supported().
const PeakKernels& peak_kernels(Isa isa);

enum class PeakLoop { kF32, kBF16 };

// FLOP/s of this thread over about `seconds`. Precondition: the table has the loop.
double multiply_rate(const PeakKernels& kernels, PeakLoop loop, double seconds);

// Bytes a second that this thread reads from `memory`, over and over for about `seconds`.
double read_rate(const PeakKernels& kernels, const void* memory, std::int64_t bytes, double seconds);

}  // namespace vernier
