#pragma once
// Inverted dropout on the adapters' input. A mask is a function of (seed, step, the row's index in the step, the
// linear, the element): recomputing gives it again, no two linears share one, and how rows fall into micro batches
// does not matter.

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "model/pass.h"

namespace vernier {

bool dropout_active(const Pass& pass);

// x [N, width] times the mask of `module`, in the arena. Its own gradient: the same mask on the gradient.
at::Tensor apply_dropout(const Pass& pass, const at::Tensor& x, std::uint32_t module);

}  // namespace vernier
