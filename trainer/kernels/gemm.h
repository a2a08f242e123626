#pragma once
// Matrix products made of register tiles (kernels/tiles.h): panels of the weight matrix are decoded or converted once
// into the second-level cache, and all rows of the activations run over them. Several terms share one sum, so that a
// LoRA delta costs its own few columns of the reduction and no pass over the result:
//
//   result [rows, columns] = sum over terms of a [rows, depth] * matrix        (or its transpose)
//
// An element's sum runs over the terms in their order and each term's depth in order, whatever the cutting: a result
// does not depend on the number of threads.

#include <cstdint>
#include <span>

#include "kernels/nf4.h"
#include "kernels/rows.h"
#include "kernels/tiles.h"

namespace vernier {

// A matrix as it is stored. Its values are rounded to the product's element type as they are packed; NF4's are
// code * absmax in f32, then rounded.
struct StoredMatrix {
  enum class Form : std::uint8_t { kF32, kF16, kBF16, kNf4 };
  Form form = Form::kF32;
  const void* values = nullptr;   // the first element, or the codes of the whole flat matrix
  std::int64_t stride = 0;        // elements from row to row
  const float* absmax = nullptr;  // kNf4: plain scales, one a block; nullptr: double-quantized ones (kernels/nf4.h)
  const std::uint8_t* nested_codes = nullptr;
  const float* nested_absmax = nullptr;
  float offset = 0;
  std::int64_t blocksize = 64;
  float scale = 1;  // kF32: multiplies the values before the rounding
};

struct GemmTerm {
  const void* a = nullptr;  // elements of the product's type: [rows, depth], or with a_transposed [depth, rows]
  std::int64_t a_stride = 0, depth = 0;
  bool a_transposed = false;
  StoredMatrix matrix;
  bool transposed = false;  // true: matrix [columns, depth], as in x W^T; false: [depth, columns], as in dy W
};

enum class GemmResult : std::uint8_t {
  kStore,          // out [rows, columns] of the product's type
  kStoreF32,       // the same in f32
  kAdd,            // out f32 = addend + scale * result; addend may be out
  kAddTransposed,  // out f32 [columns, rows] += scale * result^T
};

struct Gemm {
  std::int64_t rows = 0, columns = 0;
  std::span<const GemmTerm> terms;
  GemmResult result = GemmResult::kStore;
  void* out = nullptr;
  std::int64_t out_stride = 0;
  const float* addend = nullptr;
  std::int64_t addend_stride = 0;
  float scale = 1;
};

// The kernels of one instruction set that a product uses.
template <typename T>
struct GemmKernels {
  const TileKernels<T>& tiles;
  const Nf4Kernels& nf4;
  const RowKernels& rows;
};

// Working memory of one thread.
std::int64_t gemm_scratch_bytes();

// The part of `gemm` that has result columns [column_begin, column_end), of which only the last may be no multiple of
// the tile's, and rows [row_begin, row_end). T: float or std::uint16_t (bf16). scratch: 64-byte aligned.
template <typename T>
void gemm_part(const GemmKernels<T>& kernels, const Gemm& gemm, std::int64_t column_begin, std::int64_t column_end,
               std::int64_t row_begin, std::int64_t row_end, void* scratch);

}  // namespace vernier
