#include "data/dataset.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

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

void hash_ints(Sha256& hash, std::span<const std::int32_t> values) {
  std::array<char, 4096> bytes{};
  std::size_t used = 0;
  for (const std::int32_t value : values) {
    for (unsigned shift = 0; shift < 32; shift += 8)
      bytes[used++] = static_cast<char>(static_cast<std::uint32_t>(value) >> shift & 0xFFu);
    if (used < bytes.size()) continue;
    hash.update({bytes.data(), used});
    used = 0;
  }
  hash.update({bytes.data(), used});
}

}  // namespace

std::int64_t Row::targets() const {
  return count_targets(labels);
}

void Dataset::add(const Row& row, std::string file, std::int64_t line) {
  check(row.input_ids.size() == row.labels.size(), "a row has a label for each id");
  ids_.insert(ids_.end(), row.input_ids.begin(), row.input_ids.end());
  labels_.insert(labels_.end(), row.labels.begin(), row.labels.end());
  starts_.push_back(static_cast<std::int64_t>(ids_.size()));
  targets_.push_back(row.targets());
  lines_.push_back(line);
  if (files_.empty() || files_.back() != file) files_.push_back(std::move(file));
  file_of_.push_back(static_cast<std::uint32_t>(files_.size() - 1));
}

std::int64_t Dataset::size() const {
  return static_cast<std::int64_t>(lines_.size());
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
  check(index >= 0 && index < size(), "a row of the data set");
  return targets_[static_cast<std::size_t>(index)];
}

const std::string& Dataset::file(std::int64_t index) const {
  check(index >= 0 && index < size(), "a row of the data set");
  return files_[file_of_[static_cast<std::size_t>(index)]];
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
  stats.tokens = starts_.back();
  stats.targets = std::accumulate(targets_.begin(), targets_.end(), std::int64_t{0});
  if (stats.rows == 0) return stats;
  std::vector<std::int64_t> lengths;
  lengths.reserve(lines_.size());
  for (std::int64_t i = 0; i < stats.rows; ++i) lengths.push_back(row_tokens(i));
  std::sort(lengths.begin(), lengths.end());
  // Nearest rank: the least length that at least this share of the rows does not exceed.
  const auto rank = [&](std::int64_t percent) {
    return lengths[static_cast<std::size_t>((stats.rows * percent + 99) / 100 - 1)];
  };
  stats.shortest = lengths.front();
  stats.median = rank(50);
  stats.p95 = rank(95);
  stats.longest = lengths.back();
  return stats;
}

std::string Dataset::identity() const {
  Sha256 hash;
  for (std::int64_t i = 0; i < size(); ++i) {
    const auto tokens = static_cast<std::uint64_t>(row_tokens(i));
    const std::array<std::int32_t, 2> header = {static_cast<std::int32_t>(tokens & 0xFFFFFFFFu),
                                                static_cast<std::int32_t>(tokens >> 32)};
    hash_ints(hash, header);
    hash_ints(hash, input_ids(i));
    hash_ints(hash, labels(i));
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
  if (part.stats().targets == 0)
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
