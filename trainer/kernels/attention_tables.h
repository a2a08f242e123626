#pragma once
// The tables of attention loops that each ISA's file defines; attention_loops() in attention_loops.cpp picks.

#include "kernels/attention_loops.h"

namespace vernier {

extern const AttentionLoops<float> kScalarAttentionF32, kAvx2AttentionF32, kAvx512AttentionF32;
extern const AttentionLoops<std::uint16_t> kScalarAttentionBF16, kAvx2AttentionBF16, kAvx512AttentionBF16;

}  // namespace vernier
