// The quantizers against vectors worked out apart from them and against plain loops.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "kernels/nf4.h"

namespace vernier {
namespace {

struct Quantized {
  std::vector<std::uint8_t> codes;
  std::vector<float> absmax;
};

Quantized quantize(const std::vector<float>& values, std::int64_t blocksize) {
  const auto n = static_cast<std::int64_t>(values.size());
  Quantized result;
  result.codes.resize(static_cast<std::size_t>((n + 1) / 2));
  result.absmax.resize(static_cast<std::size_t>((n + blocksize - 1) / blocksize));
  nf4_quantize(values.data(), n, blocksize, result.codes.data(), result.absmax.data());
  return result;
}

std::string hex(const std::vector<std::uint8_t>& bytes) {
  std::string text;
  for (const unsigned byte : bytes) text += {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15u]};
  return text;
}

// The rule written out once more, a value at a time, with the thresholds as decimals.
unsigned naive_code(float x) {
  constexpr float kThresholds[] = {
      -0.8480964004993439f,  -0.6106329262256622f,   -0.4599952697753906f, -0.33967943489551544f, -0.23460740596055984f,
      -0.13791173323988914f, -0.045525018125772476f, 0.03979014977812767f, 0.1202552504837513f,   0.2035212516784668f,
      0.2920137718319893f,   0.3893125355243683f,    0.5016634166240692f,  0.6427869200706482f,   0.8614784181118011f};
  unsigned code = 0;
  for (const float threshold : kThresholds) {
    if (!(x > threshold)) break;
    ++code;
  }
  return code;
}

Quantized naive_quantize(const std::vector<float>& values, std::size_t blocksize) {
  Quantized result;
  std::vector<unsigned> codes;
  for (std::size_t begin = 0; begin < values.size(); begin += blocksize) {
    const std::size_t end = std::min(values.size(), begin + blocksize);
    float absmax = 0;
    for (std::size_t i = begin; i < end; ++i) absmax = std::fmax(absmax, std::fabs(values[i]));
    result.absmax.push_back(absmax);
    for (std::size_t i = begin; i < end; ++i)
      codes.push_back(absmax == 0 ? 7u : naive_code(values[i] * (1.0f / absmax)));
  }
  if (codes.size() % 2 != 0) codes.push_back(7);
  for (std::size_t j = 0; j < codes.size(); j += 2)
    result.codes.push_back(static_cast<std::uint8_t>(codes[j] << 4 | codes[j + 1]));
  return result;
}

std::vector<float> vector_one() {
  std::vector<float> values;
  for (int i = 0; i < 64; ++i) values.push_back(static_cast<float>(37 * i % 64 - 31) / 128.0f);
  return values;
}

TEST(Nf4Tables, CodebookBits) {
  constexpr std::uint32_t kBits[16] = {0xBF800000u, 0xBF3239B1u, 0xBF066B30u, 0xBECA32A0u, 0xBE91A24Du, 0xBE3D353Fu,
                                       0xBDBA7871u, 0x00000000u, 0x3DA2FAFFu, 0x3E24CAE3u, 0x3E7C04DDu, 0x3EAD033Au,
                                       0x3EE1A4B8u, 0x3F1007ABu, 0x3F3913B3u, 0x3F800000u};
  for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(std::bit_cast<std::uint32_t>(kNf4Values[i]), kBits[i]) << i;
}

// How bitsandbytes builds its map, with the fused multiply-adds that give the published bits.
TEST(Nf4Tables, DynamicMapIsItsConstruction) {
  std::vector<float> values = {0.0f, 1.0f};
  for (int i = 0; i < 7; ++i) {
    const int items = (1 << i) + 1;
    const float step = (1.0f - 0.1f) / static_cast<float>(items - 1);
    std::vector<float> line;
    for (int k = 0; k < items; ++k)
      line.push_back(k < items / 2 ? std::fma(step, static_cast<float>(k), 0.1f)
                                   : std::fma(-step, static_cast<float>(items - 1 - k), 1.0f));
    const auto scale = static_cast<float>(std::pow(10.0, i - 6));
    for (int k = 0; k + 1 < items; ++k) {
      const std::size_t at = static_cast<std::size_t>(k);
      const float value = scale * ((line[at] + line[at + 1]) / 2.0f);
      values.push_back(value);
      values.push_back(-value);
    }
  }
  std::sort(values.begin(), values.end());
  ASSERT_EQ(values.size(), kDynamicMap.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(std::bit_cast<std::uint32_t>(kDynamicMap[i]), std::bit_cast<std::uint32_t>(values[i])) << i;
}

TEST(Nf4Quantize, AppendixVectors) {
  std::vector<float> values = vector_one();
  const Quantized whole = quantize(values, 64);
  EXPECT_EQ(whole.absmax, std::vector<float>{0.25f});
  EXPECT_EQ(hex(whole.codes), "091c3e70a2d4f81b2e5f91c3e60a2d4f71b2e5f91c3e60a1d4e71b2d5f81c3e6");
  values.resize(7);
  const Quantized odd = quantize(values, 64);
  EXPECT_EQ(odd.absmax, std::vector<float>{0.2421875f});
  EXPECT_EQ(hex(odd.codes), "091d3e77");
}

TEST(Nf4Quantize, EqualsThePlainLoop) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0.0f, 0.05f);
  for (std::int64_t blocksize = 32; blocksize <= 4096; blocksize *= 2) {
    for (const std::size_t n : {1u, 2u, 31u, 32u, 33u, 63u, 64u, 65u, 95u, 4095u, 4096u, 4097u, 9001u, 20000u}) {
      std::vector<float> values(n);
      for (float& value : values) value = random() % 50 == 0 ? 0.0f : normal(random);
      const Quantized ours = quantize(values, blocksize);
      const Quantized naive = naive_quantize(values, static_cast<std::size_t>(blocksize));
      ASSERT_EQ(ours.absmax, naive.absmax) << blocksize << " " << n;
      ASSERT_EQ(ours.codes, naive.codes) << blocksize << " " << n;
    }
  }
}

