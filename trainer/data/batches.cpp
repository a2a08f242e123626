#include "data/batches.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/random.h"

namespace vernier {

std::int64_t MicroBatch::trained_tokens() const {
  return static_cast<std::int64_t>(targets.size()) - std::count(targets.begin(), targets.end(), kNoTarget);
}

Batches::Batches(const Dataset& dataset, const BatchConfig& config, std::uint64_t seed)
    : dataset_(dataset), config_(config), seed_(seed) {
  check(dataset.size() > 0, "batches of a data set with rows");
  check(config.micro_batch_size > 0 && config.gradient_accumulation_steps > 0, "batch sizes above zero");
  check(config.micro_batch_size <= std::numeric_limits<std::int64_t>::max() / config.gradient_accumulation_steps,
        "rows of a step fit 64 bits");
}

std::int64_t Batches::rows_per_step() const {
  return config_.micro_batch_size * config_.gradient_accumulation_steps;
}

std::int64_t Batches::steps_per_epoch() const {
  return (dataset_.size() - 1) / rows_per_step() + 1;
}

std::vector<std::int64_t> Batches::row_indices(std::int64_t step) const {
  check(step >= 0, "a step counted from 0");
  const std::int64_t epoch = step / steps_per_epoch();
  const std::int64_t begin = step % steps_per_epoch() * rows_per_step();
  const std::int64_t count = std::min(rows_per_step(), dataset_.size() - begin);
  std::vector<std::int64_t> rows(static_cast<std::size_t>(count));
  const KeyedPermutation permutation(static_cast<std::uint64_t>(dataset_.size()), seed_, RandomPurpose::kShuffle,
                                     static_cast<std::uint64_t>(epoch));
  for (std::int64_t i = 0; i < count; ++i) {
    const auto place = static_cast<std::uint64_t>(begin + i);
    rows[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(config_.shuffle ? permutation(place) : place);
  }
  return rows;
}

StepBatch Batches::step(std::int64_t step) const {
  const std::vector<std::int64_t> rows = row_indices(step);
  StepBatch batch;
  batch.epoch = static_cast<double>(step + 1) / static_cast<double>(steps_per_epoch());
  const auto size = static_cast<std::size_t>(std::min(config_.micro_batch_size, dataset_.size()));
  for (std::size_t begin = 0; begin < rows.size(); begin += size) {
    const auto first = rows.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = rows.begin() + static_cast<std::ptrdiff_t>(std::min(begin + size, rows.size()));
    batch.micro.push_back(make_micro_batch(dataset_, {first, last}));
    batch.tokens += batch.micro.back().tokens();
    batch.trained_tokens += batch.micro.back().trained_tokens();
  }
  return batch;
}

MicroBatch make_micro_batch(const Dataset& dataset, const std::vector<std::int64_t>& rows) {
  std::int64_t tokens = 0;
  for (const std::int64_t row : rows) tokens += dataset.row_tokens(row);
  check(tokens <= std::numeric_limits<std::int32_t>::max(), "tokens of a micro batch fit 32 bits");
  MicroBatch batch;
  batch.input_ids.reserve(static_cast<std::size_t>(tokens));
  batch.targets.reserve(static_cast<std::size_t>(tokens));
  batch.positions.reserve(static_cast<std::size_t>(tokens));
  batch.row_starts.push_back(0);
  for (const std::int64_t row : rows) {
    const auto ids = dataset.input_ids(row);
    const auto labels = dataset.labels(row);
    batch.input_ids.insert(batch.input_ids.end(), ids.begin(), ids.end());
    for (std::size_t t = 0; t < ids.size(); ++t) {
      batch.targets.push_back(t + 1 < ids.size() ? labels[t + 1] : kNoTarget);
      batch.positions.push_back(static_cast<std::int32_t>(t));
    }
    batch.row_starts.push_back(static_cast<std::int32_t>(batch.input_ids.size()));
  }
  batch.rows = rows;
  return batch;
}

}  // namespace vernier
