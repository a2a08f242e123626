#include "data/batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace vernier {
namespace {

using Ids = std::vector<std::int32_t>;
using Indices = std::vector<std::int64_t>;

// Row i: ids 100 * i, 100 * i + 1, ...; its length is lengths[i]; all labels are targets.
Dataset rows_of_lengths(const std::vector<int>& lengths) {
  Dataset dataset;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    Row row;
    row.input_ids.resize(static_cast<std::size_t>(lengths[i]));
    std::iota(row.input_ids.begin(), row.input_ids.end(), static_cast<std::int32_t>(100 * i));
    row.labels = row.input_ids;
    dataset.add(row, "a.jsonl", static_cast<std::int64_t>(i + 1));
  }
  return dataset;
}

BatchConfig batch_config(std::int64_t micro, std::int64_t accumulation, bool shuffle) {
  BatchConfig config;
  config.micro_batch_size = micro;
  config.gradient_accumulation_steps = accumulation;
  config.shuffle = shuffle;
  return config;
}

TEST(MicroBatch, LaysRowsEndToEnd) {
  const Dataset dataset = rows_of_lengths({3, 0, 1, 2});
  const MicroBatch batch = make_micro_batch(dataset, {3, 0, 1, 2});
  EXPECT_EQ(batch.input_ids, (Ids{300, 301, 0, 1, 2, 200}));
  EXPECT_EQ(batch.targets, (Ids{301, kNoTarget, 1, 2, kNoTarget, kNoTarget}));
  EXPECT_EQ(batch.positions, (Ids{0, 1, 0, 1, 2, 0}));
  EXPECT_EQ(batch.row_starts, (Ids{0, 2, 5, 5, 6}));
  EXPECT_EQ(batch.rows, (Indices{3, 0, 1, 2}));
  EXPECT_EQ(batch.tokens(), 6);
  EXPECT_EQ(batch.trained_tokens(), 3);
}

TEST(MicroBatch, TargetsAreTheLabelsOfTheNextPosition) {
  Dataset dataset;
  dataset.add({{1, 2, 3, 4}, {9, kNoTarget, 7, kNoTarget}}, "a", 1);
  const MicroBatch batch = make_micro_batch(dataset, {0});
  EXPECT_EQ(batch.targets, (Ids{kNoTarget, 7, kNoTarget, kNoTarget})) << "labels[0] is never a target";
  EXPECT_EQ(batch.trained_tokens(), dataset.row_targets(0));
}

TEST(MicroBatch, OfEmptyRowsAndOfNone) {
  const MicroBatch empty = make_micro_batch(rows_of_lengths({0, 0}), {0, 1});
  EXPECT_EQ(empty.row_starts, (Ids{0, 0, 0}));
  EXPECT_EQ(empty.tokens(), 0);
  EXPECT_EQ(make_micro_batch(rows_of_lengths({2}), {}).row_starts, Ids{0});
}

TEST(Batches, WithoutShuffleKeepsTheOrder) {
  const Dataset dataset = rows_of_lengths(std::vector<int>(7, 2));
  const Batches batches(dataset, batch_config(2, 2, false), 42);
  EXPECT_EQ(batches.rows_per_step(), 4);
  EXPECT_EQ(batches.steps_per_epoch(), 2);
  EXPECT_EQ(batches.row_indices(0), (Indices{0, 1, 2, 3}));
  EXPECT_EQ(batches.row_indices(1), (Indices{4, 5, 6}));
  EXPECT_EQ(batches.row_indices(2), (Indices{0, 1, 2, 3}));
}

TEST(Batches, TheLastStepOfAnEpochIsShort) {
  const Dataset dataset = rows_of_lengths({5, 5, 5, 5, 1, 2, 3});
  const Batches batches(dataset, batch_config(2, 2, false), 42);
  const StepBatch whole = batches.step(0), last = batches.step(1);
  ASSERT_EQ(whole.micro.size(), 2u);
  EXPECT_EQ(whole.micro[1].rows, (Indices{2, 3}));
  EXPECT_EQ(whole.tokens, 20);
  EXPECT_EQ(whole.trained_tokens, 16);
  ASSERT_EQ(last.micro.size(), 2u);
  EXPECT_EQ(last.micro[0].rows, (Indices{4, 5}));
  EXPECT_EQ(last.micro[1].rows, Indices{6});
  EXPECT_EQ(last.tokens, 6);
  EXPECT_EQ(last.trained_tokens, 3);
}

