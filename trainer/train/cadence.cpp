#include "train/cadence.h"

#include <algorithm>
#include <cmath>

#include "io/run_store.h"

namespace vernier {

std::int64_t total_steps(const TrainConfig& config, std::int64_t steps_per_epoch) {
  if (config.max_steps) return *config.max_steps;
  return std::max<std::int64_t>(
      1, static_cast<std::int64_t>(std::ceil(config.num_epochs * static_cast<double>(steps_per_epoch))));
}

Cadence::Cadence(const TrainConfig& config, std::int64_t steps_per_epoch, std::int64_t total_steps)
    : config_(config), steps_per_epoch_(steps_per_epoch), total_steps_(total_steps) {}

bool Cadence::evaluation_due(std::int64_t done) const {
  if (config_.eval_strategy == SaveStrategy::kNo) return false;
  return done == total_steps_ || is_due(evaluation_rhythm(), done);
}

bool Cadence::save_due(std::int64_t done, double seconds, bool best, bool last) const {
  if (config_.save_strategy == SaveStrategy::kNo) return false;
  if (last || (best && saves_best())) return true;
  if (config_.save_minutes && seconds >= 60 * *config_.save_minutes) return true;
  return config_.save_strategy != SaveStrategy::kBest && is_due(save_rhythm(), done);
}

std::int64_t Cadence::checkpoints_at_once(bool has_evaluation) const {
  const bool evaluates = has_evaluation && config_.eval_strategy != SaveStrategy::kNo;
  const std::int64_t saves = most_saves(evaluates);
  if (config_.save_total_limit == 0) return saves;
  const auto newest = std::max(config_.save_total_limit, static_cast<std::int64_t>(kFewestCheckpoints));
  // The best may lie beside the newest ones, and an old one is deleted only behind the newer one's save.
  return std::min(saves, newest + (evaluates ? 1 : 0) + 1);
}

std::int64_t Cadence::most_saves(bool evaluates) const {
  if (config_.save_strategy == SaveStrategy::kNo) return 1;
  if (config_.save_minutes && config_.save_total_limit > 0) return total_steps_;
  std::int64_t saves = 0;
  if (config_.save_strategy != SaveStrategy::kBest) saves += count(save_rhythm());
  if (evaluates && saves_best()) saves += count(evaluation_rhythm());
  const bool last_counted = config_.save_strategy != SaveStrategy::kBest && is_due(save_rhythm(), total_steps_);
  return std::min(saves + (last_counted ? 0 : 1), total_steps_);
}

bool Cadence::saves_best() const {
  return config_.load_best_model_at_end || config_.save_strategy == SaveStrategy::kBest;
}

Cadence::Rhythm Cadence::evaluation_rhythm() const {
  return {config_.eval_steps, config_.evals_per_epoch.value_or(1)};
}

Cadence::Rhythm Cadence::save_rhythm() const {
  constexpr std::int64_t kDefaultSaveSteps = 500;
  Rhythm rhythm{{}, config_.saves_per_epoch.value_or(1)};
  if (config_.save_strategy == SaveStrategy::kEpoch) return rhythm;
  rhythm.steps = config_.saves_per_epoch ? config_.save_steps : config_.save_steps.value_or(kDefaultSaveSteps);
  return rhythm;
}

bool Cadence::is_due(const Rhythm& rhythm, std::int64_t done) const {
  if (rhythm.steps) return done % *rhythm.steps == 0;
  const std::int64_t in_epoch = (done - 1) % steps_per_epoch_ + 1;
  // The step at which another of the epoch's parts is full.
  return in_epoch * rhythm.per_epoch / steps_per_epoch_ > (in_epoch - 1) * rhythm.per_epoch / steps_per_epoch_;
}

std::int64_t Cadence::count(const Rhythm& rhythm) const {
  if (rhythm.steps) return total_steps_ / *rhythm.steps;
  const std::int64_t parts = std::min(rhythm.per_epoch, steps_per_epoch_);
  return total_steps_ / steps_per_epoch_ * parts + total_steps_ % steps_per_epoch_ * parts / steps_per_epoch_;
}

}  // namespace vernier
