#include "kernels/gemm.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "base/round_up.h"
#include "kernels/gemm_panel.h"
#include "kernels/lines_ahead.h"

namespace vernier {

namespace {

constexpr std::int64_t kPanelBytes = 384 << 10;  // of the panels that wait in the second-level cache
constexpr std::int64_t kGroupTiles = 16;         // at most, side by side
constexpr std::int64_t kWideColumns = 32;        // of the widest table
constexpr std::int64_t kManyRows = 12;           // of the tallest
constexpr std::int64_t kChunkRows = 768;         // whose sums wait while a deep reduction goes on, block by block
constexpr std::int64_t kSumBytes = kChunkRows * kWideColumns * 4 * 6;  // six tiles side by side
constexpr std::int64_t kCopyBytes = kManyRows * kTileStride<float> * 4;

// One thread's working memory, cut up.
template <typename T>
struct Scratch {
  T *panel, *a, *decoded;
  float* sums;

  explicit Scratch(void* memory) {
    auto* bytes = static_cast<char*>(memory);
    panel = reinterpret_cast<T*>(bytes);
    a = reinterpret_cast<T*>(bytes += kPanelBytes);
    decoded = reinterpret_cast<T*>(bytes += kCopyBytes);
    sums = reinterpret_cast<float*>(bytes + kDecodedBytes);
  }
};

// Cuts the reduction into blocks that one panel holds: parts of long terms, and short terms behind them.
template <typename T>
class Blocks {
 public:
  Blocks(std::span<const GemmTerm> terms, std::int64_t most_depth) : terms_(terms), most_depth_(most_depth) {}

  bool next(DepthBlock& block) {
    block = {};
    while (term_ < terms_.size()) {
      const std::int64_t left = terms_[term_].depth - begin_, depth = std::min(left, part(terms_[term_].depth));
      const std::int64_t room = most_depth_ - block.depth, steps = round_to_step<T>(depth);
      if (steps > room || block.count == block.pieces.size()) break;
      block.pieces[block.count++] = {&terms_[term_], begin_, depth, block.depth};
      block.depth += steps;
      begin_ += depth;
      if (begin_ < terms_[term_].depth) continue;
      begin_ = 0;
      ++term_;
    }
    return block.count > 0;
  }

 private:
  // Equal parts of a term, each a multiple of the usual NF4 block.
  std::int64_t part(std::int64_t depth) const {
    const std::int64_t most = most_depth_ / 64 * 64 - 64, parts = (depth + most - 1) / most;
    return parts <= 1 ? depth : rounded_up((depth + parts - 1) / parts, 64);
  }

  std::span<const GemmTerm> terms_;
  std::int64_t most_depth_;
  std::size_t term_ = 0;
  std::int64_t begin_ = 0;
};

template <typename T>
class Part {
 public:
  Part(const GemmKernels<T>& kernels, const Gemm& gemm, void* scratch)
      : kernels_(kernels), gemm_(gemm), scratch_(scratch), tile_(kernels.tiles.columns) {}

  void run(std::int64_t column_begin, std::int64_t column_end, std::int64_t row_begin, std::int64_t row_end) {
    cut_reduction(column_end - column_begin);
    const std::int64_t rows = block_count_ > 1 ? std::min(kChunkRows, row_end - row_begin) : row_end - row_begin;
    const std::int64_t columns = group_columns(rows);
    for (std::int64_t row = row_begin; row < row_end; row += rows)
      for (std::int64_t column = column_begin; column < column_end; column += columns)
        group(column, std::min(column + columns, column_end), row, std::min(row + rows, row_end),
              std::min(column + 2 * columns, column_end));
  }

 private:
  // A reduction of several blocks has them as shallow as lets all columns wait side by side: then every row of the
  // matrix is read at its whole width.
  void cut_reduction(std::int64_t columns) {
    std::int64_t depth = 0;
    for (const GemmTerm& term : gemm_.terms) depth += round_to_step<T>(term.depth);
    if (depth > kPanelDepth<T>) {
      const std::int64_t tiles = (columns + tile_ - 1) / tile_;
      const std::int64_t fit = kPanelBytes / (tiles * tile_ * static_cast<std::int64_t>(sizeof(T)));
      most_depth_ = std::clamp(fit, kPanelDepth<T> / 2, kPanelDepth<T>);
    }
    DepthBlock block;
    for (Blocks<T> blocks(gemm_.terms, most_depth_); blocks.next(block); ++block_count_) {
      if (block_count_ == 0) first_ = block;
      deepest_ = std::max(deepest_, block.depth);
    }
  }

