#pragma once
// Rows of token ids with their targets, from the files of `datasets:`; what was not used whole, and why.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "data/tokenizer.h"

namespace vernier {

// A row without a target at a position has this label there (PyTorch's ignore_index).
inline constexpr std::int32_t kNoTarget = -100;

// One row. labels[t] is compared with the prediction made at t-1 (shifted inside, as in Hugging Face): labels[0] is
// never a target.
struct Row {
  std::vector<std::int32_t> input_ids;
  std::vector<std::int32_t> labels;

  std::int64_t targets() const;  // t >= 1 with labels[t] != kNoTarget
};

// What became of a row that was not used whole: a line of data_report.jsonl.
struct RowReport {
  std::string file;
  std::int64_t line = 0;  // 1-based; for a JSON list the line where the element begins
  std::string reason;     // "too_long", "no_targets", ...
  std::string action;     // "dropped", "truncated", "kept"
  std::int64_t tokens = 0, kept_tokens = 0;
};

struct DatasetStats {
  std::int64_t rows = 0, tokens = 0, targets = 0;
  std::int64_t shortest = 0, median = 0, p95 = 0, longest = 0;  // tokens of a row
};

// All rows in memory as flat arrays: 4 bytes a token, 4 a label and 16 a row.
class Dataset {
 public:
  void add(const Row& row, const std::string& file, std::int64_t line);

  // Of all rows, known at once.
  std::int64_t size() const;
  std::int64_t tokens() const { return starts_.back(); }
  std::int64_t targets() const { return targets_; }
  std::int64_t longest_row() const { return longest_; }
  // What the rows take of memory.
  std::int64_t bytes() const;

  Row row(std::int64_t index) const;
  // The row's ids and labels in place, of the same length; valid until the next add().
  std::span<const std::int32_t> input_ids(std::int64_t index) const;
  std::span<const std::int32_t> labels(std::int64_t index) const;
  std::int64_t row_tokens(std::int64_t index) const;
  std::int64_t row_targets(std::int64_t index) const;
  const std::string& file(std::int64_t index) const;
  std::int64_t line(std::int64_t index) const;
  // "file:line" of a row.
  std::string place(std::int64_t index) const;
  // Walks through all rows.
  DatasetStats stats() const;
  // SHA-256 over ids and labels: what the data is.
  std::string identity() const;

  // Of every file read, rows that split_dataset gave to the other part included; a place appears once for each
  // reason.
  std::vector<RowReport> reports;

 private:
  std::vector<std::int32_t> ids_, labels_;
  std::vector<std::int64_t> starts_{0}, lines_;
  struct File {
    std::string path;
    std::int64_t first_row;
  };
  std::vector<File> files_;
  std::int64_t targets_ = 0, longest_ = 0;
};

struct DatasetOptions {
  std::int64_t vocab_size = 0;     // ids at or above it are an error
  std::int64_t sequence_len = 0;   // 0: no limit from the config
  std::int64_t max_positions = 0;  // what the model allows; 0: unknown
};

// Reads all entries of `datasets`. Error(kInput) naming file:line for every bad row (up to 20 collected into one
// Error), for a data set without any row or any target, for a text type when `tokenizer` is null.
Dataset load_dataset(const std::vector<DatasetConfig>& datasets, const DataConfig& data, const Tokenizer* tokenizer,
                     const DatasetOptions& options);

// Splits off the evaluation rows that val_set_size asks for: {training, evaluation}, by a permutation keyed by `seed`.
// Both keep the order of the file. Below 1 it is a share of the rows, rounded up; from 1 on a whole count; 0 splits
// nothing off. The reports stay with the training part. Error(kInput) when a part would have no row or no target.
std::pair<Dataset, Dataset> split_dataset(const Dataset& all, double val_set_size, std::uint64_t seed);

}  // namespace vernier
