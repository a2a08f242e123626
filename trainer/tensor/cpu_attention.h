#pragma once
// Causal softmax attention on the CPU, the obvious way: whole rows of scores, a block of queries at a time against the
// keys they may see, products in f32 by LibTorch. One task a (row, kv head); its query heads run one after the other,
// so that the sums into dK and dV have one order.

#include <ATen/core/Tensor.h>

#include "kernels/rows.h"
#include "tensor/ops.h"

namespace vernier {

void cpu_attention(const RowKernels& rows, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                   const AttentionShape& shape, at::Tensor& out);

void cpu_attention_backward(const RowKernels& rows, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const at::Tensor& d_out, const AttentionShape& shape, at::Tensor& d_q, at::Tensor& d_k,
                            at::Tensor& d_v);

void cpu_cached_attention(const RowKernels& rows, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          std::int64_t length, float scale, at::Tensor& out);

}  // namespace vernier
