#pragma once
// What both passes of attention share: the kernels they use and how working memory is cut up. For the attention files
// alone.

#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "base/round_up.h"
#include "kernels/attention_loops.h"
#include "kernels/tiles.h"

namespace vernier {

template <typename T>
struct AttentionKernels {
  const TileKernels<T>& tiles;
  const AttentionLoops<T>& loops;

  explicit AttentionKernels(Isa isa) : tiles(tile_kernels<T>(isa)), loops(attention_loops<T>(isa)) {
    check(loops.tile_columns == tiles.columns, "tables for the same tiles");
  }
};

// The largest tile of any table, so that memory can be counted without one.
inline constexpr std::int64_t kMostTileRows = 12, kMostTileColumns = 32;

// Hands out pieces of a thread's memory; without memory it counts the bytes.
class ScratchCutter {
 public:
  explicit ScratchCutter(void* memory) : memory_(static_cast<std::byte*>(memory)) {}

  template <typename T>
  T* take(std::int64_t count) {
    std::byte* piece = memory_ == nullptr ? nullptr : memory_ + used_;
    used_ += rounded_up(count * static_cast<std::int64_t>(sizeof(T)), 64);
    return reinterpret_cast<T*>(piece);
  }
  std::int64_t bytes() const { return used_; }

 private:
  std::byte* memory_;
  std::int64_t used_ = 0;
};

// Copies rows [rows, depth] to the left operand of a tile, filling up the last step.
template <typename T>
void copy_tile_rows(const T* from, std::int64_t stride, std::int64_t rows, std::int64_t depth, T* to) {
  for (std::int64_t r = 0; r < rows; ++r, from += stride, to += kTileStride<T>) {
    std::copy_n(from, depth, to);
    if (depth % kTileStep<T> != 0) to[depth] = 0;
  }
}

}  // namespace vernier
