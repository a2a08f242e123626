#include "kernels/peak.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace vernier {
namespace {

std::vector<Isa> isas() {
  std::vector<Isa> found;
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512})
    if (isa_supported(isa)) found.push_back(isa);
  return found;
}

TEST(Peak, EveryTableHasItsLoops) {
  for (const Isa isa : isas()) {
    const PeakKernels& kernels = peak_kernels(isa);
    EXPECT_EQ(kernels.multiply_bf16 != nullptr, isa == Isa::kAvx512) << isa_name(isa);
    EXPECT_EQ(kernels.bf16_flops, isa == Isa::kAvx512 ? 2 * kernels.f32_flops : 0) << isa_name(isa);
    EXPECT_GT(multiply_rate(kernels, PeakLoop::kF32, 1e-3), 0) << isa_name(isa);
  }
  if (bf16_supported()) {
    EXPECT_GT(multiply_rate(peak_kernels(Isa::kAvx512), PeakLoop::kBF16, 1e-3), 0);
  }
}

// The sums do not run away, where arithmetic could be slow, and depend on the rounds.
TEST(Peak, SumsStayFiniteAndAreComputed) {
  for (const Isa isa : isas()) {
    const PeakKernels& kernels = peak_kernels(isa);
    EXPECT_NE(kernels.multiply_f32(0), kernels.multiply_f32(1)) << isa_name(isa);
    EXPECT_TRUE(std::isfinite(kernels.multiply_f32(100000))) << isa_name(isa);
    if (kernels.multiply_bf16 == nullptr || !bf16_supported()) continue;
    EXPECT_NE(kernels.multiply_bf16(0), kernels.multiply_bf16(100000));
    EXPECT_TRUE(std::isfinite(kernels.multiply_bf16(100000)));
  }
}

TEST(Peak, ReadSeesEveryWord) {
  std::vector<std::uint32_t> words(256 * 3 / 4);
  for (const Isa isa : isas()) {
    const auto bytes = static_cast<std::int64_t>(words.size() * 4);
    EXPECT_EQ(peak_kernels(isa).read(words.data(), bytes), 0u);
    for (std::size_t i = 0; i < words.size(); ++i) {
      words[i] = 0x1234u + static_cast<std::uint32_t>(i);
      EXPECT_EQ(peak_kernels(isa).read(words.data(), bytes), words[i]) << isa_name(isa);
      words[i] = 0;
    }
    EXPECT_GT(read_rate(peak_kernels(isa), words.data(), bytes, 1e-3), 0);
  }
}

}  // namespace
}  // namespace vernier