TEST(Batches, FewerMicroBatchesWhenRowsRunOut) {
  const Dataset dataset = rows_of_lengths({2, 2, 2, 2, 2});
  EXPECT_EQ(Batches(dataset, batch_config(1, 4, false), 1).step(1).micro.size(), 1u);
  const Batches large(dataset, batch_config(1'000'000'000'000, 8, false), 1);
  EXPECT_EQ(large.steps_per_epoch(), 1);
  EXPECT_EQ(large.step(0).micro.size(), 1u);
  EXPECT_EQ(large.step(3).micro[0].rows.size(), 5u);
}

TEST(Batches, EpochIsWhereTheStepEnds) {
  const Dataset dataset = rows_of_lengths(std::vector<int>(7, 2));
  const Batches batches(dataset, batch_config(2, 1, true), 42);
  EXPECT_EQ(batches.steps_per_epoch(), 4);
  EXPECT_DOUBLE_EQ(batches.step(0).epoch, 0.25);
  EXPECT_DOUBLE_EQ(batches.step(3).epoch, 1.0);
  EXPECT_DOUBLE_EQ(batches.step(4).epoch, 1.25);
}

TEST(Batches, ExactMultiplesHaveNoShortStep) {
  const Dataset dataset = rows_of_lengths(std::vector<int>(8, 2));
  const Batches batches(dataset, batch_config(2, 2, false), 42);
  EXPECT_EQ(batches.steps_per_epoch(), 2);
  EXPECT_EQ(batches.row_indices(1).size(), 4u);
}

TEST(Batches, EachShuffledEpochVisitsEveryRowOnceInAnotherOrder) {
  const Dataset dataset = rows_of_lengths(std::vector<int>(50, 2));
  const Batches batches(dataset, batch_config(3, 2, true), 42);
  std::set<Indices> orders;
  for (std::int64_t epoch = 0; epoch < 4; ++epoch) {
    Indices order;
    for (std::int64_t s = 0; s < batches.steps_per_epoch(); ++s) {
      const Indices rows = batches.row_indices(epoch * batches.steps_per_epoch() + s);
      order.insert(order.end(), rows.begin(), rows.end());
    }
    Indices sorted = order;
    std::sort(sorted.begin(), sorted.end());
    Indices expected(50);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(sorted, expected);
    EXPECT_NE(order, expected);
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 4u);
}

TEST(Batches, AStepDependsOnItsNumberAndTheSeedOnly) {
  const Dataset dataset = rows_of_lengths(std::vector<int>(50, 2));
  const Batches one(dataset, batch_config(4, 1, true), 42), same(dataset, batch_config(4, 1, true), 42);
  const Batches other(dataset, batch_config(4, 1, true), 43);
  int equal = 0;
  for (std::int64_t s = 40; s-- > 0;) {
    EXPECT_EQ(one.row_indices(s), same.row_indices(s));
    EXPECT_EQ(one.step(s).micro[0].input_ids, same.step(s).micro[0].input_ids);
    equal += one.row_indices(s) == other.row_indices(s);
  }
  EXPECT_EQ(equal, 0);
}

// Accumulation cuts a step, it does not change it: 8 rows at once are 8 x 1.
TEST(Batches, TheRowsOfAStepDoNotDependOnHowItIsCut) {
  const Dataset dataset = rows_of_lengths({3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8});
  const Batches whole(dataset, batch_config(8, 1, true), 7), cut(dataset, batch_config(1, 8, true), 7);
  ASSERT_EQ(whole.steps_per_epoch(), cut.steps_per_epoch());
  for (std::int64_t s = 0; s < 2 * whole.steps_per_epoch(); ++s) {
    const StepBatch one = whole.step(s), many = cut.step(s);
    EXPECT_EQ(one.tokens, many.tokens);
    EXPECT_EQ(one.trained_tokens, many.trained_tokens);
    Ids ids;
    for (const MicroBatch& micro : many.micro) ids.insert(ids.end(), micro.input_ids.begin(), micro.input_ids.end());
    EXPECT_EQ(ids, one.micro[0].input_ids);
  }
}

TEST(Batches, FarStepsCostNoMore) {
  const Dataset dataset = rows_of_lengths(std::vector<int>(5, 2));
  const Batches batches(dataset, batch_config(2, 1, true), 42);
  const StepBatch far = batches.step(3'000'000'000'000);
  EXPECT_EQ(far.micro.size(), 1u);
  EXPECT_EQ(far.micro[0].rows.size(), 2u);
}

TEST(BatchesDeathTest, ChecksItsArguments) {
  const Dataset empty, dataset = rows_of_lengths({2});
  EXPECT_DEATH(Batches(empty, batch_config(1, 1, true), 1), "a data set with rows");
  EXPECT_DEATH(Batches(dataset, batch_config(0, 1, true), 1), "above zero");
  EXPECT_DEATH(Batches(dataset, batch_config(1, 1, true), 1).step(-1), "counted from 0");
}

}  // namespace
}  // namespace vernier
