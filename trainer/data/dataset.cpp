#include "data/dataset.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "base/check.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/text.h"

namespace vernier {

namespace {

std::int64_t count_targets(std::span<const std::int32_t> labels) {
  if (labels.empty()) return 0;
  const auto trained = labels.subspan(1);
  return static_cast<std::int64_t>(trained.size()) - std::count(trained.begin(), trained.end(), kNoTarget);
}

// SHA-256 over little-endian 32-bit integers.
class IntegerHash {
 public:
  void add(std::int32_t value) {
    for (unsigned shift = 0; shift < 32; shift += 8)
      bytes_[used_++] = static_cast<char>(static_cast<std::uint32_t>(value) >> shift & 0xFFu);
    if (used_ == bytes_.size()) flush();
  }
  void add(std::span<const std::int32_t> values) {
    for (const std::int32_t value : values) add(value);
  }
  std::string finish() {
    flush();
    return hash_.finish();
  }

 private:
  void flush() {
    hash_.update({bytes_.data(), used_});
    used_ = 0;
  }

  Sha256 hash_;
  std::array<char, 16384> bytes_{};
  std::size_t used_ = 0;
};

}  // namespace

std::int64_t Row::targets() const {
  return count_targets(labels);
}

void Dataset::add(const Row& row, const std::string& file, std::int64_t line) {
  check(row.input_ids.size() == row.labels.size(), "a row has a label for each id");
  ids_.insert(ids_.end(), row.input_ids.begin(), row.input_ids.end());
  labels_.insert(labels_.end(), row.labels.begin(), row.labels.end());
  if (files_.empty() || files_.back().path != file) files_.push_back({file, size()});
  starts_.push_back(static_cast<std::int64_t>(ids_.size()));
  lines_.push_back(line);
  targets_ += row.targets();
  longest_ = std::max(longest_, static_cast<std::int64_t>(row.input_ids.size()));
}

std::int64_t Dataset::size() const {
  return static_cast<std::int64_t>(lines_.size());
}

std::int64_t Dataset::bytes() const {
  return static_cast<std::int64_t>((ids_.size() + labels_.size()) * sizeof(std::int32_t) +
                                   (starts_.size() + lines_.size()) * sizeof(std::int64_t));
}

std::span<const std::int32_t> Dataset::input_ids(std::int64_t index) const {
  check(index >= 0 && index < size(), "a row of the data set");
  const auto i = static_cast<std::size_t>(index);
  return std::span(ids_).subspan(static_cast<std::size_t>(starts_[i]),
                                 static_cast<std::size_t>(starts_[i + 1] - starts_[i]));
}

std::span<const std::int32_t> Dataset::labels(std::int64_t index) const {
  check(index >= 0 && index < size(), "a row of the data set");
  const auto i = static_cast<std::size_t>(index);
  return std::span(labels_).subspan(static_cast<std::size_t>(starts_[i]),
                                    static_cast<std::size_t>(starts_[i + 1] - starts_[i]));
}

Row Dataset::row(std::int64_t index) const {
  const auto ids = input_ids(index);
  const auto row_labels = labels(index);
  return {{ids.begin(), ids.end()}, {row_labels.begin(), row_labels.end()}};
}

std::int64_t Dataset::row_tokens(std::int64_t index) const {
  return static_cast<std::int64_t>(input_ids(index).size());
}

std::int64_t Dataset::row_targets(std::int64_t index) const {
  return count_targets(labels(index));
}

const std::string& Dataset::file(std::int64_t index) const {
  check(index >= 0 && index < size(), "a row of the data set");
  const auto next = std::upper_bound(files_.begin(), files_.end(), index,
                                     [](std::int64_t row, const File& file) { return row < file.first_row; });
  return std::prev(next)->path;
}

std::int64_t Dataset::line(std::int64_t index) const {
  check(index >= 0 && index < size(), "a row of the data set");
  return lines_[static_cast<std::size_t>(index)];
}

std::string Dataset::place(std::int64_t index) const {
  return str(file(index), ":", line(index));
}

DatasetStats Dataset::stats() const {
  DatasetStats stats;
  stats.rows = size();
  stats.tokens = tokens();
  stats.targets = targets();
  if (stats.rows == 0) return stats;
  std::vector<std::int64_t> rows_of_length(static_cast<std::size_t>(longest_) + 1);
  for (std::int64_t i = 0; i < stats.rows; ++i) ++rows_of_length[static_cast<std::size_t>(row_tokens(i))];
  // The least length that at least so many rows do not exceed.
  const auto rank = [&](std::int64_t rows) {
    std::size_t length = 0;
    for (std::int64_t seen = rows_of_length[0]; seen < rows;) seen += rows_of_length[++length];
    return static_cast<std::int64_t>(length);
  };
  stats.shortest = rank(1);
  stats.median = rank((stats.rows * 50 + 99) / 100);
  stats.p95 = rank((stats.rows * 95 + 99) / 100);
  stats.longest = longest_;
  return stats;
}

std::string Dataset::identity() const {
  IntegerHash hash;
  for (std::int64_t i = 0; i < size(); ++i) {
    const auto tokens = static_cast<std::uint64_t>(row_tokens(i));
    hash.add(static_cast<std::int32_t>(tokens & 0xFFFFFFFFu));
    hash.add(static_cast<std::int32_t>(tokens >> 32));
    hash.add(input_ids(i));
    hash.add(labels(i));
  }
  return hash.finish();
}

namespace {

std::int64_t evaluation_rows(std::int64_t rows, double val_set_size) {
  if (!std::isfinite(val_set_size) || val_set_size < 0)
    throw Error(ErrorKind::kInput, str("val_set_size is ", val_set_size), "",
                "a share of the rows in (0, 1), or a count of rows");
  if (val_set_size >= 1) {
    if (val_set_size != std::floor(val_set_size))
      throw Error(ErrorKind::kInput, str("val_set_size ", val_set_size, " is not a whole number of rows"), "",
                  "from 1 on it is a count of rows, below 1 a share of them");
    return val_set_size < 9e15 ? static_cast<std::int64_t>(val_set_size) : rows;
  }
  // 0.07 * 100 is 7.000000000000001 in f64 and means 7.
  const double share = val_set_size * static_cast<double>(rows);
  return val_set_size == 0 ? 0 : std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(share - 1e-9)));
}

