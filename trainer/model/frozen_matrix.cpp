#include "model/frozen_matrix.h"

#include <ATen/ops/empty.h>

#include "base/check.h"

namespace vernier {

FrozenMatrix::FrozenMatrix(std::vector<Nf4View> parts) : parts_(std::move(parts)) {
  check(!parts_.empty(), "a quantized matrix has parts");
  cols_ = parts_.front().cols;
  for (const Nf4View& part : parts_) {
    check(part.cols == cols_, "linears of a group read the same input");
    rows_ += part.rows;
  }
}

FrozenMatrix::FrozenMatrix(at::Tensor dense) : dense_(std::move(dense)), rows_(dense_.size(0)), cols_(dense_.size(1)) {}

void FrozenMatrix::decode(const Device& device, at::Tensor& out) const {
  std::int64_t row = 0;
  for (const Nf4View& part : parts_) {
    at::Tensor slice = out.narrow(0, row, part.rows);
    device.ops->decode_nf4(part, slice);
    row += part.rows;
  }
}

WeightView FrozenMatrix::view(std::int64_t begin, std::int64_t rows) const {
  if (!quantized()) return {nullptr, dense_.narrow(0, begin, rows)};
  for (const Nf4View& part : parts_) {
    if (begin == 0) {
      check(part.rows == rows, "a view of one quantized linear");
      return {&part, {}};
    }
    begin -= part.rows;
  }
  check(false, "a view begins at a linear");
  return {};
}

void FrozenMatrix::matvec(const Device& device, const at::Tensor& x, at::Tensor& y) const {
  if (quantized()) {
    device.ops->matvec_nf4(parts_, device.compute, x, y);
  } else {
    device.ops->matvec(dense_, x, y);
  }
}

at::Tensor FrozenMatrix::to_f32(const Device& device) const {
  at::Tensor out = at::empty({rows_, cols_}, at::kFloat);
  if (quantized()) {
    decode(device, out);
  } else {
    device.ops->convert(dense_, out);
  }
  return out;
}

std::int64_t FrozenMatrix::bytes() const {
  std::int64_t total = dense_.defined() ? static_cast<std::int64_t>(dense_.nbytes()) : 0;
  for (const Nf4View& part : parts_)
    for (const at::Tensor* tensor : {&part.codes, &part.absmax, &part.nested_codes, &part.nested_absmax})
      if (tensor->defined()) total += static_cast<std::int64_t>(tensor->nbytes());
  return total;
}

}  // namespace vernier
