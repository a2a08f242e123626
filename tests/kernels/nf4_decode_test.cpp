// The decoders of every instruction set this machine has: each window of small tensors, the same bits everywhere. The
// buffers are exactly as large as the contract says, so that AddressSanitizer sees a read or write beyond.

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <random>
#include <vector>

#include "base/float_types.h"
#include "kernels/nf4.h"
#include "support/skips.h"

namespace vernier {
namespace {

class Nf4Decode : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!isa_supported(GetParam())) SKIP_CPU_LACKS(isa_name(GetParam()));
  }
};

struct Tensor {
  std::int64_t n, blocksize;
  std::vector<std::uint8_t> codes;
  std::vector<float> absmax;

  float value(std::int64_t i) const {
    const unsigned byte = codes[static_cast<std::size_t>(i / 2)];
    return kNf4Values[i % 2 == 0 ? byte >> 4 : byte & 15u] * absmax[static_cast<std::size_t>(i / blocksize)];
  }
};

Tensor random_tensor(std::int64_t n, std::int64_t blocksize, unsigned seed) {
  std::mt19937 random(seed);
  Tensor tensor{n, blocksize, std::vector<std::uint8_t>(static_cast<std::size_t>((n + 1) / 2)),
                std::vector<float>(static_cast<std::size_t>((n + blocksize - 1) / blocksize))};
  for (std::uint8_t& byte : tensor.codes) byte = static_cast<std::uint8_t>(random());
  std::uniform_real_distribution<float> uniform(1e-3f, 0.3f);
  for (float& value : tensor.absmax) value = uniform(random);
  return tensor;
}

void expect_window(Isa isa, const Tensor& tensor, std::int64_t begin, std::int64_t end) {
  const auto count = static_cast<std::size_t>(end - begin);
  std::vector<float> f32(count);
  std::vector<std::uint16_t> bf16(count);
  const Nf4Kernels& kernels = nf4_kernels(isa);
  kernels.decode_f32(tensor.codes.data(), tensor.absmax.data(), tensor.blocksize, begin, end, f32.data());
  kernels.decode_bf16(tensor.codes.data(), tensor.absmax.data(), tensor.blocksize, begin, end, bf16.data());
  for (std::size_t k = 0; k < count; ++k) {
    const float exact = tensor.value(begin + static_cast<std::int64_t>(k));
    ASSERT_EQ(std::bit_cast<std::uint32_t>(f32[k]), std::bit_cast<std::uint32_t>(exact))
        << "blocksize " << tensor.blocksize << " [" << begin << ", " << end << ") at " << k;
    ASSERT_EQ(bf16[k], f32_to_bf16(exact))
        << "blocksize " << tensor.blocksize << " [" << begin << ", " << end << ") at " << k;
  }
}

TEST_P(Nf4Decode, EveryWindow) {
  for (const auto& [n, blocksize] : {std::pair<std::int64_t, std::int64_t>{135, 32}, {150, 64}, {131, 128}}) {
    const Tensor tensor = random_tensor(n, blocksize, 5);
    for (std::int64_t begin = 0; begin <= n; begin += 2)
      for (std::int64_t end = begin; end <= n; ++end) expect_window(GetParam(), tensor, begin, end);
  }
}

TEST_P(Nf4Decode, EveryBlocksize) {
  for (std::int64_t blocksize = 32; blocksize <= 4096; blocksize *= 2) {
    const Tensor tensor = random_tensor(20011, blocksize, static_cast<unsigned>(blocksize));
    expect_window(GetParam(), tensor, 0, tensor.n);
    expect_window(GetParam(), tensor, 4098, 12345);
  }
}

TEST_P(Nf4Decode, EveryByteAtEveryPlace) {
  Tensor tensor = random_tensor(128 * 256, 64, 1);
  for (std::size_t j = 0; j < tensor.codes.size(); ++j) tensor.codes[j] = static_cast<std::uint8_t>(j + j / 64);
  expect_window(GetParam(), tensor, 0, tensor.n);
}

