#pragma once
// The gradients of one kv head's keys and values while the queries pass. For the attention files alone.

#include <algorithm>
#include <cstdint>

#include "kernels/attention.h"
#include "kernels/attention_scratch.h"
#include "kernels/attention_work.h"

namespace vernier {

// Sums of dK and dV of one kv head: for each strip of keys the tiles of D, each [rows, tile].
struct KeyGradients {
  float *k, *v;
};

// The kv head of a run: which keys its sums are of, and how those are written.
template <typename T>
class KeySums {
 public:
  KeySums(const TileKernels<T>& tiles, const AttentionShape& shape, const AttentionRun& run)
      : tiles_(tiles),
        run_(run),
        dim_(shape.head_dim),
        at_((run.row.start * shape.kv_heads + run.kv_head * run.row.queries) * shape.head_dim) {}

  std::int64_t base() const { return run_.key_begin() / tiles_.rows * tiles_.rows; }
  std::int64_t end() const { return run_.key_end(); }
  std::int64_t strips() const { return (end() - base() + tiles_.rows - 1) / tiles_.rows; }
  // Elements of the kv head's first key in k, v, d_k and d_v.
  std::int64_t first_element() const { return at_; }
  std::int64_t tile_at(std::int64_t strip, std::int64_t column) const {
    return (strip * rounded_up(dim_, tiles_.columns) + column) * tiles_.rows;
  }

  void clear(float* sums) const { std::fill_n(sums, tile_at(strips(), 0), 0.0f); }

  // Writes the sums to `gradient`, where keys that the run has not seen become 0.
  void store(const float* sums, float* gradient) const {
    std::fill_n(gradient + at_, base() * dim_, 0.0f);
    std::fill_n(gradient + at_ + end() * dim_, (run_.row.keys() - end()) * dim_, 0.0f);
    each_tile(sums, 0, strips(), gradient,
              [&](const float* acc, std::int64_t rows, std::int64_t width, std::int64_t columns, float* out) {
                tiles_.store_f32(acc, rows, width, columns, out, dim_);
              });
  }
  // Adds those of one slice of the row's keys: the same keys for every run of the row.
  void add_slice(const float* sums, std::int64_t slice, std::int64_t slices, float* gradient) const {
    const std::int64_t all = (run_.row.keys() + tiles_.rows - 1) / tiles_.rows, before = base() / tiles_.rows;
    const auto strip = [&](std::int64_t at) {
      return std::clamp<std::int64_t>(all * at / slices - before, 0, strips());
    };
    each_tile(sums, strip(slice), strip(slice + 1), gradient,
              [&](const float* acc, std::int64_t rows, std::int64_t width, std::int64_t columns, float* out) {
                tiles_.add(acc, rows, width, columns, 1.0f, out, dim_, out, dim_);
              });
  }

 private:
  template <typename Body>
  void each_tile(const float* sums, std::int64_t first, std::int64_t last, float* gradient, const Body& body) const {
    for (std::int64_t strip = first; strip < last; ++strip) {
      const std::int64_t key = base() + strip * tiles_.rows, rows = std::min(tiles_.rows, end() - key);
      for (std::int64_t column = 0; column < dim_; column += tiles_.columns) {
        const std::int64_t columns = std::min(tiles_.columns, dim_ - column);
        body(sums + tile_at(strip, column), rows, rounded_up(columns, tiles_.lanes), columns,
             gradient + at_ + key * dim_ + column);
      }
    }
  }

  const TileKernels<T>& tiles_;
  const AttentionRun& run_;
  std::int64_t dim_, at_;
};

}  // namespace vernier
