#pragma once
// Linears that read the same input (q, k, v; gate, up; or one alone), frozen, with the adapters that sit on them:
//
//   y = x W^T + scaling * (drop(x) A^T) B^T          backward: dx = dy W + drop'((scaling * dy B) A), dA, dB
//
// The delta joins the base product in f32 before the one rounding to the compute type, forward and in dx: the product
// starts from the delta and accumulates in f32.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/frozen_matrix.h"
#include "model/pass.h"

namespace vernier {

class LinearGroup {
 public:
  LinearGroup() = default;
  LinearGroup(std::int64_t layer, std::vector<Linear> linears, FrozenMatrix weight);

  std::int64_t in() const { return weight_.cols(); }
  std::int64_t out() const { return weight_.rows(); }
  const std::vector<Linear>& linears() const { return linears_; }
  const FrozenMatrix& weight() const { return weight_; }

  // Width of `u` below: the ranks of the adapters of this group together; 0 without.
  std::int64_t rank(const Pass& pass) const;

  // y [N, out] from x [N, in]; u [N, rank] = drop(x) A^T is what the backward pass needs again.
  void forward(const Pass& pass, const at::Tensor& x, at::Tensor& y, at::Tensor& u) const;

  // The same for one token without dropout, in f32 until y's rounding: what generation does for every token.
  void forward_token(const Pass& pass, const at::Tensor& x, at::Tensor& y) const;

  // Adds to the adapters' gradients; writes dx [N, in] when it is not nullptr. x and u as in the forward pass.
  void backward(const Pass& pass, const at::Tensor& dy, const at::Tensor& x, const at::Tensor& u, at::Tensor* dx) const;

 private:
  struct Placed {
    const LoraPair* pair;
    std::int64_t column, width;  // the linear's rows of the group's matrix: columns of y
  };
  std::vector<Placed> adapters(const Pass& pass) const;

  std::int64_t layer_ = 0;
  std::vector<Linear> linears_;
  FrozenMatrix weight_;
};

}  // namespace vernier
