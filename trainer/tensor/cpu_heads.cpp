#include "tensor/cpu_heads.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "tensor/parallel.h"

namespace vernier {

namespace {

constexpr std::int64_t kGrainTokens = 16;

float* f32(const at::Tensor& tensor) {
  return static_cast<float*>(tensor.data_ptr());
}

// One token's columns of the stream as f32 [heads * dim].
void load(const RowKernels& kernels, const at::Tensor& stream, std::int64_t token, const Ops::HeadSource& source,
          float* token_heads) {
  const std::int64_t at = token * stream.stride(0) + source.begin, n = source.heads * source.head_dim;
  if (stream.scalar_type() == at::kFloat) {
    std::copy_n(f32(stream) + at, n, token_heads);
  } else {
    kernels.to_f32(static_cast<const std::uint16_t*>(stream.data_ptr()) + at, n, token_heads);
  }
}

void store(const RowKernels& kernels, const float* token_heads, std::int64_t token, const Ops::HeadSource& source,
           const at::Tensor& stream) {
  const std::int64_t at = token * stream.stride(0) + source.begin, n = source.heads * source.head_dim;
  if (stream.scalar_type() == at::kFloat) {
    std::copy_n(token_heads, n, f32(stream) + at);
  } else {
    kernels.to_bf16(token_heads, n, static_cast<std::uint16_t*>(stream.data_ptr()) + at);
  }
}

void rotate(const RowKernels& kernels, const Ops::HeadSource& source, std::int32_t position, bool inverse,
            float* token_heads) {
  if (source.rope == nullptr) return;
  check(position < source.rope->cos.size(0), "a position beyond the rotation's table");
  kernels.rope(token_heads, &position, f32(source.rope->cos), f32(source.rope->sin), 1, source.heads, source.head_dim,
               inverse);
}

// Where head h of a token lies among the rows' blocks [heads, T, D].
struct Place {
  std::int64_t start, tokens, offset;

  std::int64_t head(std::int64_t h, const Ops::HeadSource& source) const {
    return (start * source.heads + h * tokens + offset) * source.head_dim;
  }
};

// Calls body(token, its place, scratch of that many floats) for all tokens, in parallel over tokens.
template <typename Body>
void for_each_token(std::span<const std::int32_t> row_starts, std::int64_t scratch_floats, const Body& body) {
  parallel_for(row_starts.back(), kGrainTokens, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> scratch(static_cast<std::size_t>(scratch_floats));
    auto next = std::upper_bound(row_starts.begin(), row_starts.end(), begin);
    for (std::int64_t token = begin; token < end; ++token) {
      while (*next <= token) ++next;
      const std::int64_t start = *(next - 1);
      body(token, Place{start, *next - start, token - start}, scratch.data());
    }
  });
}

}  // namespace

void cpu_split_heads(const RowKernels& kernels, const at::Tensor& qkv, const Ops::HeadSource& source,
                     std::span<const std::int32_t> row_starts, std::span<const std::int32_t> positions,
                     at::Tensor& out) {
  const std::int64_t heads = source.heads, dim = source.head_dim;
  for_each_token(row_starts, 2 * heads * dim + heads, [&](std::int64_t token, const Place& place, float* scratch) {
    float *token_heads = scratch, *normed = token_heads + heads * dim, *rstd = normed + heads * dim;
    load(kernels, qkv, token, source, token_heads);
    if (source.norm_weight.defined()) {
      kernels.rms_norm_f32(token_heads, f32(source.norm_weight), static_cast<float>(source.norm_eps), heads, dim,
                           normed, rstd);
      std::swap(token_heads, normed);
    }
    rotate(kernels, source, positions[static_cast<std::size_t>(token)], false, token_heads);
    for (std::int64_t h = 0; h < heads; ++h) std::copy_n(token_heads + h * dim, dim, f32(out) + place.head(h, source));
  });
}

void cpu_split_heads_backward(const RowKernels& kernels, at::Tensor& d_heads, const at::Tensor& qkv,
                              const Ops::HeadSource& source, std::span<const std::int32_t> row_starts,
                              std::span<const std::int32_t> positions, at::Tensor& d_qkv) {
  const std::int64_t heads = source.heads, dim = source.head_dim;
  for_each_token(row_starts, 4 * heads * dim + heads, [&](std::int64_t token, const Place& place, float* scratch) {
    float *gradient = scratch, *x = gradient + heads * dim, *normed = x + heads * dim;
    float *dx = normed + heads * dim, *rstd = dx + heads * dim;
    for (std::int64_t h = 0; h < heads; ++h) std::copy_n(f32(d_heads) + place.head(h, source), dim, gradient + h * dim);
    rotate(kernels, source, positions[static_cast<std::size_t>(token)], true, gradient);
    if (source.norm_weight.defined()) {
      load(kernels, qkv, token, source, x);
      kernels.rms_norm_f32(x, f32(source.norm_weight), static_cast<float>(source.norm_eps), heads, dim, normed, rstd);
      std::fill_n(dx, heads * dim, 0.0f);
      kernels.rms_norm_backward_f32(gradient, x, f32(source.norm_weight), rstd, heads, dim, dx);
      std::swap(gradient, dx);
    }
    store(kernels, gradient, token, source, d_qkv);
  });
}

}  // namespace vernier
