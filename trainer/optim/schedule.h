#pragma once
// Learning-rate schedules as transformers.get_scheduler computes them: warmup from 0 (the first step has rate 0), then
// constant, linear to 0, or half a cosine to 0.

#include <cstdint>

#include "config/config.h"

namespace vernier {

// Steps of warmup: warmup_steps, or ceil(warmup_ratio * total_steps), or 0.
std::int64_t warmup_steps(const OptimizerConfig& config, std::int64_t total_steps);

class Schedule {
 public:
  // Precondition: total_steps >= 1.
  Schedule(const OptimizerConfig& config, std::int64_t total_steps);

  // The rate that the step-th update (from 0) uses.
  double rate(std::int64_t step) const;

 private:
  double factor(std::int64_t step) const;

  Scheduler kind_;
  double base_rate_;
  std::int64_t warmup_, total_;
};

}  // namespace vernier
