#include "train/evaluate.h"

#include <algorithm>
#include <numeric>

namespace vernier {

TokenBatch as_token_batch(const MicroBatch& micro) {
  return {micro.input_ids, micro.targets, micro.positions, micro.row_starts};
}

Evaluation evaluate(const Decoder& model, const Device& device, const Dataset& dataset, std::int64_t micro_batch_size,
                    Arena& arena, const std::function<void(std::int64_t)>& progress) {
  Evaluation evaluation;
  double sum = 0;
  for (std::int64_t first = 0; first < dataset.size(); first += micro_batch_size) {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(std::min(micro_batch_size, dataset.size() - first)));
    std::iota(rows.begin(), rows.end(), first);
    const MicroBatch micro = make_micro_batch(dataset, rows);
    if (micro.tokens() > 0) {
      const LossSum part = evaluate_loss(model, device, as_token_batch(micro), arena);
      sum += part.loss;
      evaluation.targets += part.targets;
    }
    evaluation.tokens += micro.tokens();
    if (progress) progress(first + static_cast<std::int64_t>(rows.size()));
  }
  evaluation.loss = evaluation.targets > 0 ? sum / static_cast<double>(evaluation.targets) : 0;
  return evaluation;
}

}  // namespace vernier
