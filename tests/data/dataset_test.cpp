#include "data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "data/data_report.h"
#include "data/dataset_fixture.h"
#include "io/json.h"

namespace vernier {
namespace {

using testing::HasSubstr;

// Row i has the ids i, i, ... (length[i] of them), each a target.
Dataset rows_of_lengths(const std::vector<int>& lengths) {
  Dataset dataset;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    Row row;
    row.input_ids.assign(static_cast<std::size_t>(lengths[i]), static_cast<std::int32_t>(i));
    row.labels = row.input_ids;
    dataset.add(row, i < 3 ? "a.jsonl" : "b.jsonl", static_cast<std::int64_t>(i + 1));
  }
  return dataset;
}

TEST(RowTargets, TheFirstLabelIsNeverOne) {
  EXPECT_EQ((Row{{1, 2, 3}, {1, 2, 3}}.targets()), 2);
  EXPECT_EQ((Row{{1, 2, 3}, {1, -100, -100}}.targets()), 0);
  EXPECT_EQ((Row{{1, 2, 3}, {-100, 2, -100}}.targets()), 1);
  EXPECT_EQ((Row{{1}, {1}}.targets()), 0);
  EXPECT_EQ((Row{}.targets()), 0);
}

TEST(Dataset, GivesRowsBackWithTheirPlaces) {
  Dataset dataset;
  EXPECT_EQ(dataset.size(), 0);
  dataset.add({{1, 2}, {-100, 2}}, "a.jsonl", 7);
  dataset.add({}, "a.jsonl", 8);
  dataset.add({{5}, {5}}, "b.json", 1);
  ASSERT_EQ(dataset.size(), 3);
  EXPECT_EQ(dataset.row(0).input_ids, (std::vector<std::int32_t>{1, 2}));
  EXPECT_EQ(dataset.row(0).labels, (std::vector<std::int32_t>{-100, 2}));
  EXPECT_TRUE(dataset.row(1).input_ids.empty());
  EXPECT_EQ(dataset.row_tokens(1), 0);
  EXPECT_EQ(dataset.row_tokens(2), 1);
  EXPECT_EQ(dataset.row_targets(0), 1);
  EXPECT_EQ(dataset.row_targets(2), 0);
  EXPECT_EQ(dataset.place(0), "a.jsonl:7");
  EXPECT_EQ(dataset.place(1), "a.jsonl:8");
  EXPECT_EQ(dataset.place(2), "b.json:1");
}

TEST(DatasetDeathTest, ChecksItsArguments) {
  Dataset dataset = rows_of_lengths({1});
  EXPECT_DEATH(dataset.row(1), "a row of the data set");
  EXPECT_DEATH(dataset.row(-1), "a row of the data set");
  EXPECT_DEATH(dataset.add({{1, 2}, {1}}, "a", 1), "a label for each id");
}

TEST(Dataset, StatsAreByNearestRank) {
  std::vector<int> lengths;
  for (int i = 1; i <= 100; ++i) lengths.push_back(i);
  const DatasetStats stats = rows_of_lengths(lengths).stats();
  EXPECT_EQ(stats.rows, 100);
  EXPECT_EQ(stats.tokens, 5050);
  EXPECT_EQ(stats.targets, 4950);
  EXPECT_EQ(stats.shortest, 1);
  EXPECT_EQ(stats.median, 50);
  EXPECT_EQ(stats.p95, 95);
  EXPECT_EQ(stats.longest, 100);
}

TEST(Dataset, StatsOfOneAndOfNoRow) {
  const DatasetStats one = rows_of_lengths({4}).stats();
  EXPECT_EQ(one.shortest, 4);
  EXPECT_EQ(one.median, 4);
  EXPECT_EQ(one.p95, 4);
  EXPECT_EQ(one.longest, 4);
  EXPECT_EQ(Dataset{}.stats().rows, 0);
  EXPECT_EQ(Dataset{}.stats().longest, 0);
}

TEST(Dataset, IdentityIsOfIdsLabelsAndRowBounds) {
  const auto identity = [](const std::vector<Row>& rows) {
    Dataset dataset;
    for (const Row& row : rows) dataset.add(row, "x", 1);
    return dataset.identity();
  };
  const std::string base = identity({{{1, 2}, {1, 2}}, {{3}, {3}}});
  EXPECT_EQ(base.size(), 64u);
  EXPECT_EQ(identity({{{1, 2}, {1, 2}}, {{3}, {3}}}), base);
  EXPECT_NE(identity({{{1}, {1}}, {{2, 3}, {2, 3}}}), base);
  EXPECT_NE(identity({{{1, 2}, {-100, 2}}, {{3}, {3}}}), base);
  EXPECT_NE(identity({{{3}, {3}}, {{1, 2}, {1, 2}}}), base);
  EXPECT_NE(identity({{{1, 2}, {1, 2}}, {{3}, {3}}, {}}), base);
  Dataset elsewhere;
  elsewhere.add({{1, 2}, {1, 2}}, "other", 5);
  elsewhere.add({{3}, {3}}, "other", 9);
  EXPECT_EQ(elsewhere.identity(), base) << "places are not part of what the data is";
}

std::set<std::int32_t> first_ids(const Dataset& dataset) {
  std::set<std::int32_t> ids;
  for (std::int64_t i = 0; i < dataset.size(); ++i) ids.insert(dataset.input_ids(i)[0]);
  return ids;
}

TEST(SplitDataset, PartsAreDisjointWholeAndInFileOrder) {
  const Dataset all = rows_of_lengths(std::vector<int>(100, 2));
  const auto [training, evaluation] = split_dataset(all, 0.07, 42);
  EXPECT_EQ(training.size(), 93);
  EXPECT_EQ(evaluation.size(), 7);
  std::set<std::int32_t> together = first_ids(training);
  together.merge(first_ids(evaluation));
  EXPECT_EQ(together.size(), 100u);
  for (const Dataset* part : {&training, &evaluation})
    for (std::int64_t i = 0; i < part->size(); ++i) {
      const std::int32_t original = part->input_ids(i)[0];
      EXPECT_EQ(part->place(i), all.place(original));
      if (i > 0) {
        EXPECT_LT(part->input_ids(i - 1)[0], original);
      }
    }
}

TEST(SplitDataset, SharesRoundUpAndCountsAreExact) {
  const Dataset all = rows_of_lengths(std::vector<int>(100, 2));
  EXPECT_EQ(split_dataset(all, 0, 1).second.size(), 0);
  EXPECT_EQ(split_dataset(all, 0, 1).first.size(), 100);
  EXPECT_EQ(split_dataset(all, 0.001, 1).second.size(), 1);
  EXPECT_EQ(split_dataset(all, 0.101, 1).second.size(), 11);
  EXPECT_EQ(split_dataset(all, 1, 1).second.size(), 1);
  EXPECT_EQ(split_dataset(all, 99, 1).second.size(), 99);
}

TEST(SplitDataset, TheSeedDecides) {
  const Dataset all = rows_of_lengths(std::vector<int>(100, 2));
  EXPECT_EQ(first_ids(split_dataset(all, 20, 1).second), first_ids(split_dataset(all, 20, 1).second));
  EXPECT_NE(first_ids(split_dataset(all, 20, 1).second), first_ids(split_dataset(all, 20, 2).second));
}

TEST(SplitDataset, ReportsStayWithTraining) {
  Dataset all = rows_of_lengths({2, 2, 2});
  all.reports.push_back({"a.jsonl", 9, "too_long", "dropped", 5, 0});
  const auto [training, evaluation] = split_dataset(all, 1, 0);
  EXPECT_EQ(training.reports.size(), 1u);
  EXPECT_TRUE(evaluation.reports.empty());
}

TEST(SplitDataset, RefusesWhatLeavesNothing) {
  const Dataset all = rows_of_lengths({2, 2, 2});
  EXPECT_THAT(error_of([&] { split_dataset(all, 3, 0); }), HasSubstr("takes 3 of 3 rows: none is left"));
  EXPECT_THAT(error_of([&] { split_dataset(all, 1e300, 0); }), HasSubstr("none is left"));
  EXPECT_THAT(error_of([&] { split_dataset(all, 0.99, 0); }), HasSubstr("none is left"));
  EXPECT_THAT(error_of([&] { split_dataset(rows_of_lengths({2}), 0.1, 0); }), HasSubstr("none is left"));
  EXPECT_THAT(error_of([&] { split_dataset(all, -1, 0); }), HasSubstr("val_set_size is -1"));
  EXPECT_THAT(error_of([&] { split_dataset(all, std::nan(""), 0); }), HasSubstr("val_set_size"));
  EXPECT_THAT(error_of([&] { split_dataset(all, 1.5, 0); }), HasSubstr("not a whole number"));
}

TEST(SplitDataset, EachPartNeedsATarget) {
  const Dataset all = rows_of_lengths({1, 1, 1, 1, 1, 5});
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    EXPECT_THAT(error_of([&] { split_dataset(all, 2, seed); }), HasSubstr("no target in the "));
}

TEST(DataReport, IsALineARow) {
  const std::string lines =
      data_report_lines({{"a \"b\".jsonl", 57, "too_long", "dropped", 612, 0}, {"c", 2, "no_targets", "kept", 3, 3}});
  const std::size_t end = lines.find('\n');
  EXPECT_EQ(lines.substr(0, end),
            R"({"file":"a \"b\".jsonl","line":57,"reason":"too_long","action":"dropped","tokens":612,)"
            R"("kept_tokens":0})");
  EXPECT_EQ(Json::parse(lines.substr(end + 1))["action"], "kept");
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
  EXPECT_EQ(data_report_lines({}), "");
}

TEST(DataReport, Summary) {
  EXPECT_EQ(summarize_reports({}), "");
  EXPECT_EQ(summarize_reports({{"a", 1, "too_long", "truncated", 10, 6},
                               {"a", 2, "too_long", "truncated", 8, 6},
                               {"a", 3, "no_targets", "kept", 3, 3}}),
            "1 row no_targets kept, 2 rows too_long truncated (6 tokens lost)");
}

}  // namespace
}  // namespace vernier
