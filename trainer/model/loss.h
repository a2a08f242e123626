#pragma once
// The head and the cross entropy of the target positions: logits exist for a few rows at a time only, and a position
// that is no target costs no product.

#include <ATen/core/Tensor.h>

#include "model/frozen_matrix.h"
#include "model/pass.h"

namespace vernier {

struct Head {
  at::Tensor norm;      // f32 [H]
  FrozenMatrix weight;  // [V, H], the base's type
};

struct LossSum {
  double loss = 0;  // sum of the token losses, in nats
  std::int64_t targets = 0;
};

// x f32 [N, H]: the stream behind the last block. With `d_x` (f32 [N, H], zeroed by the callee) also the gradient of
// gradient_scale * loss.
LossSum head_loss(const Head& head, const Pass& pass, const at::Tensor& x, float gradient_scale, at::Tensor* d_x);

// f32 [rows, V] logits of rows [begin, begin + rows) of x, written to `logits`.
void head_logits(const Head& head, const Pass& pass, const at::Tensor& x, std::int64_t begin, at::Tensor& logits);

}  // namespace vernier
