#pragma once
// One token's products: matrices times a vector, memory-bound, each weight read once. Keeps its working memory from
// call to call: one caller at a time.

#include <ATen/core/Tensor.h>

#include <span>

#include "kernels/nf4.h"
#include "kernels/rows.h"
#include "tensor/ops.h"
#include "tensor/scratch.h"

namespace vernier {

class CpuMatvec {
 public:
  explicit CpuMatvec(Isa isa) : rows_(row_kernels(isa)), nf4_(nf4_kernels(isa)) {}

  // y f32 [rows] = matrix (f32 or bf16) times x f32.
  void dense(const at::Tensor& matrix, const at::Tensor& x, at::Tensor& y) const;
  // y f32 [rows of all parts] = the parts, one below the other, decoded as for `compute`, times x f32.
  void nf4(std::span<const Nf4View> parts, at::ScalarType compute, const at::Tensor& x, at::Tensor& y);

 private:
  void rows_of(const Nf4View& part, bool bf16, std::int64_t begin, std::int64_t end, const float* x, float* y,
               float* scratch) const;
  void unaligned_row(const Nf4View& part, bool bf16, std::int64_t row, const float* absmax, const float* x, float* y,
                     float* values) const;

  const RowKernels& rows_;
  const Nf4Kernels& nf4_;
  ThreadScratch halves_, scratch_;
};

}  // namespace vernier
