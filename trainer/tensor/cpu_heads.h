#pragma once
// Heads out of the flat stream and back (Ops::split_heads): conversion, per-head norm and rotation in one pass.

#include <ATen/core/Tensor.h>

#include <span>

#include "kernels/rows.h"
#include "tensor/ops.h"
#include "tensor/scratch.h"

namespace vernier {

class CpuHeads {
 public:
  explicit CpuHeads(Isa isa) : rows_(row_kernels(isa)) {}

  void split(const at::Tensor& qkv, const Ops::HeadSource& source, std::span<const std::int32_t> row_starts,
             std::span<const std::int32_t> positions, at::Tensor& out);
  void split_backward(at::Tensor& d_heads, const at::Tensor& qkv, const Ops::HeadSource& source,
                      std::span<const std::int32_t> row_starts, std::span<const std::int32_t> positions,
                      at::Tensor& d_qkv);

 private:
  // Calls body(token, where its first head lies among the rows' blocks [heads, T, D], from head to head, scratch of
  // that many floats) for all tokens, in parallel over tokens. head_stride: from head to head, 0 for whole blocks.
  template <typename Body>
  void for_each_token(std::span<const std::int32_t> row_starts, const Ops::HeadSource& source, std::int64_t head_stride,
                      std::int64_t scratch_floats, const Body& body);
  void rotate(const Ops::HeadSource& source, std::int32_t position, bool inverse, float* token_heads) const;

  const RowKernels& rows_;
  ThreadScratch scratch_;
};

}  // namespace vernier
