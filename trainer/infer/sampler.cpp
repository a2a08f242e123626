#include "infer/sampler.h"

#include <cmath>
#include <cstddef>

#include "base/check.h"
#include "base/error.h"
#include "base/random.h"

namespace vernier {

namespace {

// Uniform in [0, 1) with 53 bits: 24 would leave out the rare ids of a large vocabulary.
double uniform_53(std::uint64_t seed, std::uint64_t row, std::uint64_t position) {
  const RandomStream stream(seed, RandomPurpose::kSampling, row);
  const std::uint64_t high = stream.at(2 * position), low = stream.at(2 * position + 1);
  return static_cast<double>((high << 32 | low) >> 11) * 0x1p-53;
}

}  // namespace

TokenId greedy_token(std::span<const float> logits) {
  check(!logits.empty(), "logits to choose from");
  std::size_t best = 0;
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (std::isnan(logits[id])) throw Error(ErrorKind::kNumeric, "the logits hold NaN");
    if (logits[id] > logits[best]) best = id;
  }
  if (!std::isfinite(logits[best])) throw Error(ErrorKind::kNumeric, "the largest logit is infinite");
  return static_cast<TokenId>(best);
}

TokenId sample_token(std::span<const float> logits, double temperature, std::uint64_t seed, std::uint64_t row,
                     std::uint64_t position) {
  check(std::isfinite(temperature) && temperature >= 0, "a temperature of 0 or more");
  const TokenId likeliest = greedy_token(logits);
  if (temperature == 0) return likeliest;
  const double largest = logits[static_cast<std::size_t>(likeliest)];
  const auto weight = [&](std::size_t id) { return std::exp((logits[id] - largest) / temperature); };
  double total = 0;
  for (std::size_t id = 0; id < logits.size(); ++id) total += weight(id);
  const double target = uniform_53(seed, row, position) * total;
  double sum = 0;
  for (std::size_t id = 0; id < logits.size(); ++id) {
    sum += weight(id);
    if (sum > target) return static_cast<TokenId>(id);
  }
  // The product can round up to the total; the last id may have no weight at all.
  return likeliest;
}

}  // namespace vernier
