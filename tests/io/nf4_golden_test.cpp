// The NF4 goldens (tests/golden/nf4, made by tests/golden/scripts/gen_nf4.py and cut by subset_nf4.py): bitsandbytes'
// CUDA rule, byte for byte. Stated exceptions: an all-zero block is 0x77 here, and a block below 1e-38 has no answer.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "kernels/nf4.h"

namespace vernier {
namespace {

constexpr std::int64_t kBlocksize = 64;
constexpr float kSmallestAbsmax = 1e-38f;

class Nf4Golden : public testing::TestWithParam<const char*> {
 protected:
  template <typename T>
  std::vector<T> get(const std::string& suffix) const {
    const SafeTensor& tensor = file_.at(GetParam() + suffix);
    std::vector<T> values(static_cast<std::size_t>(tensor.elements()));
    EXPECT_EQ(tensor.bytes.size(), values.size() * sizeof(T)) << tensor.name;
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
    return values;
  }

  std::vector<float> input() const {
    if (file_.at(std::string(GetParam()) + ".input").dtype == Dtype::kF32) return get<float>(".input");
    std::vector<float> values;
    for (const std::uint16_t bits : get<std::uint16_t>(".input")) values.push_back(bf16_to_f32(bits));
    return values;
  }

  SafetensorsFile file_{std::string(VERNIER_SOURCE_DIR) + "/tests/golden/nf4/nf4.safetensors"};
};

std::int64_t size_of(const auto& values) {
  return static_cast<std::int64_t>(values.size());
}

// memcmp by elements: tells where.
template <typename T>
void expect_bits(const std::vector<T>& ours, const std::vector<T>& golden, const char* what) {
  ASSERT_EQ(ours.size(), golden.size()) << what;
  for (std::size_t i = 0; i < ours.size(); ++i)
    ASSERT_EQ(std::memcmp(&ours[i], &golden[i], sizeof(T)), 0)
        << what << " at " << i << ": " << +ours[i] << " is not " << +golden[i];
}

TEST_P(Nf4Golden, Quantize) {
  const std::vector<float> values = input();
  std::vector<std::uint8_t> codes((values.size() + 1) / 2), expected = get<std::uint8_t>(".nf4.cuda.packed");
  std::vector<float> absmax((values.size() + 63) / 64);
  nf4_quantize(values.data(), size_of(values), kBlocksize, codes.data(), absmax.data());
  expect_bits(absmax, get<float>(".nf4.cuda.absmax"), "absmax");
  ASSERT_EQ(codes.size(), expected.size());
  for (std::size_t j = 0; j < codes.size(); ++j) {
    const float block_absmax = absmax[2 * j / 64];
    if (block_absmax == 0.0f) {
      EXPECT_EQ(codes[j], 0x77) << j;
    } else if (block_absmax >= kSmallestAbsmax) {
      ASSERT_EQ(codes[j], expected[j]) << "byte " << j;
    }
  }
  std::vector<float> decoded(values.size());
  nf4_kernels(Isa::kScalar).decode_f32(codes.data(), absmax.data(), kBlocksize, 0, size_of(values), decoded.data());
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_LE(std::fabs(decoded[i] - values[i]), 0.16f * absmax[i / 64]) << i;
}

TEST_P(Nf4Golden, DoubleQuantize) {
  const std::vector<float> absmax = get<float>(".nf4.bnbcpu.absmax");
  const float golden_offset = get<float>(".nf4.dq.offset").at(0);
  std::vector<std::uint8_t> codes(absmax.size());
  std::vector<float> nested((absmax.size() + 255) / 256), restored(absmax.size());
  float offset = -1.0f;
  double_quantize(absmax.data(), size_of(absmax), &offset, codes.data(), nested.data());
  EXPECT_LE(std::fabs(offset - golden_offset), 1e-6f * std::fabs(golden_offset));

  double_quantize_with_offset(absmax.data(), size_of(absmax), golden_offset, codes.data(), nested.data());
  expect_bits(codes, get<std::uint8_t>(".nf4.dq.exact.absmax_u8"), "nested codes");
  expect_bits(nested, get<float>(".nf4.dq.exact.nested_absmax"), "nested absmax");
  restore_absmax(codes.data(), nested.data(), golden_offset, 0, size_of(absmax), restored.data());
  expect_bits(restored, get<float>(".nf4.dq.exact.absmax_restored"), "restored absmax");
}

// The large tensors carry no decoded weights.
class Nf4GoldenDecoded : public Nf4Golden {};

TEST_P(Nf4GoldenDecoded, EveryIsa) {
  const std::vector<std::uint8_t> codes = get<std::uint8_t>(".nf4.bnbcpu.packed");
  const std::vector<float> absmax = get<float>(".nf4.bnbcpu.absmax");
  const std::vector<float> restored = get<float>(".nf4.dq.exact.absmax_restored");
  const std::vector<float> expected = get<float>(".nf4.bnbcpu.deq_f32");
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    if (!isa_supported(isa)) continue;
    std::vector<float> f32(expected.size());
    std::vector<std::uint16_t> bf16(expected.size());
    const Nf4Kernels& kernels = nf4_kernels(isa);
    kernels.decode_f32(codes.data(), absmax.data(), kBlocksize, 0, size_of(f32), f32.data());
    expect_bits(f32, expected, "f32");
    kernels.decode_bf16(codes.data(), absmax.data(), kBlocksize, 0, size_of(f32), bf16.data());
    expect_bits(bf16, get<std::uint16_t>(".nf4.bnbcpu.deq_bf16"), "bf16");
    kernels.decode_bf16(codes.data(), restored.data(), kBlocksize, 0, size_of(f32), bf16.data());
    expect_bits(bf16, get<std::uint16_t>(".nf4.dq.exact.deq_bf16"), "bf16 with the restored absmax");
  }
}

INSTANTIATE_TEST_SUITE_P(Tensors, Nf4Golden,
                         testing::Values("rand_f32_64x172", "rand_bf16_24x172", "rand_f32_48x352", "rand_bf16_10x352",
                                         "odd_f32_7x33", "tail_bf16_3x50", "zero_block_f32_4x64", "all_zero_f32_2x64",
                                         "outlier_f32_4x64", "denormal_f32_4x64", "thresholds_f32_2x64",
                                         "stories_l0_down_f32_64x172", "stories_l2_q_bf16_64x64"),
                         [](const auto& instance) { return std::string(instance.param); });

INSTANTIATE_TEST_SUITE_P(Tensors, Nf4GoldenDecoded,
                         testing::Values("rand_bf16_10x352", "odd_f32_7x33", "tail_bf16_3x50", "zero_block_f32_4x64",
                                         "all_zero_f32_2x64", "outlier_f32_4x64"),
                         [](const auto& instance) { return std::string(instance.param); });

TEST(Nf4GoldenFile, AllTensorsAreHere) {
  const SafetensorsFile file(std::string(VERNIER_SOURCE_DIR) + "/tests/golden/nf4/nf4.safetensors");
  int inputs = 0, decoded = 0;
  for (const SafeTensor& tensor : file.tensors()) {
    inputs += tensor.name.ends_with(".input");
    decoded += tensor.name.ends_with(".nf4.bnbcpu.deq_bf16");
  }
  EXPECT_EQ(inputs, 13);
  EXPECT_EQ(decoded, 6);
  const SafeTensor& map = file.at("dynamic_map_signed");
  ASSERT_EQ(map.bytes.size(), sizeof kDynamicMap);
  EXPECT_EQ(std::memcmp(map.bytes.data(), kDynamicMap.data(), sizeof kDynamicMap), 0);
  const SafeTensor& codebook = file.at("nf4_map");
  ASSERT_EQ(codebook.bytes.size(), sizeof kNf4Values);
  EXPECT_EQ(std::memcmp(codebook.bytes.data(), kNf4Values.data(), sizeof kNf4Values), 0);
}

}  // namespace
}  // namespace vernier
