#pragma once
// Heads out of the flat stream and back (Ops::split_heads): conversion, per-head norm and rotation in one pass.

#include <ATen/core/Tensor.h>

#include <span>

#include "kernels/rows.h"
#include "tensor/ops.h"

namespace vernier {

void cpu_split_heads(const RowKernels& kernels, const at::Tensor& qkv, const Ops::HeadSource& source,
                     std::span<const std::int32_t> row_starts, std::span<const std::int32_t> positions,
                     at::Tensor& out);

void cpu_split_heads_backward(const RowKernels& kernels, at::Tensor& d_heads, const at::Tensor& qkv,
                              const Ops::HeadSource& source, std::span<const std::int32_t> row_starts,
                              std::span<const std::int32_t> positions, at::Tensor& d_qkv);

}  // namespace vernier