// Every f32 within two ulp of every midpoint: a threshold one ulp off shows.
TEST(Nf4Quantize, AroundEveryThreshold) {
  for (std::size_t code = 0; code < 15; ++code) {
    std::vector<float> values(64, 0.0f);
    values[63] = 1.0f;
    float x = (kNf4Values[code] + kNf4Values[code + 1]) / 2.0f;
    for (int k = 0; k < 2; ++k) x = std::nextafter(x, -2.0f);
    for (std::size_t k = 0; k < 5; ++k, x = std::nextafter(x, 2.0f)) values[k] = x;
    EXPECT_EQ(quantize(values, 64).codes, naive_quantize(values, 64).codes) << code;
  }
}

TEST(Nf4Quantize, AllZeroBlockIsSevens) {
  std::vector<float> values(160, 0.0f);
  values[40] = -0.0f;
  for (std::size_t i = 64; i < 128; ++i) values[i] = 1.0f;
  const Quantized result = quantize(values, 64);
  EXPECT_EQ(result.absmax, (std::vector<float>{0.0f, 1.0f, 0.0f}));
  for (std::size_t j = 0; j < 80; ++j) EXPECT_EQ(result.codes[j], j >= 32 && j < 64 ? 0xFF : 0x77) << j;
}

// Where 1 / absmax overflows, dividing keeps every value within the codebook's widest half step.
TEST(Nf4Quantize, DenormalBlocksKeepTheirValues) {
  for (const float scale : {1e-40f, 2.9e-39f, 1e-38f, 1e-36f}) {
    std::vector<float> values = vector_one();
    for (float& value : values) value *= scale;
    const Quantized result = quantize(values, 64);
    EXPECT_EQ(result.absmax[0], 0.25f * scale);
    std::vector<float> decoded(64);
    nf4_kernels(Isa::kScalar).decode_f32(result.codes.data(), result.absmax.data(), 64, 0, 64, decoded.data());
    for (std::size_t i = 0; i < 64; ++i) EXPECT_LE(std::fabs(decoded[i] - values[i]), 0.16f * 0.25f * scale) << scale;
  }
  const std::vector<float> smallest(64, std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(quantize(smallest, 64).codes, std::vector<std::uint8_t>(32, 0xFF));
}

TEST(Nf4Quantize, BadWeightsShowInAbsmax) {
  const float bad[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                       -std::numeric_limits<float>::infinity(), std::bit_cast<float>(0xFFC00001u)};
  for (const float value : bad) {
    for (const std::size_t place : {0u, 63u, 64u, 70u}) {
      std::vector<float> values(71, 0.5f);
      values[place] = value;
      const Quantized result = quantize(values, 64);
      for (std::size_t block = 0; block < 2; ++block)
        EXPECT_EQ(std::isfinite(result.absmax[block]), block != place / 64) << value << " " << place;
    }
  }
}

std::vector<std::uint8_t> nested_codes_of(const std::vector<float>& scaled) {
  std::vector<std::uint8_t> codes(scaled.size());
  std::vector<float> nested((scaled.size() + 255) / 256);
  double_quantize_with_offset(scaled.data(), static_cast<std::int64_t>(scaled.size()), 0.0f, codes.data(),
                              nested.data());
  return codes;
}

TEST(DoubleQuantize, AppendixCodes) {
  const std::vector<float> scaled = {1.0f, 0.5f, 0.1f, 0.01f, 1e-3f, 1e-6f, 0.0f, -0.01f, -0.5f, -1.0f, -0.9929687f};
  EXPECT_EQ(nested_codes_of(scaled), (std::vector<std::uint8_t>{255, 219, 190, 158, 142, 128, 127, 96, 35, 0, 0}));
}

TEST(DoubleQuantize, NearestWithTiesToEven) {
  const std::vector<float> own(kDynamicMap.begin(), kDynamicMap.end());
  std::vector<std::uint8_t> expected(256);
  std::iota(expected.begin(), expected.end(), std::uint8_t{0});
  EXPECT_EQ(nested_codes_of(own), expected);

  std::vector<float> midpoints;
  std::vector<std::uint8_t> even;
  for (std::size_t i = 0; i < 255; ++i) {
    const double exact = (static_cast<double>(kDynamicMap[i]) + static_cast<double>(kDynamicMap[i + 1])) / 2;
    if (static_cast<double>(static_cast<float>(exact)) != exact) continue;
    midpoints.push_back(static_cast<float>(exact));
    even.push_back(static_cast<std::uint8_t>(i % 2 == 0 ? i : i + 1));
  }
  EXPECT_EQ(midpoints.size(), 148u);
  midpoints.push_back(1.0f);
  even.push_back(255);
  EXPECT_EQ(nested_codes_of(midpoints), even);
}

TEST(DoubleQuantize, NestedBlocksAndOffset) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(0.01f, 0.3f);
  for (const std::size_t n : {1u, 2u, 255u, 256u, 257u, 512u, 1000u, 100000u}) {
    std::vector<float> absmax(n), nested((n + 255) / 256), restored(n);
    for (float& value : absmax) value = uniform(random);
    std::vector<std::uint8_t> codes(n);
    float offset = 0;
    const auto count = static_cast<std::int64_t>(n);
    double_quantize(absmax.data(), count, &offset, codes.data(), nested.data());
    const double mean = std::accumulate(absmax.begin(), absmax.end(), 0.0) / static_cast<double>(n);
    EXPECT_NEAR(static_cast<double>(offset), mean, 1e-7 * mean);
    restore_absmax(codes.data(), nested.data(), offset, 0, count, restored.data());
    for (std::size_t block = 0; block < nested.size(); ++block) {
      float largest = 0;
      for (std::size_t i = block * 256; i < std::min(n, block * 256 + 256); ++i) {
        largest = std::fmax(largest, std::fabs(absmax[i] - offset));
        // The widest gap of the map is 0.0141 of the nested absmax; the last one 0.0071.
        EXPECT_LE(std::fabs(restored[i] - absmax[i]), 0.00705f * nested[block] + 1e-7f) << n << " " << i;
      }
      EXPECT_EQ(nested[block], largest);
    }
  }
}

