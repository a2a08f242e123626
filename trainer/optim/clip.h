#pragma once
// Clipping by the global norm as torch.nn.utils.clip_grad_norm_ does: gradients are scaled by
// min(1, max_norm / (norm + 1e-6)).

#include <ATen/core/Tensor.h>

#include "tensor/device.h"

namespace vernier {

// Euclidean norm of all gradients, summed in double; NaN or Inf when any of them is.
double gradient_norm(const at::Tensor& gradients, const Device& device);

// The factor to scale gradients by; 1 when max_norm is 0 (no clipping).
float clip_factor(double norm, double max_norm);

}  // namespace vernier
