#pragma once
// The sizes in which a step does its work: what the model allocates by, and what the memory plan counts with.

#include <algorithm>
#include <cstdint>

namespace vernier {

// Queries of one head whose scores exist at a time.
inline constexpr std::int64_t kQueryBlock = 128;

// Rows of the head matrix at a time.
inline constexpr std::int64_t kVocabSlice = 8192;

// Rows of logits that exist at a time are a multiple of this.
inline constexpr std::int64_t kLogitsRowMultiple = 32;

// Most rows of logits at a time: 32 MiB of f32, at least one multiple.
inline std::int64_t logits_rows(std::int64_t vocab) {
  constexpr std::int64_t kLogitsBytes = std::int64_t{32} << 20;
  return std::clamp<std::int64_t>(kLogitsBytes / (4 * vocab) / kLogitsRowMultiple * kLogitsRowMultiple,
                                  kLogitsRowMultiple, 512);
}

inline std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// The tokens of a micro batch rounded up to one of few sizes (model/padded_batch.h says why).
inline std::int64_t padded_tokens(std::int64_t tokens) {
  return round_up(tokens, 64);
}

}  // namespace vernier
