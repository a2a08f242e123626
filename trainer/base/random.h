#pragma once
// Random numbers without state: Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as
// 1, 2, 3") keyed by what the number is for, so that a resume needs only the step, and N processes equal one.

#include <array>
#include <cstdint>

namespace vernier {

enum class RandomPurpose : std::uint32_t {
  kShuffle = 1,
  kLoraInit = 2,
  kDropout = 3,
  kSampling = 4,
  kSplit = 5,
};

// The 128-bit block of Philox4x32-10 for a 128-bit counter and a 64-bit key.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// A stream of numbers for one (seed, purpose, a, b): `a` and `b` are whatever tells streams apart (an epoch, a step, a
// module). at(i) is the i-th 32-bit number; the same arguments give the same number on every machine.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, RandomPurpose purpose, std::uint64_t a = 0, std::uint32_t b = 0);

  std::uint32_t at(std::uint64_t index) const;
  // Uniform in [0, 1) with 24 bits.
  float uniform(std::uint64_t index) const;

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 2> high_;
};

// A keyed bijection of [0, n), evaluated at one index in O(1) memory and expected O(1) time: a balanced Feistel network
// over the next even number of bits, walked until the value falls below n (Black, Rogaway 2002, "Ciphers with arbitrary
// finite domains").
class KeyedPermutation {
 public:
  // Precondition: n > 0.
  KeyedPermutation(std::uint64_t n, std::uint64_t seed, RandomPurpose purpose, std::uint64_t epoch);

  // Precondition: index < n.
  std::uint64_t operator()(std::uint64_t index) const;

 private:
  std::uint64_t encrypt(std::uint64_t value) const;

  std::uint64_t n_;
  unsigned half_bits_;
  std::array<std::uint32_t, 2> key_;
  std::uint32_t epoch_low_, epoch_high_;
};

}  // namespace vernier
