#include "train/cadence.h"

#include <algorithm>
#include <cmath>

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
  return done == total_steps_ || every(config_.eval_steps, config_.evals_per_epoch, done);
}

bool Cadence::save_due(std::int64_t done, double seconds, bool best, bool last) const {
  if (config_.save_strategy == SaveStrategy::kNo) return false;
  if (last) return true;
  if (best && (config_.load_best_model_at_end || config_.save_strategy == SaveStrategy::kBest)) return true;
  if (config_.save_minutes && seconds >= 60 * *config_.save_minutes) return true;
  return steps_say_save(done);
}

std::int64_t Cadence::checkpoints_kept() const {
  if (config_.save_strategy == SaveStrategy::kNo) return 1;
  // The best may lie beside the newest ones.
  if (config_.save_total_limit > 0) return std::min(config_.save_total_limit + 1, total_steps_);
  std::int64_t saves = 1;
  if (config_.save_steps) {
    saves += total_steps_ / *config_.save_steps;
  } else if (config_.save_strategy != SaveStrategy::kBest) {
    saves += total_steps_ / steps_per_epoch_ * config_.saves_per_epoch.value_or(1);
  }
  return std::min(saves, total_steps_);
}

bool Cadence::steps_say_save(std::int64_t done) const {
  if (config_.save_strategy == SaveStrategy::kBest) return false;
  if (config_.save_strategy == SaveStrategy::kEpoch) return every({}, config_.saves_per_epoch, done);
  constexpr std::int64_t kDefaultSaveSteps = 500;
  return every(config_.saves_per_epoch ? config_.save_steps : config_.save_steps.value_or(kDefaultSaveSteps),
               config_.saves_per_epoch, done);
}

bool Cadence::every(std::optional<std::int64_t> steps, std::optional<std::int64_t> per_epoch, std::int64_t done) const {
  if (steps) return done % *steps == 0;
  const std::int64_t parts = per_epoch.value_or(1);
  const std::int64_t in_epoch = (done - 1) % steps_per_epoch_ + 1;
  // The step at which another of the epoch's parts is full.
  return in_epoch * parts / steps_per_epoch_ > (in_epoch - 1) * parts / steps_per_epoch_;
}

}  // namespace vernier
