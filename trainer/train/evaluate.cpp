#include "train/evaluate.h"

#include <algorithm>
#include <numeric>

namespace vernier {

TokenBatch as_token_batch(const MicroBatch& micro) {
  return {micro.input_ids, micro.targets, micro.positions, micro.row_starts};
}

void evaluate(const Decoder& model, const Device& device, const Dataset& dataset, std::int64_t micro_batch_size,
              Arena& arena, Evaluation& evaluation, const std::function<void()>& progress) {
  while (evaluation.rows < dataset.size()) {
    const std::int64_t count = std::min(micro_batch_size, dataset.size() - evaluation.rows);
    std::vector<std::int64_t> rows(static_cast<std::size_t>(count));
    std::iota(rows.begin(), rows.end(), evaluation.rows);
    const MicroBatch micro = make_micro_batch(dataset, rows);
    if (micro.tokens() > 0) {
      const LossSum part = evaluate_loss(model, device, as_token_batch(micro), arena);
      evaluation.loss_sum += part.loss;
      evaluation.targets += part.targets;
    }
    evaluation.tokens += micro.tokens();
    evaluation.rows += count;
    if (progress) progress();
  }
}

}  // namespace vernier
