#include "train/train_step.h"

#include <algorithm>
#include <cmath>

#include "base/stopwatch.h"
#include "optim/clip.h"
#include "train/evaluate.h"

namespace vernier {

TrainStep::TrainStep(const Parts& parts, const OptimizerConfig& optimizer, std::int64_t total_steps, Memory memory)
    : parts_(parts), max_grad_norm_(optimizer.max_grad_norm), schedule_(optimizer, total_steps), kept_(memory.kept) {
  arena_.reserve(memory.step_bytes);
}

TrainStep::Losses TrainStep::accumulate(std::int64_t step, const StepBatch& batch, double targets,
                                        const Progress& progress) {
  const Stopwatch watch;
  const auto all_tokens = static_cast<double>(std::max<std::int64_t>(batch.tokens, 1));
  Losses losses;
  std::int64_t first_row = 0, tokens_done = 0;
  for (const MicroBatch& micro : batch.micro) {
    TokenBatch tokens = as_token_batch(micro);
    tokens.step = step;
    tokens.first_row_in_step = first_row;
    first_row += static_cast<std::int64_t>(micro.rows.size());
    const auto tell = [&](double share) {
      const double done = static_cast<double>(tokens_done) + share * static_cast<double>(micro.tokens());
      if (progress) progress(done / all_tokens, watch.seconds());
    };
    if (micro.trained_tokens() > 0) {
      const LossSum part =
          loss_and_gradients(parts_.model, parts_.device, tokens, static_cast<float>(1 / targets), kept_, arena_, tell);
      losses.sum += part.loss;
      if (!std::isfinite(part.loss) && losses.bad.rows.empty())
        losses.bad = {micro.rows, first_bad_output(parts_.model, parts_.device, tokens, arena_)};
    }
    tokens_done += micro.tokens();
  }
  return losses;
}

StepMetrics TrainStep::take(std::int64_t step, const Progress& progress) {
  const Stopwatch watch;
  const StepBatch batch = parts_.batches.step(step);
  StepMetrics metrics;
  metrics.step = step + 1;
  metrics.epoch = batch.epoch;
  metrics.learning_rate = schedule_.rate(step);
  metrics.tokens = batch.tokens;
  metrics.trained_tokens = batch.trained_tokens;
  if (batch.trained_tokens == 0) {
    metrics.skipped = SkippedStep{"no target in its rows", "", parts_.batches.row_indices(step), false};
    metrics.step_seconds = watch.seconds();
    return metrics;
  }
  const auto targets = static_cast<double>(batch.trained_tokens);
  LoraParameters& lora = *parts_.model.lora;
  lora.gradients().zero_();
  const Losses losses = accumulate(step, batch, targets, progress);
  metrics.loss = losses.sum / targets;
  metrics.grad_norm = gradient_norm(lora.gradients(), parts_.device);
  const float clip = clip_factor(metrics.grad_norm, max_grad_norm_);
  metrics.skipped = find_bad_numbers(metrics.loss, metrics.grad_norm, clip, lora, parts_.device, losses.bad,
                                     parts_.batches.row_indices(step));
  if (!metrics.skipped) parts_.optimizer.step(parts_.device, metrics.learning_rate, clip);
  metrics.step_seconds = watch.seconds();
  return metrics;
}

}  // namespace vernier