// Zero, negative (a restored absmax can be), denormal, huge, Inf and NaN: Inf * 0 is a NaN that the rounding keeps.
TEST_P(Nf4Decode, OddAbsmaxes) {
  Tensor tensor = random_tensor(64 * 9, 64, 2);
  constexpr float kInf = std::numeric_limits<float>::infinity();
  tensor.absmax = {0.0f,
                   -0.0f,
                   -0.125f,
                   1e-40f,
                   3.4e38f,
                   kInf,
                   -kInf,
                   std::bit_cast<float>(0x7FC00000u),
                   std::bit_cast<float>(0x7FFFFFFFu)};
  expect_window(GetParam(), tensor, 0, 64 * 5);
  const Nf4Kernels& kernels = nf4_kernels(GetParam());
  const Nf4Kernels& scalar = nf4_kernels(Isa::kScalar);
  std::vector<std::uint16_t> ours(64 * 4), reference(64 * 4);
  kernels.decode_bf16(tensor.codes.data(), tensor.absmax.data(), 64, 64 * 5, tensor.n, ours.data());
  scalar.decode_bf16(tensor.codes.data(), tensor.absmax.data(), 64, 64 * 5, tensor.n, reference.data());
  const auto is_nan = [](std::uint16_t bits) { return (bits & 0x7FFF) > 0x7F80; };
  // The sign of a NaN is the compiler's to choose: -1 * x may become a negation.
  for (std::size_t i = 0; i < ours.size(); ++i)
    EXPECT_TRUE(ours[i] == reference[i] || (is_nan(ours[i]) && is_nan(reference[i]))) << i;
  for (std::size_t i = 128; i < 256; ++i) EXPECT_TRUE(is_nan(ours[i])) << i;
}

// Products that lie exactly half way between two bf16 values, and one ulp to either side.
TEST_P(Nf4Decode, Bf16TiesGoToEven) {
  Tensor tensor{64 * 6, 64, std::vector<std::uint8_t>(32 * 6, 0x0F), {}};
  for (const std::uint32_t bits : {0x3F808000u, 0x3F818000u, 0x3F807FFFu, 0x3F808001u, 0x3F817FFFu, 0x7F7F8000u})
    tensor.absmax.push_back(std::bit_cast<float>(bits));
  std::vector<std::uint16_t> out(64 * 6);
  nf4_kernels(GetParam()).decode_bf16(tensor.codes.data(), tensor.absmax.data(), 64, 0, tensor.n, out.data());
  const std::uint16_t expected[] = {0x3F80, 0x3F82, 0x3F80, 0x3F81, 0x3F81, 0x7F80};
  for (std::size_t block = 0; block < 6; ++block) {
    EXPECT_EQ(out[block * 64 + 1], expected[block]) << block;
    EXPECT_EQ(out[block * 64], expected[block] | 0x8000) << block;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Nf4Decode, testing::Values(Isa::kScalar, Isa::kAvx2, Isa::kAvx512),
                         [](const auto& instance) { return std::string(isa_name(instance.param)); });

TEST(Nf4DecodeVector, Appendix) {
  std::vector<float> values;
  for (int i = 0; i < 64; ++i) values.push_back(static_cast<float>(37 * i % 64 - 31) / 128.0f);
  std::vector<std::uint8_t> codes(32);
  float absmax = 0;
  nf4_quantize(values.data(), 64, 64, codes.data(), &absmax);
  std::vector<float> f32(8);
  std::vector<std::uint16_t> bf16(8);
  nf4_kernels(Isa::kScalar).decode_f32(codes.data(), &absmax, 64, 0, 8, f32.data());
  nf4_kernels(Isa::kScalar).decode_bf16(codes.data(), &absmax, 64, 0, 8, bf16.data());
  constexpr std::uint32_t kF32[] = {0xBE800000u, 0x3D24CAE3u, 0xBE3239B1u, 0x3DE1A4B8u,
                                    0xBDCA32A0u, 0x3E3913B3u, 0x00000000u, 0xBE800000u};
  constexpr std::uint16_t kBf16[] = {0xBE80, 0x3D25, 0xBE32, 0x3DE2, 0xBDCA, 0x3E39, 0x0000, 0xBE80};
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(f32[i]), kF32[i]) << i;
    EXPECT_EQ(bf16[i], kBf16[i]) << i;
  }
}

}  // namespace
}  // namespace vernier
