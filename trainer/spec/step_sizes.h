#pragma once
// The sizes in which a step does its work: what the model allocates by, and what the memory plan counts with.

#include <algorithm>
#include <cstdint>

namespace vernier {

// Rows of logits that exist at a time, of `targets` altogether: as few equal chunks as there can be of at most 256 rows
// and 96 MiB of f32, a chunk having at least 32 rows.
inline std::int64_t logits_rows(std::int64_t vocab, std::int64_t targets) {
  constexpr std::int64_t kLogitsBytes = std::int64_t{96} << 20;
  const std::int64_t most = std::clamp<std::int64_t>(kLogitsBytes / (4 * vocab), 32, 256);
  const std::int64_t chunks = std::max<std::int64_t>((targets + most - 1) / most, 1);
  return std::max<std::int64_t>((targets + chunks - 1) / chunks, 1);
}

inline std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace vernier
