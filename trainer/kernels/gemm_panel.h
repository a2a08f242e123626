#pragma once
// Panels of the stored matrices of a product: decoded, converted and laid out for the tiles. For gemm.cpp alone.

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "base/round_up.h"
#include "kernels/gemm.h"

namespace vernier {

// Values wait here, a few rows at a time, between decoding and packing.
inline constexpr std::int64_t kDecodedBytes = 32 << 10;

template <typename T>
constexpr std::int64_t round_to_step(std::int64_t depth) {
  return rounded_up(depth, kTileStep<T>);
}

// A part of one term's reduction, and where in the panel it begins.
struct DepthPiece {
  const GemmTerm* term = nullptr;
  std::int64_t begin = 0, depth = 0, offset = 0;
};
struct DepthBlock {
  std::array<DepthPiece, 12> pieces;
  std::size_t count = 0;
  std::int64_t depth = 0;  // of all pieces, each rounded up to the step

  std::span<const DepthPiece> used() const { return {pieces.data(), count}; }
};

// The panels of the result's columns [column_begin, column_end), one tile after the other, block.depth deep.
// decoded: kDecodedBytes.
template <typename T>
void fill_panels(const GemmKernels<T>& kernels, const DepthBlock& block, std::int64_t column_begin,
                 std::int64_t column_end, T* panel, T* decoded);

}  // namespace vernier
