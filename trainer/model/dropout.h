#pragma once
// Inverted dropout on the adapters' input. A mask is a function of (seed, step, the row's index in the step, the
// linear, the element): recomputing gives it again, no two linears share one, and how rows fall into micro batches
// does not matter.

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "model/pass.h"

namespace vernier {

bool dropout_active(const Pass& pass);

// x [N, width] times the mask of `module`, in the compute type, in the arena.
at::Tensor apply_dropout(const Pass& pass, const at::Tensor& x, std::uint32_t module);

// sum f32 [N, width] += gradient f32 times the mask of `module`: the backward pass of the above.
void add_dropped(const Pass& pass, const at::Tensor& gradient, std::uint32_t module, at::Tensor& sum);

}  // namespace vernier
