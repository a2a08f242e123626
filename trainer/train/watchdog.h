#pragma once
// Ends a run whose numbers have gone wrong for several steps in a row: steps skipped for a NaN or Inf, and, as
// Axolotl's loss watchdog does, losses above a threshold.

#include <optional>
#include <string>

#include "config/config.h"
#include "train/metrics.h"
#include "train/trainer_state.h"

namespace vernier {

class Watchdog {
 public:
  explicit Watchdog(const TrainConfig& config)
      : threshold_(config.loss_watchdog_threshold), patience_(config.loss_watchdog_patience) {}

  // Takes note of a step. Why the run is to end, or nullopt; the counts then begin anew, for a resume to go on, and
  // bad_since stays.
  std::optional<std::string> see(const StepMetrics& metrics, WatchdogState& state) const;

 private:
  std::optional<double> threshold_;
  std::int64_t patience_;
};

}  // namespace vernier
