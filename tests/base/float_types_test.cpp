#include "base/float_types.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"

namespace vernier {
namespace {

float from_bits(std::uint32_t bits) {
  return std::bit_cast<float>(bits);
}

// A small float format written down independently of the code under test: the value of a bit pattern by the definition
// of IEEE 754, with `exponent_bits` and `mantissa_bits`.
double value_of(std::uint32_t bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = static_cast<int>(bits >> mantissa_bits & ((1u << exponent_bits) - 1));
  const std::uint32_t mantissa = bits & ((1u << mantissa_bits) - 1);
  const double fraction = std::ldexp(mantissa, -mantissa_bits);
  const double magnitude = exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, exponent - bias);
  return bits >> (exponent_bits + mantissa_bits) & 1 ? -magnitude : magnitude;
}

// Between each pair of neighbouring values of the 16-bit format, the f32 values beside the two ends and beside the
// midpoint: with rounding being monotone this fixes the result of every f32.
template <typename Round>
void check_rounding(std::uint16_t infinity, int exponent_bits, int mantissa_bits, Round round) {
  for (std::uint16_t low = 0; low + 1 < infinity; ++low) {
    const auto high = static_cast<std::uint16_t>(low + 1);
    const auto below = static_cast<float>(value_of(low, exponent_bits, mantissa_bits));
    const auto above = static_cast<float>(value_of(high, exponent_bits, mantissa_bits));
    const auto middle = static_cast<float>((double{below} + double{above}) / 2);
    const std::uint16_t even = low % 2 == 0 ? low : high;
    const auto next = [](float value) { return std::nextafter(value, std::numeric_limits<float>::infinity()); };
    const auto previous = [](float value) { return std::nextafter(value, -1.0f); };
    ASSERT_EQ(round(below), low);
    ASSERT_EQ(round(above), high);
    ASSERT_EQ(round(middle), even) << low;
    ASSERT_EQ(round(previous(middle)), low) << low;
    ASSERT_EQ(round(next(middle)), high) << low;
    ASSERT_EQ(round(-middle), even | 0x8000) << low;
    ASSERT_EQ(round(-next(middle)), high | 0x8000) << low;
  }
}

TEST(F16, EveryValueReadsByDefinitionAndComesBack) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = f16_to_f32(half);
    if ((bits & 0x7C00) == 0x7C00) {
      ASSERT_EQ(std::isnan(value), (bits & 0x3FF) != 0);
      ASSERT_EQ(std::isinf(value), (bits & 0x3FF) == 0);
      ASSERT_EQ(std::signbit(value), bits >= 0x8000);
      if (std::isnan(value)) {
        ASSERT_TRUE(std::isnan(f16_to_f32(f32_to_f16(value))));
        continue;
      }
    } else {
      ASSERT_EQ(value, value_of(bits, 5, 10)) << bits;
      ASSERT_EQ(std::signbit(value), bits >= 0x8000);
    }
    ASSERT_EQ(f32_to_f16(value), half) << bits;
  }
}

TEST(F16, RoundsToNearestEvenBetweenAllNeighbours) {
  check_rounding(0x7C00, 5, 10, f32_to_f16);
}

TEST(F16, OverflowsHalfWayToTheNextPower) {
  EXPECT_EQ(f32_to_f16(65504), 0x7BFF);
  EXPECT_EQ(f32_to_f16(std::nextafter(65520.0f, 0.0f)), 0x7BFF);
  EXPECT_EQ(f32_to_f16(65520), 0x7C00);
  EXPECT_EQ(f32_to_f16(-65520), 0xFC00);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::max()), 0x7C00);
  EXPECT_EQ(f32_to_f16(-std::numeric_limits<float>::infinity()), 0xFC00);
}

TEST(F16, TinyValuesBecomeZeroWithTheirSign) {
  EXPECT_EQ(f32_to_f16(0x1p-25f), 0) << "half of the least subnormal: a tie, to even";
  EXPECT_EQ(f32_to_f16(std::nextafter(0x1p-25f, 1.0f)), 1);
  EXPECT_EQ(f32_to_f16(-0x1p-26f), 0x8000);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::denorm_min()), 0);
}

