#pragma once
// Register tiles of matrix products: the innermost loops, a table for each instruction set and element type. Whole
// products are made of them in kernels/gemm.h.
//
//   acc [rows, width] (+)= a [rows, depth] * panel          panel: [depth / step][width][step]
//
// `step` values of the reduction lie side by side in a panel: 1 of f32, 2 of bf16 (the operands of VDPBF16PS). An f32
// product is one fused multiply-add after the other in the order of depth, so every table gives the same bits, however
// a product is cut. A bf16 product adds each pair's two exact products with VDPBF16PS's rounding, denormals being 0.

#include <cstdint>

#include "kernels/isa.h"

namespace vernier {

// Elements of a reduction that lie in one panel at most, and the distance of the tile's rows of `a`.
template <typename T>
inline constexpr std::int64_t kPanelDepth = 2176 / static_cast<std::int64_t>(sizeof(T));
template <typename T>
inline constexpr std::int64_t kTileStride = kPanelDepth<T> + 64 / static_cast<std::int64_t>(sizeof(T));
template <typename T>
inline constexpr std::int64_t kTileStep = 4 / static_cast<std::int64_t>(sizeof(T));

// T: float, or std::uint16_t for bf16.
template <typename T>
struct TileKernels {
  std::int64_t rows, columns;  // the largest tile
  std::int64_t lanes;          // widths are multiples of this, up to `columns`

  // acc f32 [rows, width], contiguous, 64-byte aligned: the product, added to what is there when `add`. a: rows
  // kTileStride apart, depth a multiple of the step.
  void (*multiply)(const T* a, const T* panel, std::int64_t depth, std::int64_t rows, std::int64_t width, bool add,
                   float* acc);

  // The same with rows of `a` that lie `stride` apart.
  void (*multiply_apart)(const T* a, std::int64_t stride, const T* panel, std::int64_t depth, std::int64_t rows,
                         std::int64_t width, bool add, float* acc);

  // Fills a panel of `width` columns (a multiple of `lanes`, also beyond the largest tile); those beyond `columns`
  // become 0, as does a last step that depth does not fill. pack_columns: column c is source[c * stride + 0 ... depth).
  // pack_rows: column c is source[(0 ... depth) * stride + c].
  void (*pack_columns)(const T* source, std::int64_t stride, std::int64_t columns, std::int64_t depth,
                       std::int64_t width, T* panel);
  void (*pack_rows)(const T* source, std::int64_t stride, std::int64_t columns, std::int64_t depth, std::int64_t width,
                    T* panel);

  // Results [rows, columns] out of acc [rows, width]: stored in type T (one rounding) or f32, or out = addend + scale *
  // acc in f32 (addend may be out), or out[c * stride + r] += scale * acc[r, c].
  void (*store)(const float* acc, std::int64_t rows, std::int64_t width, std::int64_t columns, T* out,
                std::int64_t stride);
  void (*store_f32)(const float* acc, std::int64_t rows, std::int64_t width, std::int64_t columns, float* out,
                    std::int64_t stride);
  void (*add)(const float* acc, std::int64_t rows, std::int64_t width, std::int64_t columns, float scale,
              const float* addend, std::int64_t addend_stride, float* out, std::int64_t stride);
  void (*add_transposed)(const float* acc, std::int64_t rows, std::int64_t width, std::int64_t columns, float scale,
                         float* out, std::int64_t stride);
};

// Precondition: isa_supported(isa); for bf16 on Isa::kAvx512 also bf16_supported().
template <typename T>
const TileKernels<T>& tile_kernels(Isa isa);

}  // namespace vernier
