#include "base/random.h"

#include <bit>

#include "base/check.h"

namespace vernier {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  constexpr std::uint64_t kM0 = 0xD2511F53, kM1 = 0xCD9E8D57;
  constexpr std::uint32_t kW0 = 0x9E3779B9, kW1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = kM0 * counter[0], p1 = kM1 * counter[2];
    counter = {static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(p1),
               static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key[0] += kW0;
    key[1] += kW1;
  }
  return counter;
}

namespace {

std::array<std::uint32_t, 2> derive_key(std::uint64_t seed, RandomPurpose purpose) {
  const auto block = philox({static_cast<std::uint32_t>(purpose), 0, 0, 0},
                            {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  return {block[0], block[1]};
}

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, RandomPurpose purpose, std::uint64_t a, std::uint32_t b)
    : key_(derive_key(seed, purpose)), high_() {
  const auto block = philox({static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(a >> 32), b, 1}, key_);
  high_ = {block[0], block[1]};
}

std::uint32_t RandomStream::at(std::uint64_t index) const {
  const std::uint64_t block_index = index / 4;
  const auto block = philox(
      {static_cast<std::uint32_t>(block_index), static_cast<std::uint32_t>(block_index >> 32), high_[0], high_[1]},
      key_);
  return block[index % 4];
}

float RandomStream::uniform(std::uint64_t index) const {
  return static_cast<float>(at(index) >> 8) * 0x1p-24f;
}

KeyedPermutation::KeyedPermutation(std::uint64_t n, std::uint64_t seed, RandomPurpose purpose, std::uint64_t epoch)
    : n_(n),
      half_bits_(1),
      key_(derive_key(seed, purpose)),
      epoch_low_(static_cast<std::uint32_t>(epoch)),
      epoch_high_(static_cast<std::uint32_t>(epoch >> 32)) {
  check(n > 0, "a permutation of nothing");
  const auto bits = static_cast<unsigned>(std::bit_width(n - 1));
  half_bits_ = bits < 2 ? 1 : (bits + 1) / 2;
}

std::uint64_t KeyedPermutation::encrypt(std::uint64_t value) const {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t left = value >> half_bits_, right = value & mask;
  for (std::uint32_t round = 0; round < 6; ++round) {
    const auto block = philox({static_cast<std::uint32_t>(right), round, epoch_low_, epoch_high_}, key_);
    const std::uint64_t mixed = left ^ ((block[0] | static_cast<std::uint64_t>(block[1]) << 32) & mask);
    left = right;
    right = mixed;
  }
  return left << half_bits_ | right;
}

std::uint64_t KeyedPermutation::operator()(std::uint64_t index) const {
  check(index < n_, "a permutation's index beyond its end");
  std::uint64_t value = encrypt(index);
  while (value >= n_) value = encrypt(value);
  return value;
}

}  // namespace vernier
