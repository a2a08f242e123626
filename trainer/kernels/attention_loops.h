#pragma once
// The loops of attention between its products (kernels/attention.h), a table for each instruction set and element
// type. In f32 every table gives the same bits.

#include <cstdint>

#include "kernels/isa.h"

namespace vernier {

// T: float, or std::uint16_t for bf16.
template <typename T>
struct AttentionLoops {
  std::int64_t tile_columns;  // of a tile, as in the table of tiles

  // x = cap * tanh(scale * x / cap), n a multiple of 16.
  void (*softcap)(float* x, std::int64_t n, float scale, float cap);

  // Softmax of the scores of `rows` (at most 16) queries against `columns` keys, which lie in tiles [rows,
  // tile_columns]. Query r sees the columns [end + r - window, end + r) (window 0: all below end + r), at least one. p
  // [r * kTileStride + ...], in chunks of kKeyChunk columns `rows_apart` rows apart: exp(scale * score - largest), 0
  // for columns not seen, up to a whole tile. inverse_sum [rows]: what p is to be multiplied by; log_sum_exp [rows] of
  // the scaled scores. Overwrites scores that are not seen.
  void (*softmax)(float* scores, std::int64_t rows, std::int64_t columns, std::int64_t end, std::int64_t window,
                  std::int64_t rows_apart, float scale, T* p, float* inverse_sum, float* log_sum_exp);
  // out [r * stride + c] = factor[r] * acc[r, c], acc [rows, width].
  void (*store_scaled)(const float* acc, std::int64_t rows, std::int64_t width, std::int64_t columns,
                       const float* factor, T* out, std::int64_t stride);

  // out[r] = sum of x[r, c] * y[r, c] over n columns.
  void (*row_dots)(const T* x, std::int64_t x_stride, const T* y, std::int64_t y_stride, std::int64_t rows,
                   std::int64_t n, float* out);
  // Gradient of the scores, keys in rows and queries in columns: scores and d_p [rows, width], lse and delta [width].
  // p = exp(scale * s - lse), d_s = p * (d_p - delta) * scale, both with rows kTileStride apart; 0 outside the columns
  // [begin + r, end + r) that see key r. cap: scores are what softcap gave and scale is what it took (0: none).
  void (*score_gradient)(const float* scores, const float* d_p, std::int64_t rows, std::int64_t width, const float* lse,
                         const float* delta, float scale, float cap, std::int64_t begin, std::int64_t end, T* p,
                         T* d_s);

  // ---- One query
  // out [dim] += sum over keys of p[key] * v[key, ...], v [keys, dim].
  void (*weighted_sum)(const float* p, const T* v, std::int64_t keys, std::int64_t dim, float* out);
};

// Precondition: isa_supported(isa).
template <typename T>
const AttentionLoops<T>& attention_loops(Isa isa);

// Keys whose probabilities lie side by side: a multiple of every tile's rows and columns, at most kPanelDepth.
template <typename T>
inline constexpr std::int64_t kKeyChunk = sizeof(T) == 4 ? 480 : 1056;

}  // namespace vernier
