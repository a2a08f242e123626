#include "model/padded_batch.h"

#include "spec/step_sizes.h"

namespace vernier {

PaddedBatch::PaddedBatch(const TokenBatch& batch)
    : input_ids_(batch.input_ids.begin(), batch.input_ids.end()),
      targets_(batch.targets.begin(), batch.targets.end()),
      positions_(batch.positions.begin(), batch.positions.end()),
      row_starts_(batch.row_starts.begin(), batch.row_starts.end()),
      step_(batch.step),
      first_row_in_step_(batch.first_row_in_step) {
  const auto size = static_cast<std::size_t>(padded_tokens(batch.tokens()));
  if (size == input_ids_.size()) return;
  input_ids_.resize(size, 0);
  targets_.resize(size, -1);
  positions_.resize(size, 0);
  row_starts_.push_back(static_cast<std::int32_t>(size));
}

TokenBatch PaddedBatch::batch() const {
  return {input_ids_, targets_, positions_, row_starts_, step_, first_row_in_step_};
}

}  // namespace vernier