void require_targets(const Dataset& part, const char* name) {
  if (part.targets() == 0)
    throw Error(ErrorKind::kInput, str("no target in the ", name, " rows after val_set_size split them off"), "",
                "change val_set_size or seed, or give test_datasets");
}

}  // namespace

std::pair<Dataset, Dataset> split_dataset(const Dataset& all, double val_set_size, std::uint64_t seed) {
  const std::int64_t held_out = evaluation_rows(all.size(), val_set_size);
  if (held_out == 0) return {all, Dataset{}};
  if (held_out >= all.size())
    throw Error(
        ErrorKind::kInput,
        str("val_set_size ", val_set_size, " takes ", held_out, " of ", all.size(), " rows: none is left for training"),
        "", "lower val_set_size, or add rows");
  const KeyedPermutation permutation(static_cast<std::uint64_t>(all.size()), seed, RandomPurpose::kSplit, 0);
  std::vector<bool> chosen(static_cast<std::size_t>(all.size()));
  for (std::int64_t i = 0; i < held_out; ++i) chosen[permutation(static_cast<std::uint64_t>(i))] = true;
  std::pair<Dataset, Dataset> parts;
  for (std::int64_t i = 0; i < all.size(); ++i) {
    Dataset& part = chosen[static_cast<std::size_t>(i)] ? parts.second : parts.first;
    part.add(all.row(i), all.file(i), all.line(i));
  }
  parts.first.reports = all.reports;
  require_targets(parts.first, "training");
  require_targets(parts.second, "evaluation");
  return parts;
}

}  // namespace vernier
