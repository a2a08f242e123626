#pragma once
// Linears that read the same input (q, k, v; gate, up; or one alone), frozen, with the adapters that sit on them:
//
//   y = x W^T + u (scaling * B)^T,  u = drop(x) A^T
//   du = dy (scaling * B),  dx = dy W + drop'(du A),  dA = du^T drop(x),  dB = scaling * dy^T u
//
// The delta is more terms of the base product's sum: both share the f32 sum and its one rounding, forward and in dx.

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

  // Width of `u`: the ranks of the adapters of this group together; 0 without.
  std::int64_t rank(const Pass& pass) const;

  // y [N, out] from x [N, in]; u [N, rank] is what the backward pass needs again.
  void forward(const Pass& pass, const at::Tensor& x, at::Tensor& y, at::Tensor& u) const;

  // stream f32 [N, out] += the same, without a rounding between.
  void forward_onto(const Pass& pass, const at::Tensor& x, at::Tensor& stream, at::Tensor& u) const;

  // Adds to the adapters' gradients; writes dx [N, in] when it is not nullptr. x and u as in the forward pass.
  void backward(const Pass& pass, const at::Tensor& dy, const at::Tensor& x, const at::Tensor& u, at::Tensor* dx) const;
  // The same in two, for who computes x again out of dx: first dx and du [N, rank], which lies in the arena.
  at::Tensor backward_to_input(const Pass& pass, const at::Tensor& dy, at::Tensor* dx) const;
  void backward_to_adapters(const Pass& pass, const at::Tensor& dy, const at::Tensor& x, const at::Tensor& u,
                            const at::Tensor& du) const;

 private:
  // One linear's rows of the group's matrix (columns of y), and its adapter's columns of u.
  struct Placed {
    std::int64_t column, width;
    const LoraPair* pair;  // nullptr: none
    std::int64_t first;
  };
  std::vector<Placed> placed(const Pass& pass) const;

  // f32 [out], in the arena, for one token without dropout: what generation does for every token.
  bool is_token(const Pass& pass, const at::Tensor& x) const;
  at::Tensor token_output(const Pass& pass, const at::Tensor& x) const;

  void adapter_inputs(const Pass& pass, const at::Tensor& x, at::Tensor& u) const;
  std::vector<Product> base_products(const Pass& pass, const at::Tensor& x, const at::Tensor& u, at::Tensor& y) const;
  void input_gradient(const Pass& pass, const at::Tensor& dy, const at::Tensor& du, at::Tensor& dx) const;

  std::int64_t layer_ = 0;
  std::vector<Linear> linears_;
  FrozenMatrix weight_;
};

}  // namespace vernier
