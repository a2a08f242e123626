#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.h"

namespace vernier {

std::int64_t warmup_steps(const OptimizerConfig& config, std::int64_t total_steps) {
  if (config.warmup_steps) return *config.warmup_steps;
  if (config.warmup_ratio)
    return static_cast<std::int64_t>(std::ceil(*config.warmup_ratio * static_cast<double>(total_steps)));
  return 0;
}

Schedule::Schedule(const OptimizerConfig& config, std::int64_t total_steps)
    : kind_(config.lr_scheduler),
      base_rate_(config.learning_rate),
      warmup_(warmup_steps(config, total_steps)),
      total_(total_steps) {
  check(total_steps >= 1, "a run of at least one step");
}

double Schedule::factor(std::int64_t step) const {
  const auto at = static_cast<double>(step);
  if (kind_ == Scheduler::kConstant) return 1;
  if (step < warmup_) return at / static_cast<double>(std::max<std::int64_t>(1, warmup_));
  if (kind_ == Scheduler::kConstantWithWarmup) return 1;
  const auto remaining = static_cast<double>(std::max<std::int64_t>(1, total_ - warmup_));
  if (kind_ == Scheduler::kLinear) return std::max(0.0, static_cast<double>(total_ - step) / remaining);
  const double progress = static_cast<double>(step - warmup_) / remaining;
  return std::max(0.0, 0.5 * (1 + std::cos(std::numbers::pi * 2 * 0.5 * progress)));
}

double Schedule::rate(std::int64_t step) const {
  return base_rate_ * factor(step);
}

}  // namespace vernier
