#include "kernels/attention_work.h"

namespace vernier {

namespace {

// Of queries [begin, end) of one head: scores, and what each query costs whatever it sees.
std::int64_t weight(const AttentionRow& row, std::int64_t begin, std::int64_t end) {
  constexpr std::int64_t kOfQuery = 32;
  return (end - begin) * (row.key_end(end) - row.key_begin(begin) + kOfQuery);
}

}  // namespace

AttentionWork::AttentionWork(const AttentionShape& shape, int part, int parts) : shape_(shape) {
  std::int64_t total = 0;
  for (std::size_t r = 0; r + 1 < shape.row_starts.size(); ++r) total += shape.heads * head_weight(row(r));
  low_ = total / parts * part + total % parts * part / parts;
  high_ = part + 1 == parts ? total : total / parts * (part + 1) + total % parts * (part + 1) / parts;
}

AttentionRow AttentionWork::row(std::size_t index) const {
  const std::int64_t start = shape_.row_starts[index];
  return {start, shape_.row_starts[index + 1] - start, shape_.past, shape_.window};
}

std::int64_t AttentionWork::head_weight(const AttentionRow& row) const {
  std::int64_t total = 0;
  for (std::int64_t q = 0; q < row.queries; q += kAttentionUnit)
    total += weight(row, q, std::min(q + kAttentionUnit, row.queries));
  return total;
}

void AttentionWork::head_range(const AttentionRow& row, std::int64_t before, std::int64_t& begin,
                               std::int64_t& end) const {
  begin = end = 0;
  for (std::int64_t q = 0; q < row.queries && before < high_; q = end) {
    end = std::min(q + kAttentionUnit, row.queries);
    if (before < low_) begin = end;
    before += weight(row, q, end);
  }
}

bool AttentionWork::next(AttentionRun& run) {
  const std::int64_t group = shape_.heads / shape_.kv_heads;
  while (before_ < high_ && row_ + 1 < shape_.row_starts.size()) {
    const std::int64_t kv_head = kv_head_, first = before_;
    const AttentionRow at = row(row_);
    const std::int64_t of_head = head_weight(at);
    before_ += group * of_head;
    if (++kv_head_ == shape_.kv_heads) kv_head_ = 0, ++row_;
    if (before_ <= low_) continue;
    run = {at, kv_head, -1, -1, 0, 0, first >= low_};
    for (std::int64_t head = 0; head < group; ++head) {
      std::int64_t begin = 0, end = 0;
      head_range(at, first + head * of_head, begin, end);
      if (begin == end) continue;
      if (run.first_head < 0) run.first_head = kv_head * group + head, run.begin = begin;
      run.last_head = kv_head * group + head;
      run.end = end;
    }
    if (run.first_head >= 0) return true;
  }
  return false;
}

std::int64_t longest_keys(const AttentionShape& shape) {
  std::int64_t longest = 0;
  for (std::size_t r = 0; r + 1 < shape.row_starts.size(); ++r)
    longest = std::max<std::int64_t>(longest, shape.row_starts[r + 1] - shape.row_starts[r]);
  return shape.past + longest;
}

}  // namespace vernier
