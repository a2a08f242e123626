#pragma once
// The sizes in which a step does its work: what the model allocates by, and what the memory plan counts with.

#include <algorithm>
#include <cstdint>

namespace vernier {

// What the forward pass leaves for the backward one, by number of layers: the first `all` keep everything that it
// reads; up to `attention` q, k, v, gate and up are computed again; the others keep nothing but the stream between
// their parts and compute the attention again, too. all <= attention.
struct KeptLayers {
  std::int64_t all = 0, attention = 0;
};

// Most rows of logits at a time: more are faster, for the head is read again for each chunk; a step that keeps no
// layer's activations takes few, since its logits would be the most of its working memory.
inline constexpr std::int64_t kManyLogitsRows = 256, kFewLogitsRows = 128;
inline constexpr std::int64_t most_logits_rows(const KeptLayers& kept) {
  return kept.all > 0 ? kManyLogitsRows : kFewLogitsRows;
}

// Rows of logits that exist at a time, of `targets` altogether: as few equal chunks as there can be of at most `most`
// rows and 96 MiB of f32, a chunk having at least 32 rows.
inline std::int64_t logits_rows(std::int64_t vocab, std::int64_t targets, std::int64_t most) {
  constexpr std::int64_t kLogitsBytes = std::int64_t{96} << 20;
  const std::int64_t rows = std::clamp<std::int64_t>(kLogitsBytes / (4 * vocab), 32, most);
  const std::int64_t chunks = std::max<std::int64_t>((targets + rows - 1) / rows, 1);
  return std::max<std::int64_t>((targets + chunks - 1) / chunks, 1);
}

}  // namespace vernier
