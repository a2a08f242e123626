// Greedy and temperature sampling: ties, keys, frequencies, and logits that are no numbers.

#include "infer/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "base/error.h"

namespace vernier {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Sampler, GreedyTakesTheLargestAndTheLowestIdOfEquals) {
  EXPECT_EQ(greedy_token(std::vector<float>{1, 3, 2}), 1);
  EXPECT_EQ(greedy_token(std::vector<float>{1, 3, 3, 3}), 1);
  EXPECT_EQ(greedy_token(std::vector<float>{-5, -5}), 0);
  EXPECT_EQ(greedy_token(std::vector<float>{-kInfinity, -2}), 1);
  EXPECT_EQ(sample_token(std::vector<float>{1, 3, 3}, 0, 7, 8, 9), 1);
}

TEST(Sampler, RefusesLogitsThatAreNoNumbers) {
  const std::vector<std::vector<float>> broken = {
      {kNan, 1}, {1, kNan}, {1, 2, kNan, 3}, {1, kInfinity}, {-kInfinity, -kInfinity}};
  for (const auto& logits : broken) {
    for (const double temperature : {0.0, 1.0}) {
      try {
        sample_token(logits, temperature, 1, 0, 0);
        ADD_FAILURE() << "accepted";
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::kNumeric);
      }
    }
  }
}

// Draws at many positions follow softmax(logits / temperature): chi-square with 3 degrees of freedom, 1e-6 quantile.
TEST(Sampler, FrequenciesFollowTheTemperature) {
  const std::vector<float> logits = {0.5f, -1.0f, 2.0f, 1.5f, -kInfinity};
  constexpr int kDraws = 20000;
  for (const double temperature : {0.5, 1.0, 2.5}) {
    std::vector<double> weight, count(logits.size());
    double total = 0;
    for (const float logit : logits) total += weight.emplace_back(std::exp(logit / temperature));
    for (std::uint64_t i = 0; i < kDraws; ++i)
      ++count[static_cast<std::size_t>(sample_token(logits, temperature, 3, i % 100, i / 100))];
    double chi_square = 0;
    for (std::size_t id = 0; id + 1 < logits.size(); ++id) {
      const double expected = kDraws * weight[id] / total;
      chi_square += (count[id] - expected) * (count[id] - expected) / expected;
    }
    EXPECT_LT(chi_square, 30.7) << temperature;
    EXPECT_EQ(count.back(), 0) << "an id of probability 0 was drawn";
  }
}

TEST(Sampler, SeedRowAndPositionEachChangeTheDraws) {
  const std::vector<float> flat(1000, 0.0f);
  std::set<TokenId> seeds, rows, positions;
  for (std::uint64_t i = 0; i < 20; ++i) {
    seeds.insert(sample_token(flat, 1, i, 0, 0));
    rows.insert(sample_token(flat, 1, 0, i, 0));
    positions.insert(sample_token(flat, 1, 0, 0, i));
  }
  EXPECT_GT(seeds.size(), 15u);
  EXPECT_GT(rows.size(), 15u);
  EXPECT_GT(positions.size(), 15u);
  EXPECT_EQ(sample_token(flat, 1, 5, 6, 7), sample_token(flat, 1, 5, 6, 7));
}

TEST(Sampler, ATinyTemperatureIsGreedy) {
  const std::vector<float> logits = {0, 1, 0.99f};
  for (std::uint64_t position = 0; position < 50; ++position)
    EXPECT_EQ(sample_token(logits, 1e-300, 1, 0, position), 1);
}

}  // namespace
}  // namespace vernier
