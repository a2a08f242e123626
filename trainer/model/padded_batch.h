#pragma once
// A batch rounded up to a few sizes. Matrix libraries compile and keep code for every shape they meet (oneDNN about a
// megabyte for each), so that row lengths which differ from step to step would fill the memory. The tokens that are
// added form a row of their own without targets: nothing sees them, and their gradients are zero.

#include <cstdint>
#include <vector>

#include "model/pass.h"

namespace vernier {

// As many tokens as padded_tokens (spec/step_sizes.h) gives.
class PaddedBatch {
 public:
  // Copies the batch. Precondition: every span of it is filled.
  explicit PaddedBatch(const TokenBatch& batch);

  // With the row that was added; valid while this lives.
  TokenBatch batch() const;

 private:
  std::vector<std::int32_t> input_ids_, targets_, positions_, row_starts_;
  std::int64_t step_, first_row_in_step_;
};

}  // namespace vernier
