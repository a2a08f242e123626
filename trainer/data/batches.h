#pragma once
// The order of rows and their layout in a step: a shuffle evaluated per index, so that the cursor is the step number.

#include <cstdint>
#include <vector>

#include "config/config.h"
#include "data/dataset.h"

namespace vernier {

// Rows laid end to end as one flat token stream: no padding exists. Row i is [row_starts[i], row_starts[i+1]).
struct MicroBatch {
  std::vector<std::int32_t> input_ids;  // [tokens]
  std::vector<std::int32_t>
      targets;  // [tokens] the id to predict *after* this position, or kNoTarget; never across rows
  std::vector<std::int32_t> positions;   // [tokens] 0, 1, 2, ... within each row
  std::vector<std::int32_t> row_starts;  // [rows + 1]
  std::vector<std::int64_t> rows;        // data set index of each row

  std::int64_t tokens() const { return static_cast<std::int64_t>(input_ids.size()); }
  std::int64_t trained_tokens() const;
};

struct StepBatch {
  std::vector<MicroBatch> micro;
  std::int64_t tokens = 0;
  std::int64_t trained_tokens = 0;  // of all micro batches: what every summed loss is divided by
  double epoch = 0;                 // after this step
};

class Batches {
 public:
  // `dataset` must outlive this. Precondition: it has rows.
  Batches(const Dataset& dataset, const BatchConfig& config, std::uint64_t seed);

  // micro_batch_size * gradient_accumulation_steps: of every step but an epoch's last.
  std::int64_t rows_per_step() const;
  // Optimizer steps of one epoch: ceil(rows / (micro_batch_size * accumulation)); the last may be short.
  std::int64_t steps_per_epoch() const;
  // The step-th batch counted from 0 over all epochs, in O(rows of the step). With shuffle each epoch has its own
  // permutation; without, the order of the data set.
  StepBatch step(std::int64_t step) const;
  // Data set indices of the rows of a step, in order.
  std::vector<std::int64_t> row_indices(std::int64_t step) const;

 private:
  const Dataset& dataset_;
  BatchConfig config_;
  std::uint64_t seed_;
};

// The rows with these indices, in this order, as one micro batch. A row of no tokens has its place in row_starts.
MicroBatch make_micro_batch(const Dataset& dataset, const std::vector<std::int64_t>& rows);

}  // namespace vernier
