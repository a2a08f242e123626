#pragma once
// How attention's work is cut into parts of equal weight (kernels/attention.h). For the attention files alone.

#include <algorithm>
#include <cstdint>

#include "kernels/attention.h"

namespace vernier {

// Parts begin at multiples of this many queries of a head, and tiles of keys at multiples of it, in every table.
inline constexpr std::int64_t kAttentionUnit = 32;

// One row's place.
struct AttentionRow {
  std::int64_t start = 0, queries = 0, past = 0, window = 0;

  std::int64_t keys() const { return past + queries; }
  // The keys that queries [begin, end) see are [key_begin(begin), key_end(end)).
  std::int64_t key_begin(std::int64_t query) const {
    return window > 0 ? std::max<std::int64_t>(0, past + query + 1 - window) : 0;
  }
  std::int64_t key_end(std::int64_t query_end) const { return past + query_end; }
};

// What a part does on one kv head of a row: queries [begin, T) of the first head, all of those between, [0, end) of
// the last.
struct AttentionRun {
  AttentionRow row;
  std::int64_t kv_head = 0, first_head = 0, last_head = 0, begin = 0, end = 0;
  bool from_start = false;  // no earlier part works on this kv head of the row

  std::int64_t head_begin(std::int64_t head) const { return head == first_head ? begin : 0; }
  std::int64_t head_end(std::int64_t head) const { return head == last_head ? end : row.queries; }
  // The keys that any of its queries sees.
  std::int64_t key_begin() const { return row.key_begin(first_head == last_head ? begin : 0); }
  std::int64_t key_end() const { return row.key_end(first_head == last_head ? end : row.queries); }
};

class AttentionWork {
 public:
  AttentionWork(const AttentionShape& shape, int part, int parts);

  // Goes to the part's next run; false when there is none.
  bool next(AttentionRun& run);

 private:
  AttentionRow row(std::size_t index) const;
  std::int64_t head_weight(const AttentionRow& row) const;
  // Queries of one head, whose first unit has weight `before` before it, that belong to the part.
  void head_range(const AttentionRow& row, std::int64_t before, std::int64_t& begin, std::int64_t& end) const;

  const AttentionShape& shape_;
  std::int64_t low_ = 0, high_ = 0;  // units with a weight in [low, high) before them are the part's
  std::int64_t before_ = 0;          // weight before the next kv head
  std::size_t row_ = 0;
  std::int64_t kv_head_ = 0;
};

// The most keys of a row.
std::int64_t longest_keys(const AttentionShape& shape);

}  // namespace vernier