TEST(DoubleQuantize, EqualValuesComeBack) {
  const std::vector<float> absmax(300, 0.125f);
  std::vector<std::uint8_t> codes(300, 9);
  std::vector<float> nested(2, 9.0f), restored(300);
  float offset = 0;
  double_quantize(absmax.data(), 300, &offset, codes.data(), nested.data());
  EXPECT_EQ(offset, 0.125f);
  EXPECT_EQ(nested, (std::vector<float>{0.0f, 0.0f}));
  EXPECT_EQ(codes, std::vector<std::uint8_t>(300, 0));
  restore_absmax(codes.data(), nested.data(), offset, 0, 300, restored.data());
  EXPECT_EQ(restored, absmax);
}

TEST(RestoreAbsmax, RoundsTwice) {
  std::mt19937 random(11);
  std::vector<std::uint8_t> codes(700);
  for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(random());
  const std::vector<float> nested = {0.0371f, 0.0913f, 0.00217f};
  const float offset = 0.0774f;
  int fused_differs = 0;
  for (const std::int64_t begin : {0, 1, 255, 256, 600}) {
    std::vector<float> out(static_cast<std::size_t>(700 - begin));
    restore_absmax(codes.data(), nested.data(), offset, begin, 700, out.data());
    for (std::size_t k = 0; k < out.size(); ++k) {
      const std::size_t i = k + static_cast<std::size_t>(begin);
      const volatile float product = kDynamicMap[codes[i]] * nested[i / 256];
      EXPECT_EQ(out[k], product + offset) << i;
      fused_differs += out[k] != std::fma(kDynamicMap[codes[i]], nested[i / 256], offset);
    }
  }
  EXPECT_GT(fused_differs, 0) << "the data cannot tell one rounding from two";
}

}  // namespace
}  // namespace vernier
