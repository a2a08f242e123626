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

  // The most checkpoints of the run that ever lie there at once; those of save_minutes count where save_total_limit
  // bounds them, those of signals do not. `has_evaluation`: there is evaluation data.
  std::int64_t checkpoints_at_once(bool has_evaluation) const;

 private:
  // Every so many steps; without them so many times an epoch.
  struct Rhythm {
    std::optional<std::int64_t> steps;
    std::int64_t per_epoch = 1;
  };
  Rhythm evaluation_rhythm() const;
  Rhythm save_rhythm() const;
  bool is_due(const Rhythm& rhythm, std::int64_t done) const;
  // At how many steps of the run it is due.
  std::int64_t count(const Rhythm& rhythm) const;
  bool saves_best() const;
  std::int64_t most_saves(bool evaluates) const;

  TrainConfig config_;
  std::int64_t steps_per_epoch_, total_steps_;
};

}  // namespace vernier