  // Columns whose panels (and, between blocks, whose sums) the scratch holds.
  std::int64_t group_columns(std::int64_t rows) const {
    std::int64_t tiles = kPanelBytes / (deepest_ * tile_ * static_cast<std::int64_t>(sizeof(T)));
    if (block_count_ > 1) tiles = std::min(tiles, kSumBytes / ((rows + 2 * kManyRows) * tile_ * 4));
    return std::clamp<std::int64_t>(tiles, 1, kGroupTiles * kWideColumns / tile_) * tile_;
  }

  // next_end: up to where the columns behind these are computed next.
  void group(std::int64_t column_begin, std::int64_t column_end, std::int64_t row_begin, std::int64_t row_end,
             std::int64_t next_end) {
    Blocks<T> blocks(gemm_.terms, most_depth_);
    DepthBlock block, next;
    blocks.next(block);
    for (std::int64_t index = 0; index < block_count_; ++index, block = next) {
      fill_panels(kernels_, block, column_begin, column_end, scratch_.panel, scratch_.decoded);
      if (blocks.next(next)) {
        panels_ahead(next, column_begin, column_end);
      } else {
        panels_ahead(first_, column_end, next_end);
      }
      rows_over_panels(block, column_begin, column_end, row_begin, row_end, index);
    }
  }

  // What the next panels are made of.
  void panels_ahead(const DepthBlock& block, std::int64_t column_begin, std::int64_t column_end) {
    panels_.clear();
    if (column_begin >= column_end) return;
    for (const DepthPiece& piece : block.used()) {
      const StoredMatrix& matrix = piece.term->matrix;
      const std::int64_t half_bytes = half_bytes_of(matrix.form), columns = column_end - column_begin;
      const bool rows = piece.term->transposed;
      const std::int64_t at =
          rows ? column_begin * matrix.stride + piece.begin : piece.begin * matrix.stride + column_begin;
      panels_.add(static_cast<const char*>(matrix.values) + at * half_bytes / 2, matrix.stride * half_bytes / 2,
                  (rows ? piece.depth : columns) * half_bytes / 2, rows ? columns : piece.depth);
    }
  }

  void rows_ahead(const DepthBlock& block, std::int64_t row, std::int64_t rows) {
    rows_.clear();
    for (const DepthPiece& piece : block.used()) {
      if (piece.term->a_transposed) continue;
      const std::int64_t stride = piece.term->a_stride;
      rows_.add(static_cast<const T*>(piece.term->a) + row * stride + piece.begin, stride * size(),
                piece.depth * size(), rows);
    }
  }

  void rows_over_panels(const DepthBlock& block, std::int64_t column_begin, std::int64_t column_end,
                        std::int64_t row_begin, std::int64_t row_end, std::int64_t index) {
    const std::int64_t rows = row_end - row_begin, strips = (rows + kernels_.tiles.rows - 1) / kernels_.tiles.rows;
    const std::int64_t tiles = (column_end - column_begin + tile_ - 1) / tile_;
    const std::int64_t panel_lines = panels_.lines() / (strips * tiles) + 1;
    const auto strip_begin = [&](std::int64_t strip) { return row_begin + rows * strip / strips; };
    const bool last = index + 1 == block_count_;
    float* sums = scratch_.sums;
    for (std::int64_t strip = 0; strip < strips; ++strip) {
      const std::int64_t row = strip_begin(strip), end = strip_begin(strip + 1);
      copy_rows(block, row, end - row);
      rows_.clear();
      if (strip + 1 < strips) rows_ahead(block, end, strip_begin(strip + 2) - end);
      const std::int64_t row_lines = rows_.lines() / tiles + 1;
      for (std::int64_t column = column_begin; column < column_end; column += tile_) {
        const std::int64_t width = tile_width(column_end - column);
        const T* panel = scratch_.panel + (column - column_begin) * block.depth;
        panels_.ask(panel_lines);
        rows_.ask(row_lines);
        multiply(block, row, end - row, panel, width, index > 0, sums);
        if (last) finish(sums, row, end - row, width, column, std::min(column_end - column, tile_));
        if (block_count_ > 1) sums += kernels_.tiles.rows * tile_;
      }
    }
  }

  std::int64_t tile_width(std::int64_t columns) const {
    const std::int64_t lanes = kernels_.tiles.lanes;
    return std::min(rounded_up(columns, lanes), tile_);
  }

  static constexpr std::int64_t size() { return static_cast<std::int64_t>(sizeof(T)); }
  static std::int64_t half_bytes_of(StoredMatrix::Form form) {
    if (form == StoredMatrix::Form::kNf4) return 1;
    return form == StoredMatrix::Form::kF32 ? 8 : 4;
  }

