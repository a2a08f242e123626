#pragma once
// Attention of ops.h on the CPU: kernels/attention.h over all threads.

#include <ATen/core/Tensor.h>

#include "kernels/attention.h"
#include "tensor/scratch.h"

namespace vernier {

class CpuAttention {
 public:
  explicit CpuAttention(Isa isa) : isa_(isa) {}

  void forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionShape& shape,
               at::Tensor& out, const at::Tensor& log_sum_exp);
  void backward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& out,
                const at::Tensor& log_sum_exp, const at::Tensor& d_out, const AttentionShape& shape, at::Tensor& d_q,
                at::Tensor& d_k, at::Tensor& d_v);

 private:
  template <typename T>
  void forward_as(const AttentionShape& shape, const AttentionInputs<T>& inputs, const AttentionOutput<T>& output);
  template <typename T>
  void forward_token(const AttentionShape& shape, const AttentionInputs<T>& inputs, T* out);
  template <typename T>
  void backward_as(const AttentionShape& shape, const AttentionInputs<T>& inputs, const AttentionOutput<T>& output,
                   const AttentionGradients<T>& gradients);

  Isa isa_;
  ThreadScratch scratch_;
};

}  // namespace vernier
