#include "base/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <vector>

namespace vernier {
namespace {

using Block = std::array<std::uint32_t, 4>;

// The known answers of the authors' Random123 library for philox4x32 with ten rounds.
TEST(Philox, KnownAnswers) {
  constexpr std::uint32_t kOnes = 0xFFFFFFFF;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Block{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}));
  EXPECT_EQ(philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Block{0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}));
  EXPECT_EQ(philox({0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344}, {0xA4093822, 0x299F31D0}),
            (Block{0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}));
}

TEST(RandomStream, IsAFunctionOfItsArguments) {
  const RandomStream one(42, RandomPurpose::kDropout, 3, 5), same(42, RandomPurpose::kDropout, 3, 5);
  for (std::uint64_t i = 100; i-- > 0;) EXPECT_EQ(one.at(i), same.at(i));
}

TEST(RandomStream, EveryArgumentTellsStreamsApart) {
  const std::vector<RandomStream> streams = {RandomStream(42, RandomPurpose::kDropout, 3, 5),
                                             RandomStream(43, RandomPurpose::kDropout, 3, 5),
                                             RandomStream(42, RandomPurpose::kLoraInit, 3, 5),
                                             RandomStream(42, RandomPurpose::kDropout, 4, 5),
                                             RandomStream(42, RandomPurpose::kDropout, 3, 6),
                                             RandomStream(42, RandomPurpose::kDropout, 5, 3),
                                             RandomStream(42 + (1ull << 32), RandomPurpose::kDropout, 3, 5),
                                             RandomStream(42, RandomPurpose::kDropout, 3 + (1ull << 32), 5)};
  for (std::size_t a = 0; a < streams.size(); ++a)
    for (std::size_t b = a + 1; b < streams.size(); ++b) {
      int equal = 0;
      for (std::uint64_t i = 0; i < 1000; ++i) equal += streams[a].at(i) == streams[b].at(i);
      EXPECT_LE(equal, 1) << a << " and " << b;
    }
}

TEST(RandomStream, IndicesBeyond32BitsDiffer) {
  const RandomStream stream(1, RandomPurpose::kSampling);
  std::set<std::uint32_t> seen;
  for (unsigned shift = 0; shift < 62; ++shift) seen.insert(stream.at(std::uint64_t{4} << shift >> 2 << 2));
  EXPECT_GE(seen.size(), 58u);
}

TEST(RandomStream, UniformIsUniform) {
  const RandomStream stream(9, RandomPurpose::kDropout, 1, 2);
  constexpr int kCount = 200000, kBins = 20;
  std::vector<int> bins(kBins);
  double sum = 0, squares = 0;
  for (int i = 0; i < kCount; ++i) {
    const float value = stream.uniform(static_cast<std::uint64_t>(i));
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    ++bins[static_cast<std::size_t>(value * kBins)];
    sum += value;
    squares += double{value} * value;
  }
  EXPECT_NEAR(sum / kCount, 0.5, 5 * std::sqrt(1.0 / 12 / kCount));
  EXPECT_NEAR(squares / kCount, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / kCount));
  for (const int bin : bins) EXPECT_NEAR(bin, kCount / kBins, 5 * std::sqrt(double{kCount} / kBins));
}

TEST(KeyedPermutation, IsABijectionForEverySmallN) {
  for (std::uint64_t n = 1; n <= 2000; ++n) {
    const KeyedPermutation permutation(n, 42, RandomPurpose::kShuffle, n % 3);
    std::vector<bool> hit(n);
    for (std::uint64_t i = 0; i < n; ++i) {
      const std::uint64_t value = permutation(i);
      ASSERT_LT(value, n);
      ASSERT_FALSE(hit[value]) << "n " << n << " index " << i;
      hit[value] = true;
    }
  }
}

TEST(KeyedPermutation, IsABijectionForALargeN) {
  for (const std::uint64_t n : {65536ull, 65537ull}) {
    const KeyedPermutation permutation(n, 1, RandomPurpose::kSplit, 0);
    std::vector<bool> hit(n);
    for (std::uint64_t i = 0; i < n; ++i) {
      const std::uint64_t value = permutation(i);
      ASSERT_LT(value, n);
      ASSERT_FALSE(hit[value]);
      hit[value] = true;
    }
  }
}

TEST(KeyedPermutation, ReachesTheEndsOf64Bits) {
  for (const std::uint64_t n : {(1ul << 40) + 1, (1ul << 63) + 12345, std::numeric_limits<std::uint64_t>::max()}) {
    const KeyedPermutation permutation(n, 5, RandomPurpose::kShuffle, 7);
    std::set<std::uint64_t> seen;
    for (std::uint64_t i = 0; i < 500; ++i) {
      seen.insert(permutation(i));
      seen.insert(permutation(n - 1 - i));
    }
    EXPECT_EQ(seen.size(), 1000u);
    EXPECT_LT(*seen.rbegin(), n);
    EXPECT_GT(*seen.rbegin(), n / 2);
  }
}

TEST(KeyedPermutation, SeedEpochAndPurposeChangeTheOrder) {
  constexpr std::uint64_t kN = 1000;
  const KeyedPermutation base(kN, 42, RandomPurpose::kShuffle, 0);
  for (const KeyedPermutation& other :
       {KeyedPermutation(kN, 43, RandomPurpose::kShuffle, 0), KeyedPermutation(kN, 42, RandomPurpose::kShuffle, 1),
        KeyedPermutation(kN, 42, RandomPurpose::kSplit, 0)}) {
    int fixed = 0;
    for (std::uint64_t i = 0; i < kN; ++i) fixed += base(i) == other(i);
    EXPECT_LT(fixed, 10) << "about one is expected";
  }
}

TEST(KeyedPermutation, MixesNeighbours) {
  constexpr std::uint64_t kN = 10000;
  const KeyedPermutation permutation(kN, 3, RandomPurpose::kShuffle, 0);
  int rising = 0;
  double moved = 0;
  for (std::uint64_t i = 0; i + 1 < kN; ++i) {
    rising += permutation(i) < permutation(i + 1);
    moved += std::abs(static_cast<double>(permutation(i)) - static_cast<double>(i));
  }
  EXPECT_NEAR(rising, kN / 2, 5 * std::sqrt(kN / 12.0));
  EXPECT_NEAR(moved / kN, kN / 3.0, kN * 0.02);
}

// Every order of three elements is about as likely: counts over epochs.
TEST(KeyedPermutation, OrdersOfThreeAreEven) {
  std::array<int, 27> counts{};
  constexpr int kEpochs = 6000;
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    const KeyedPermutation permutation(3, 11, RandomPurpose::kShuffle, static_cast<std::uint64_t>(epoch));
    ++counts[permutation(0) * 9 + permutation(1) * 3 + permutation(2)];
  }
  for (const std::size_t order : {5, 7, 11, 15, 19, 21}) EXPECT_NEAR(counts[order], kEpochs / 6, 150) << order;
}

TEST(KeyedPermutationDeathTest, RefusesNothingAndIndicesBeyondTheEnd) {
  EXPECT_DEATH(KeyedPermutation(0, 1, RandomPurpose::kShuffle, 0), "a permutation of nothing");
  const KeyedPermutation permutation(3, 1, RandomPurpose::kShuffle, 0);
  EXPECT_DEATH(permutation(3), "beyond its end");
}

}  // namespace
}  // namespace vernier
