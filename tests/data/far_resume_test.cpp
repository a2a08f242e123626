// Resuming far into a large data set costs what starting costs: the place in the data is computed, nothing is skipped
// over. The rows are in memory, so the release's 10^8 rows of one token take about 5 GB.

#include <gtest/gtest.h>

#include "base/stopwatch.h"
#include "base/text.h"
#include "data/batches.h"
#include "support/fault_counts.h"
#include "support/fault_trials.h"

namespace vernier {
namespace {

TEST(FarResume, StepAMillionCostsWhatTheFirstOneCosts) {
  const std::int64_t rows = test::fault_trials(2'000'000, 100'000'000);
  Dataset dataset;
  Row row;
  row.input_ids = row.labels = {0};
  for (std::int64_t i = 0; i < rows; ++i) {
    row.input_ids[0] = row.labels[0] = static_cast<std::int32_t>(i % 1000);
    dataset.add(row, "rows.jsonl", i + 1);
  }
  BatchConfig config;
  config.micro_batch_size = 8;
  config.gradient_accumulation_steps = 4;
  const Batches batches(dataset, config, 42);
  constexpr std::int64_t kFar = 1'000'000;
  const Stopwatch watch;
  for (std::int64_t i = 0; i < 1000; ++i) EXPECT_EQ(batches.step(kFar + i).tokens > 0, true);
  EXPECT_LT(watch.seconds(), 2.0) << "of a thousand steps";
  const auto again = batches.row_indices(kFar);
  EXPECT_EQ(batches.row_indices(kFar), again);
  EXPECT_NE(batches.row_indices(kFar + 1), again);
  test::tell_count(str("data sets: 1 of ", rows, " rows, at step ", kFar));
}

}  // namespace
}  // namespace vernier
