#include "tensor/cpu_heads.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "tensor/parallel.h"

namespace vernier {

namespace {

constexpr std::int64_t kGrainTokens = 16;

float* f32(const at::Tensor& tensor) {
  return static_cast<float*>(tensor.data_ptr());
}
std::uint16_t* bf16(const at::Tensor& tensor) {
  return static_cast<std::uint16_t*>(tensor.data_ptr());
}

// n elements of `tensor` from element `at` on, as f32; and back.
void load(const RowKernels& rows, const at::Tensor& tensor, std::int64_t at, std::int64_t n, float* values) {
  if (tensor.scalar_type() == at::kFloat) {
    std::copy_n(f32(tensor) + at, n, values);
  } else {
    rows.to_f32(bf16(tensor) + at, n, values);
  }
}
void store(const RowKernels& rows, const float* values, std::int64_t n, const at::Tensor& tensor, std::int64_t at) {
  if (tensor.scalar_type() == at::kFloat) {
    std::copy_n(values, n, f32(tensor) + at);
  } else {
    rows.to_bf16(values, n, bf16(tensor) + at);
  }
}

void copy(const at::Tensor& from, std::int64_t from_at, std::int64_t n, const at::Tensor& to, std::int64_t to_at) {
  const auto bytes = static_cast<std::int64_t>(from.element_size());
  std::memcpy(static_cast<char*>(to.data_ptr()) + to_at * bytes,
              static_cast<const char*>(from.data_ptr()) + from_at * bytes, static_cast<std::size_t>(n * bytes));
}

// Where a token's heads lie among the rows' blocks.
struct Place {
  std::int64_t first, stride;

  std::int64_t head(std::int64_t h) const { return first + h * stride; }
};

}  // namespace

template <typename Body>
void CpuHeads::for_each_token(std::span<const std::int32_t> row_starts, const Ops::HeadSource& source,
                              std::int64_t head_stride, std::int64_t scratch_floats, const Body& body) {
  const std::int64_t tokens = row_starts.back(), dim = source.head_dim;
  const auto pieces = std::min<std::int64_t>(parallel_width(), (tokens + kGrainTokens - 1) / kGrainTokens);
  scratch_.reserve(static_cast<int>(pieces), scratch_floats * 4);
  parallel_for(pieces, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t piece = first; piece < last; ++piece) {
      auto* scratch = static_cast<float*>(scratch_.of(static_cast<int>(piece)));
      const std::int64_t begin = tokens * piece / pieces, end = tokens * (piece + 1) / pieces;
      auto next = std::upper_bound(row_starts.begin(), row_starts.end(), begin);
      for (std::int64_t token = begin; token < end; ++token) {
        while (*next <= token) ++next;
        const std::int64_t start = *(next - 1), in_row = (token - start) * dim;
        const std::int64_t stride = head_stride > 0 ? head_stride : (*next - start) * dim;
        body(token, Place{start * source.heads * dim + in_row, stride}, scratch);
      }
    }
  });
}

void CpuHeads::rotate(const Ops::HeadSource& source, std::int32_t position, bool inverse, float* token_heads) const {
  if (source.rope == nullptr) return;
  check(position < source.rope->cos.size(0), "a position beyond the rotation's table");
  rows_.rope(token_heads, &position, f32(source.rope->cos), f32(source.rope->sin), 1, source.heads, source.head_dim,
             inverse);
}

void CpuHeads::split(const at::Tensor& qkv, const Ops::HeadSource& source, std::span<const std::int32_t> row_starts,
                     std::span<const std::int32_t> positions, at::Tensor& out) {
  check(out.scalar_type() == qkv.scalar_type() && (out.dim() == 1 || row_starts.size() == 2),
        "heads in the compute type, apart only for one row");
  const std::int64_t heads = source.heads, dim = source.head_dim, stride = out.dim() == 1 ? 0 : out.stride(0);
  const bool as_it_is = !source.norm_weight.defined() && source.rope == nullptr;
  for_each_token(row_starts, source, stride, 2 * heads * dim + heads,
                 [&](std::int64_t token, const Place& place, float* scratch) {
                   const std::int64_t from = token * qkv.stride(0) + source.begin;
                   if (as_it_is) {
                     for (std::int64_t h = 0; h < heads; ++h) copy(qkv, from + h * dim, dim, out, place.head(h));
                     return;
                   }
                   float *token_heads = scratch, *normed = token_heads + heads * dim, *rstd = normed + heads * dim;
                   load(rows_, qkv, from, heads * dim, token_heads);
                   if (source.norm_weight.defined()) {
                     rows_.rms_norm_f32(token_heads, f32(source.norm_weight), static_cast<float>(source.norm_eps),
                                        heads, dim, normed, rstd);
                     std::swap(token_heads, normed);
                   }
                   rotate(source, positions[static_cast<std::size_t>(token)], false, token_heads);
                   for (std::int64_t h = 0; h < heads; ++h)
                     store(rows_, token_heads + h * dim, dim, out, place.head(h));
                 });
}

void CpuHeads::split_backward(at::Tensor& d_heads, const at::Tensor& qkv, const Ops::HeadSource& source,
                              std::span<const std::int32_t> row_starts, std::span<const std::int32_t> positions,
                              at::Tensor& d_qkv) {
  const std::int64_t heads = source.heads, dim = source.head_dim, n = heads * dim;
  for_each_token(row_starts, source, 0, 4 * n + heads, [&](std::int64_t token, const Place& place, float* scratch) {
    float *gradient = scratch, *x = gradient + n, *normed = x + n, *dx = normed + n, *rstd = dx + n;
    for (std::int64_t h = 0; h < heads; ++h) std::copy_n(f32(d_heads) + place.head(h), dim, gradient + h * dim);
    rotate(source, positions[static_cast<std::size_t>(token)], true, gradient);
    const std::int64_t at = token * qkv.stride(0) + source.begin;
    if (source.norm_weight.defined()) {
      load(rows_, qkv, at, n, x);
      rows_.rms_norm_f32(x, f32(source.norm_weight), static_cast<float>(source.norm_eps), heads, dim, normed, rstd);
      std::fill_n(dx, n, 0.0f);
      rows_.rms_norm_backward_f32(gradient, x, f32(source.norm_weight), rstd, heads, dim, dx);
      std::swap(gradient, dx);
    }
    store(rows_, gradient, n, d_qkv, token * d_qkv.stride(0) + source.begin);
  });
}

}  // namespace vernier
