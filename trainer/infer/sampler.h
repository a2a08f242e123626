#pragma once
// The next token out of a row of logits: the most likely one, or one drawn from softmax(logits / temperature) by
// inverting its cumulative sum. A draw is keyed by (seed, row, position) and by nothing else, so that a row's
// completion does not depend on which rows were generated before it.

#include <cstdint>
#include <span>

#include "data/tokenizer.h"

namespace vernier {

// The largest logit's id, the lowest id among equals. Error(kNumeric) without a place for a NaN or a largest logit that
// is not finite. Precondition: not empty.
TokenId greedy_token(std::span<const float> logits);

// One draw; greedy at temperature 0. Errors as above. Precondition: temperature is finite and not negative.
TokenId sample_token(std::span<const float> logits, double temperature, std::uint64_t seed, std::uint64_t row,
                     std::uint64_t position);

}  // namespace vernier