TEST(Bf16, EveryValueComesBack) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto brain = static_cast<std::uint16_t>(bits);
    const float value = bf16_to_f32(brain);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(value), bits << 16);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(value))));
      continue;
    }
    if (!std::isinf(value)) {
      ASSERT_EQ(value, value_of(bits, 8, 7));
    }
    ASSERT_EQ(f32_to_bf16(value), brain);
  }
}

TEST(Bf16, RoundsToNearestEvenBetweenAllNeighbours) {
  check_rounding(0x7F80, 8, 7, f32_to_bf16);
}

TEST(Bf16, OverflowsToInfinity) {
  EXPECT_EQ(f32_to_bf16(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_EQ(f32_to_bf16(from_bits(0x7F7F7FFF)), 0x7F7F);
  EXPECT_EQ(f32_to_bf16(from_bits(0x7F7F8000)), 0x7F80);
  EXPECT_EQ(f32_to_bf16(from_bits(0xFF7F8000)), 0xFF80);
}

// A NaN whose payload lies in the lower half only must not become an infinity.
TEST(Bf16, NanStaysNan) {
  for (const std::uint32_t bits : {0x7F800001u, 0x7FFFFFFFu, 0xFF800001u, 0xFFFFFFFFu, 0x7FC00000u}) {
    const float value = bf16_to_f32(f32_to_bf16(from_bits(bits)));
    EXPECT_TRUE(std::isnan(value)) << bits;
    EXPECT_EQ(std::signbit(value), bits >> 31 != 0);
    EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(from_bits(bits))))) << bits;
  }
}

// Against rounding written with nearbyint, whose default mode is to nearest even.
TEST(FloatTypes, RandomValuesRoundAsTheDefinitionSays) {
  const RandomStream random(3, RandomPurpose::kSampling);
  const auto rounded = [](double value, int least_exponent, int mantissa_bits) {
    const int exponent = std::max(value == 0 ? least_exponent : std::ilogb(value), least_exponent);
    return std::ldexp(std::nearbyint(std::ldexp(value, mantissa_bits - exponent)), exponent - mantissa_bits);
  };
  for (std::uint64_t i = 0; i < 1000000; ++i) {
    const float value = from_bits(random.at(i));
    if (!std::isfinite(value)) continue;
    const double brain = rounded(value, -126, 7);
    if (std::abs(brain) < 0x1p128) {
      ASSERT_EQ(bf16_to_f32(f32_to_bf16(value)), brain);
    }
    const double half = rounded(value, -14, 10);
    ASSERT_EQ(f16_to_f32(f32_to_f16(value)), std::abs(half) < 65520 ? half : std::copysign(INFINITY, half));
  }
}

TEST(Dtype, SizesAndNamesAreThoseOfSafetensors) {
  EXPECT_EQ(dtype_bytes(Dtype::kBool), 1u);
  EXPECT_EQ(dtype_bytes(Dtype::kU8), 1u);
  EXPECT_EQ(dtype_bytes(Dtype::kI8), 1u);
  EXPECT_EQ(dtype_bytes(Dtype::kI16), 2u);
  EXPECT_EQ(dtype_bytes(Dtype::kF16), 2u);
  EXPECT_EQ(dtype_bytes(Dtype::kBF16), 2u);
  EXPECT_EQ(dtype_bytes(Dtype::kF32), 4u);
  EXPECT_EQ(dtype_bytes(Dtype::kI32), 4u);
  EXPECT_EQ(dtype_bytes(Dtype::kI64), 8u);
  EXPECT_EQ(dtype_bytes(Dtype::kF64), 8u);
  EXPECT_STREQ(dtype_name(Dtype::kBF16), "BF16");
  EXPECT_STREQ(dtype_name(Dtype::kF32), "F32");
  EXPECT_STREQ(dtype_name(Dtype::kBool), "BOOL");
  EXPECT_STREQ(dtype_name(Dtype::kU8), "U8");
}

}  // namespace
}  // namespace vernier
