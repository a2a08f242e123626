#pragma once
// After which steps a run evaluates and saves, from the config alone.

#include <cstdint>
#include <optional>

#include "config/config.h"

namespace vernier {

// max_steps, else ceil(num_epochs * steps_per_epoch).
std::int64_t total_steps(const TrainConfig& config, std::int64_t steps_per_epoch);

class Cadence {
 public:
  Cadence(const TrainConfig& config, std::int64_t steps_per_epoch, std::int64_t total_steps);

  // After step `done` (from 1), where there is evaluation data.
  bool evaluation_due(std::int64_t done) const;
  // `seconds`: since the last checkpoint or the start. `best`: this step's evaluation loss is the lowest so far.
  // `last`: no step follows.
  bool save_due(std::int64_t done, double seconds, bool best, bool last) const;

  // How many checkpoints lie there when the run ends, at most; those of save_minutes and signals count where
  // save_total_limit bounds them.
  std::int64_t checkpoints_kept() const;

 private:
  bool every(std::optional<std::int64_t> steps, std::optional<std::int64_t> per_epoch, std::int64_t done) const;
  bool steps_say_save(std::int64_t done) const;

  TrainConfig config_;
  std::int64_t steps_per_epoch_, total_steps_;
};

}  // namespace vernier
