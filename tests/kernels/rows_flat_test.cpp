#include <limits>

#include "kernels/rows_support.h"
#include "support/naive_rows.h"

namespace vernier {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST_P(RowLoops, ToBf16RoundsEveryUpperHalf) {
  // All 65536 upper halves with the lower halves that decide the rounding.
  for (const std::uint32_t low : {0u, 1u, 0x7FFFu, 0x8000u, 0x8001u, 0xFFFFu}) {
    std::vector<float> x;
    for (std::uint32_t high = 0; high < 65536; ++high) x.push_back(std::bit_cast<float>(high << 16 | low));
    std::vector<std::uint16_t> y(x.size());
    loops().to_bf16(x.data(), static_cast<std::int64_t>(x.size()), y.data());
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], f32_to_bf16(x[i])) << i << " " << low;
  }
}

TEST_P(RowLoops, ToF32IsExact) {
  std::vector<std::uint16_t> x;
  for (std::uint32_t high = 0; high < 65536; ++high) x.push_back(static_cast<std::uint16_t>(high));
  std::vector<float> y(x.size());
  loops().to_f32(x.data(), static_cast<std::int64_t>(x.size()), y.data());
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(std::bit_cast<std::uint32_t>(y[i]), i << 16);
}

TEST_P(RowLoops, ConversionsAndSumsOfOddLengths) {
  for (const std::size_t n : kLengths) {
    const auto count = static_cast<std::int64_t>(n);
    const auto x = values(n, 1), y = values(n, 2);
    const auto x_bf16 = as_bf16(x);
    std::vector<std::uint16_t> converted(n + 1, 0xABCD);
    loops().to_bf16(x.data(), count, converted.data());
    EXPECT_EQ(converted.back(), 0xABCD) << "wrote beyond " << n;
    converted.pop_back();
    EXPECT_EQ(converted, x_bf16);
    std::vector<float> back(n + 1, 7.0f), sum = y, sum_bf16 = y;
    loops().to_f32(x_bf16.data(), count, back.data());
    EXPECT_EQ(back.back(), 7.0f) << "wrote beyond " << n;
    back.pop_back();
    EXPECT_EQ(back, from_bf16(x_bf16));
    loops().add_f32(x.data(), count, sum.data());
    loops().add_bf16(x_bf16.data(), count, sum_bf16.data());
    for (std::size_t i = 0; i < n; ++i) {
      EXPECT_EQ(sum[i], y[i] + x[i]);
      EXPECT_EQ(sum_bf16[i], y[i] + bf16_to_f32(x_bf16[i]));
    }
  }
}

TEST_P(RowLoops, SumOfSquaresInDouble) {
  for (const std::size_t n : kLengths) {
    const auto x = values(n, 3, 5.0f);
    double expected = 0;
    for (const float value : x) expected += static_cast<double>(value) * value;
    EXPECT_NEAR(loops().sum_of_squares(x.data(), static_cast<std::int64_t>(n)), expected, 1e-14 * expected) << n;
  }
  const std::vector<float> mixed = {1e30f, 1.0f, -1e30f, 1e-30f};
  EXPECT_NEAR(loops().sum_of_squares(mixed.data(), 4) / 2e60, 1.0, 1e-7) << "beyond f32's range";
  const std::vector<float> tiny(3, 1e-40f);
  EXPECT_NEAR(loops().sum_of_squares(tiny.data(), 3) / 3e-80, 1.0, 1e-4) << "denormals count";
}

TEST_P(RowLoops, AllFiniteFindsOneBadValueAnywhere) {
  for (const std::size_t n : kLengths) {
    auto x = values(n, 3, 1e30f);
    for (std::size_t i = 0; i < n; i += 5) x[i] = i % 2 ? std::numeric_limits<float>::max() : 1e-42f;
    const auto count = static_cast<std::int64_t>(n);
    EXPECT_TRUE(loops().all_finite(x.data(), count));
    for (std::size_t at = 0; at<n; at += n> 200 ? 97 : 1) {
      for (const float bad : {kInf, -kInf, kNan, -kNan}) {
        const float kept = x[at];
        x[at] = bad;
        ASSERT_FALSE(loops().all_finite(x.data(), count)) << bad << " at " << at << " of " << n;
        x[at] = kept;
      }
    }
  }
}

TEST_P(RowLoops, DropoutDrawsPhiloxByElement) {
  const std::uint64_t key = 0x0123456789ABCDEFu, stream = 0xFEDCBA9876543210u;
  const float p = 0.3f;
  // The last starts cross from 32-bit to 64-bit block numbers.
  for (const std::uint64_t first : {0ull, 1ull, 2ull, 3ull, 62ull, 1001ull, (1ull << 34) - 70, (1ull << 34) - 1}) {
    for (const std::size_t n : kLengths) {
      std::vector<float> scale(n + 1, 9.0f);
      loops().dropout_scale(key, stream, first, static_cast<std::int64_t>(n), p, scale.data());
      EXPECT_EQ(scale[n], 9.0f);
      for (std::size_t i = 0; i < n; ++i) {
        const std::uint64_t element = first + i, block = element / 4;
        const auto words = philox({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                                   static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)},
                                  {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)});
        const float uniform = static_cast<float>(words[element % 4] >> 8) / 16777216.0f;
        ASSERT_EQ(scale[i], uniform < p ? 0.0f : 1.0f / (1.0f - p)) << first << " + " << i;
      }
    }
  }
}

TEST_P(RowLoops, DropoutKeepsItsShareAndItsMean) {
  std::vector<float> scale(200000);
  loops().dropout_scale(3, 4, 0, 200000, 0.1f, scale.data());
  double sum = 0, dropped = 0;
  for (const float value : scale) {
    sum += value;
    dropped += value == 0.0f;
  }
  EXPECT_NEAR(dropped / 200000, 0.1, 0.003);
  EXPECT_NEAR(sum / 200000, 1.0, 0.004);
  loops().dropout_scale(3, 4, 0, 200000, 0.0f, scale.data());
  EXPECT_EQ(scale, std::vector<float>(200000, 1.0f));
}

}  // namespace
}  // namespace vernier
