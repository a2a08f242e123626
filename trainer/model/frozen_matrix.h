#pragma once
// A frozen weight matrix [out, in] of a group of linears that read the same input: NF4 codes decoded at each use, or
// the base's own values. Rows of the group's linears lie one after the other.

#include <ATen/core/Tensor.h>

#include <vector>

#include "tensor/device.h"

namespace vernier {

class FrozenMatrix {
 public:
  FrozenMatrix() = default;
  // One Nf4View a linear.
  explicit FrozenMatrix(std::vector<Nf4View> parts);
  // f32, f16 or bf16 [out, in].
  explicit FrozenMatrix(at::Tensor dense);

  // The rows [begin, begin + rows): with NF4 those of exactly one part.
  WeightView view(std::int64_t begin, std::int64_t rows) const;
  // y f32 [out] = the matrix times x f32 [in], for one token. Precondition: has_matvec().
  void matvec(const Device& device, const at::Tensor& x, at::Tensor& y) const;
  bool has_matvec() const { return quantized() || dense_.scalar_type() != at::kHalf; }
  // All of it in f32, for merging.
  at::Tensor to_f32(const Device& device) const;

  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }
  bool quantized() const { return !parts_.empty(); }
  const std::vector<Nf4View>& parts() const { return parts_; }
  const at::Tensor& dense() const { return dense_; }
  std::int64_t bytes() const;

 private:
  void decode(const Device& device, at::Tensor& out) const;

  std::vector<Nf4View> parts_;
  at::Tensor dense_;
  std::int64_t rows_ = 0, cols_ = 0;
};

}  // namespace vernier
