#include <limits>

#include "kernels/rows_support.h"
#include "support/naive_rows.h"

namespace vernier {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kUntouched = 7.0f;  // what lies between the columns and the stride

struct Rows {
  std::size_t rows, columns, stride;
  std::vector<std::int32_t> limit;
  std::vector<float> x;
};

// Limits run over 0, 1, all columns and some between.
Rows make_rows(std::size_t columns, std::uint64_t seed, float range) {
  Rows r{5, columns, columns + 3, {}, {}};
  const auto all = static_cast<std::int32_t>(columns);
  r.limit = {0, std::min(1, all), all, all / 2, std::max(0, all - 1)};
  r.x.assign(r.rows * r.stride, kUntouched);
  const auto random = values(r.rows * columns, seed, range);
  for (std::size_t i = 0; i < random.size(); ++i) r.x[i / columns * r.stride + i % columns] = random[i];
  return r;
}

std::vector<float> row_of(const Rows& r, const std::vector<float>& x, std::size_t row) {
  const auto begin = x.begin() + static_cast<std::ptrdiff_t>(row * r.stride);
  return {begin, begin + static_cast<std::ptrdiff_t>(r.columns)};
}

void expect_gap_untouched(const Rows& r, const std::vector<float>& x) {
  for (std::size_t row = 0; row < r.rows; ++row)
    for (std::size_t i = r.columns; i < r.stride; ++i) ASSERT_EQ(x[row * r.stride + i], kUntouched) << row;
}

TEST_P(RowLoops, SoftmaxIsTheDefinition) {
  for (const std::size_t columns : kLengths) {
    for (const float scale : {1.0f, 0.125f}) {
      const Rows r = make_rows(columns, columns, 30.0f);
      auto p = r.x;
      std::vector<float> log_sum_exp(r.rows);
      loops().softmax(p.data(), 5, static_cast<std::int64_t>(r.stride), r.limit.data(),
                      static_cast<std::int64_t>(columns), scale, log_sum_exp.data());
      for (std::size_t row = 0; row < r.rows; ++row) {
        const auto limit = static_cast<std::size_t>(r.limit[row]);
        const auto expected = naive::softmax(&r.x[row * r.stride], columns, limit, scale);
        // scale * x - largest is rounded at 60 or so: 4e-6 of exp.
        expect_close(row_of(r, p, row), expected.p, 5e-6, 1e-37, str("p, columns ", columns, " row ", row));
        if (limit == 0) {
          EXPECT_EQ(log_sum_exp[row], -kInf);
        } else {
          EXPECT_NEAR(log_sum_exp[row], expected.log_sum_exp, 3e-6);
        }
      }
      expect_gap_untouched(r, p);
    }
  }
}

TEST_P(RowLoops, SoftmaxOfExtremes) {
  const std::int32_t limit = 3;
  const auto of = [&](std::vector<float> x) {
    float lse = 0;
    loops().softmax(x.data(), 1, 3, &limit, 3, 1.0f, &lse);
    x.push_back(lse);
    return x;
  };
  EXPECT_EQ(of({1e30f, -1e30f, 0.0f}), (std::vector<float>{1.0f, 0.0f, 0.0f, 1e30f}));
  EXPECT_EQ(of({-1e30f, -1e30f, -kInf}), (std::vector<float>{0.5f, 0.5f, 0.0f, -1e30f}));
  EXPECT_EQ(of({-kInf, 2.0f, -kInf}), (std::vector<float>{0.0f, 1.0f, 0.0f, 2.0f}));
  EXPECT_EQ(of({1e-40f, 1e-40f, -100.0f})[0], 0.5f);
  for (const float bad : {kNan, kInf})
    for (std::size_t at = 0; at < 3; ++at) {
      std::vector<float> x = {0.0f, 1.0f, 2.0f};
      x[at] = bad;
      EXPECT_TRUE(std::isnan(of(x)[at])) << bad << " at " << at;
    }
  EXPECT_TRUE(std::isnan(of({-kInf, -kInf, -kInf})[1]));
}

TEST_P(RowLoops, SoftmaxOverwritesWhatIsBeyondTheLimit) {
  std::vector<float> x = {1.0f, 1.0f, kNan, kInf, kNan};
  const std::int32_t limit = 2;
  float lse = 0;
  loops().softmax(x.data(), 1, 5, &limit, 5, 1.0f, &lse);
  EXPECT_EQ(x, (std::vector<float>{0.5f, 0.5f, 0.0f, 0.0f, 0.0f}));
}

void check_cross_entropy(const RowKernels& loops, std::size_t vocab, float range) {
  const std::size_t rows = 3;
  const auto logits = values(rows * vocab, vocab, range);
  const std::vector<std::int32_t> target = {0, static_cast<std::int32_t>(vocab - 1),
                                            static_cast<std::int32_t>(vocab / 2)};
  const auto n = static_cast<std::int64_t>(vocab);
  const float gradient_scale = 0.25f;
  auto gradient = logits;
  std::vector<float> loss(rows), loss_alone(rows);
  loops.cross_entropy(gradient.data(), target.data(), 3, n, gradient_scale, loss.data());
  loops.cross_entropy_loss(logits.data(), target.data(), 3, n, loss_alone.data());
  EXPECT_EQ(loss, loss_alone);
  for (std::size_t row = 0; row < rows; ++row) {
    auto expected = naive::softmax(&logits[row * vocab], vocab, vocab, 1.0);
    const auto at = static_cast<std::size_t>(target[row]);
    const double expected_loss = expected.log_sum_exp - static_cast<double>(logits[row * vocab + at]);
    EXPECT_NEAR(loss[row], expected_loss, 2e-7 * std::abs(expected_loss) + 2e-7) << vocab;
    expected.p[at] -= 1.0;
    for (double& value : expected.p) value *= gradient_scale;
    const std::vector<float> actual(gradient.begin() + static_cast<std::ptrdiff_t>(row * vocab),
                                    gradient.begin() + static_cast<std::ptrdiff_t>((row + 1) * vocab));
    expect_close(actual, expected.p, 2e-6, 3e-8, str("gradient, vocab ", vocab, " row ", row));
  }
}

TEST_P(RowLoops, CrossEntropyIsTheDefinition) {
  for (const std::size_t vocab : kLengths)
    if (vocab > 0) check_cross_entropy(loops(), vocab, 8.0f);
  check_cross_entropy(loops(), 49152, 2.0f);
  check_cross_entropy(loops(), 256000 + 7, 10.0f);
}

TEST_P(RowLoops, CrossEntropyOfALargeVocabularyKeepsItsPrecision) {
  // Equal logits: the loss is log(vocab), and a sum in one f32 would be off in the sixth digit.
  const std::size_t vocab = 262144;
  std::vector<float> logits(vocab, -3.25f);
  const std::int32_t target = 77;
  float loss = 0;
  loops().cross_entropy(logits.data(), &target, 1, static_cast<std::int64_t>(vocab), 1.0f, &loss);
  EXPECT_EQ(loss, static_cast<float>(std::log(262144.0)));
  EXPECT_EQ(logits[0], 1.0f / 262144.0f);
  EXPECT_EQ(logits[77], 1.0f / 262144.0f - 1.0f);
}

TEST_P(RowLoops, CrossEntropyOfExtremes) {
  std::vector<float> logits = {1e30f, -1e30f, 0.0f, -kInf, 2.0f, 2.0f, kNan, 0.0f, 0.0f, 5.0f, 6.0f, 7.0f};
  const std::vector<std::int32_t> target = {1, 1, 0, -100};
  std::vector<float> loss(4, 3.0f), alone(4, 3.0f);
  loops().cross_entropy_loss(logits.data(), target.data(), 4, 3, alone.data());
  loops().cross_entropy(logits.data(), target.data(), 4, 3, 1.0f, loss.data());
  EXPECT_EQ(loss[0], 2e30f);
  EXPECT_EQ(logits[0], 1.0f);
  EXPECT_EQ(logits[1], -1.0f);
  EXPECT_NEAR(loss[1], std::log(2.0), 1e-7);
  EXPECT_EQ(logits[3], 0.0f);
  EXPECT_TRUE(std::isnan(loss[2]) && std::isnan(alone[2]) && std::isnan(logits[7]));
  EXPECT_EQ(loss[3], 0.0f) << "a negative target is none";
  for (std::size_t i = 9; i < 12; ++i) EXPECT_EQ(logits[i], 0.0f);
  EXPECT_EQ(alone[0], loss[0]);
  EXPECT_EQ(alone[1], loss[1]);
  EXPECT_EQ(alone[3], 0.0f);
}

}  // namespace
}  // namespace vernier
