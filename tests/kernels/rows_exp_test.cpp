#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/rows_math.inc"

namespace vernier {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

std::array<float, 16> exp_of(const std::array<float, 16>& x) {
  std::array<float, 16> y{};
  store(exponential(load(x.data(), Full{})), y.data(), Full{});
  return y;
}

// The distance between neighbouring f32 at the size of `value`.
double ulp(double value) {
  return std::ldexp(1.0, std::max(std::ilogb(value), -126) - 23);
}

// Every 509th f32 between the two ends of the range where exp is a normal f32.
double worst_ulps(float from, float to) {
  double worst = 0;
  std::array<float, 16> x{};
  const auto first = std::bit_cast<std::uint32_t>(from), last = std::bit_cast<std::uint32_t>(to);
  for (std::uint32_t bits = first; bits <= last; bits += 509 * 16) {
    for (std::uint32_t i = 0; i < 16; ++i) x[i] = std::bit_cast<float>(std::min(bits + 509 * i, last));
    const auto y = exp_of(x);
    for (std::size_t i = 0; i < 16; ++i) {
      const double exact = std::exp(static_cast<double>(x[i]));
      worst = std::max(worst, std::abs(y[i] - exact) / ulp(exact));
    }
  }
  return worst;
}

TEST(RowsExp, WithinTwoUlps) {
  const double positive = worst_ulps(0.0f, 88.72283f);
  const double negative = worst_ulps(-0.0f, -87.33654f);
  RecordProperty("worst_ulps", std::to_string(std::max(positive, negative)));
  EXPECT_LE(positive, 2.0);
  EXPECT_LE(negative, 2.0);
}

TEST(RowsExp, ExactAtZeroAndSaturating) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto y = exp_of({0.0f, -0.0f, kInf, -kInf, nan, 88.7229f, 1e30f, -87.3366f, -1e30f, -3e38f, 3e38f, 1e-40f,
                         -1e-40f, 89.0f, -89.0f, -104.0f});
  EXPECT_EQ(y[0], 1.0f);
  EXPECT_EQ(y[1], 1.0f);
  EXPECT_EQ(y[2], kInf);
  EXPECT_EQ(y[3], 0.0f);
  EXPECT_TRUE(std::isnan(y[4]));
  EXPECT_EQ(y[5], kInf);
  EXPECT_EQ(y[6], kInf);
  for (const std::size_t i : {7u, 8u, 9u, 14u, 15u}) EXPECT_EQ(std::bit_cast<std::uint32_t>(y[i]), 0u) << i;
  EXPECT_EQ(y[10], kInf);
  EXPECT_EQ(y[11], 1.0f);
  EXPECT_EQ(y[12], 1.0f);
  EXPECT_EQ(y[13], kInf);
}

TEST(RowsExp, NeverDecreases) {
  // Softmax may not order two probabilities against their logits by more than the error of one.
  float before = 0;
  for (float x = -20.0f; x < 0.0f; x += 0.001f) {
    const float y = exp_of({x})[0];
    ASSERT_GE(y, before) << x;
    before = y;
  }
}

TEST(RowsExp, LogisticKeepsSmallComplement) {
  for (const float x : {-80.0f, -30.0f, -5.0f, -0.5f, 0.0f, 0.5f, 5.0f, 30.0f, 80.0f}) {
    const Logistic s = logistic(f16(x));
    float value[16], complement[16];
    store(s.value, value, Full{});
    store(s.complement, complement, Full{});
    const double exact = 1.0 / (1.0 + std::exp(-static_cast<double>(x)));
    const double other = 1.0 / (1.0 + std::exp(static_cast<double>(x)));
    EXPECT_NEAR(value[3] / exact, 1.0, 4e-7) << x;
    EXPECT_NEAR(complement[3] / other, 1.0, 4e-7) << x;
  }
}

}  // namespace
}  // namespace vernier