  // Whether the tile can read the rows where they are. Those of a matrix as wide as a multiple of half a page would
  // push one another out of the cache.
  static bool in_place(const DepthPiece& piece) {
    const std::int64_t bytes = piece.term->a_stride * static_cast<std::int64_t>(sizeof(T));
    return !piece.term->a_transposed && piece.depth % kTileStep<T> == 0 && bytes % 4096 != 0;
  }

  void multiply(const DepthBlock& block, std::int64_t row, std::int64_t rows, const T* panel, std::int64_t width,
                bool add, float* sums) const {
    for (const DepthPiece& piece : block.used()) {
      const std::int64_t depth = round_to_step<T>(piece.depth), stride = piece.term->a_stride;
      const T* piece_panel = panel + piece.offset * width;
      if (in_place(piece)) {
        const T* a = static_cast<const T*>(piece.term->a) + row * stride + piece.begin;
        kernels_.tiles.multiply_apart(a, stride, piece_panel, depth, rows, width, add, sums);
      } else {
        kernels_.tiles.multiply(scratch_.a + piece.offset, piece_panel, depth, rows, width, add, sums);
      }
      add = true;
    }
  }

  // The strip's rows of what cannot be read in place, at the tile's stride.
  void copy_rows(const DepthBlock& block, std::int64_t row, std::int64_t rows) {
    for (const DepthPiece& piece : block.used()) {
      if (in_place(piece)) continue;
      const auto* a = static_cast<const T*>(piece.term->a);
      const std::int64_t stride = piece.term->a_stride, row_step = piece.term->a_transposed ? 1 : stride;
      const T* from = a + row * row_step + piece.begin * (piece.term->a_transposed ? stride : 1);
      T* to = scratch_.a + piece.offset;
      for (std::int64_t r = 0; r < rows; ++r, from += row_step, to += kTileStride<T>) {
        if (piece.term->a_transposed) {
          for (std::int64_t k = 0; k < piece.depth; ++k) to[k] = from[k * stride];
        } else {
          std::memcpy(to, from, static_cast<std::size_t>(piece.depth) * sizeof(T));
        }
        if (piece.depth % kTileStep<T> != 0) to[piece.depth] = 0;
      }
    }
  }

  void finish(const float* sums, std::int64_t row, std::int64_t rows, std::int64_t width, std::int64_t column,
              std::int64_t columns) const {
    const TileKernels<T>& tiles = kernels_.tiles;
    const std::int64_t at = row * gemm_.out_stride + column;
    auto* f32 = static_cast<float*>(gemm_.out);
    switch (gemm_.result) {
      case GemmResult::kStore:
        tiles.store(sums, rows, width, columns, static_cast<T*>(gemm_.out) + at, gemm_.out_stride);
        break;
      case GemmResult::kStoreF32:
        tiles.store_f32(sums, rows, width, columns, f32 + at, gemm_.out_stride);
        break;
      case GemmResult::kAdd:
        tiles.add(sums, rows, width, columns, gemm_.scale, gemm_.addend + row * gemm_.addend_stride + column,
                  gemm_.addend_stride, f32 + at, gemm_.out_stride);
        break;
      case GemmResult::kAddTransposed:
        tiles.add_transposed(sums, rows, width, columns, gemm_.scale, f32 + column * gemm_.out_stride + row,
                             gemm_.out_stride);
        break;
    }
  }

  const GemmKernels<T>& kernels_;
  const Gemm& gemm_;
  Scratch<T> scratch_;
  std::int64_t tile_, most_depth_ = kPanelDepth<T>, deepest_ = 1, block_count_ = 0;
  DepthBlock first_;
  LinesAhead panels_, rows_;
};

}  // namespace

std::int64_t gemm_scratch_bytes() {
  return kPanelBytes + kCopyBytes + kDecodedBytes + kSumBytes;
}

template <typename T>
void gemm_part(const GemmKernels<T>& kernels, const Gemm& gemm, std::int64_t column_begin, std::int64_t column_end,
               std::int64_t row_begin, std::int64_t row_end, void* scratch) {
  check(column_begin % kernels.tiles.columns == 0, "a part begins at a tile");
  if (column_begin < column_end && row_begin < row_end)
    Part<T>(kernels, gemm, scratch).run(column_begin, column_end, row_begin, row_end);
}

template void gemm_part(const GemmKernels<float>&, const Gemm&, std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                        void*);
template void gemm_part(const GemmKernels<std::uint16_t>&, const Gemm&, std::int64_t, std::int64_t, std::int64_t,
                        std::int64_t, void*);

}  // namespace vernier
