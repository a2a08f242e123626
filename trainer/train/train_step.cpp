#include "train/train_step.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "optim/clip.h"
#include "train/evaluate.h"

namespace vernier {

TrainStep::TrainStep(const Parts& parts, const OptimizerConfig& optimizer, std::int64_t total_steps, Memory memory)
    : parts_(parts),
      max_grad_norm_(optimizer.max_grad_norm),
      schedule_(optimizer, total_steps),
      kept_layers_(memory.kept_layers) {
  arena_.reserve(memory.step_bytes);
}

StepMetrics TrainStep::take(std::int64_t step) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const StepBatch batch = parts_.batches.step(step);
  const auto targets = static_cast<double>(std::max<std::int64_t>(batch.trained_tokens, 1));
  parts_.model.lora->gradients().zero_();
  double loss = 0;
  std::int64_t first_row = 0;
  for (const MicroBatch& micro : batch.micro) {
    TokenBatch tokens = as_token_batch(micro);
    tokens.step = step;
    tokens.first_row_in_step = first_row;
    first_row += static_cast<std::int64_t>(micro.rows.size());
    if (micro.trained_tokens() == 0) continue;
    loss +=
        loss_and_gradients(parts_.model, parts_.device, tokens, static_cast<float>(1 / targets), kept_layers_, arena_)
            .loss;
  }
  loss /= targets;
  const double norm = gradient_norm(parts_.model.lora->gradients(), parts_.device);
  if (!std::isfinite(loss)) diverged("the loss", loss, step);
  if (!std::isfinite(norm)) diverged("the gradient norm", norm, step);
  const double rate = schedule_.rate(step);
  parts_.optimizer.step(parts_.device, rate, clip_factor(norm, max_grad_norm_));
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return {step + 1, batch.epoch, loss, norm, rate, batch.tokens, batch.trained_tokens, seconds};
}

void TrainStep::diverged(const char* what, double value, std::int64_t step) const {
  std::vector<std::string> places;
  for (const std::int64_t row : parts_.batches.row_indices(step)) {
    if (places.size() == 8) {
      places.push_back("...");
      break;
    }
    places.push_back(parts_.dataset.place(row));
  }
  throw Error(ErrorKind::kNumeric, str(what, " is ", format_float(value), ", so the update was not made"),
              str("step ", step + 1),
              str("rows of this step: ", join(places, ", "), "; a lower learning_rate often helps"));
}

}  // namespace vernier
