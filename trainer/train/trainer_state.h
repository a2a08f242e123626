#pragma once
// Where a run is, apart from adapter and optimizer: what trainer_state.json holds of it, so that a resumed run goes on
// as if it had never stopped. Random numbers and the place in the data follow from the step.

#include <cstdint>
#include <optional>

#include "io/json.h"
#include "io/metrics_file.h"
#include "train/evaluation.h"

namespace vernier {

// What the evaluations so far have shown.
struct EvaluationHistory {
  struct Measured {
    std::int64_t step = 0;
    double loss = 0;
  };
  std::optional<Measured> best;        // of all
  std::optional<Measured> best_saved;  // of those whose step has a checkpoint
  std::optional<Measured> newest;      // unless its loss was a NaN
  std::int64_t without_gain = 0;       // evaluations in a row, for early stopping

  // Takes note of an evaluation: a gain is a loss lower than the best by more than `threshold`. True at a new best; a
  // NaN is never one.
  bool add(std::int64_t step, double loss, double threshold);
  // Takes note of a checkpoint that was written after `step`.
  void saved(std::int64_t step);
};

struct WatchdogState {
  std::int64_t bad_in_row = 0;   // steps skipped for a NaN or Inf
  std::int64_t high_in_row = 0;  // steps with a loss above loss_watchdog_threshold
  // The first of the bad steps behind which no good one has come yet; also when the watchdog has ended the run for
  // them.
  std::optional<std::int64_t> bad_since;
};

struct TrainerState {
  std::int64_t step = 0;  // steps taken, skipped ones included
  MetricsMark metrics;    // metrics.jsonl up to this step
  std::int64_t skipped_steps = 0;
  bool evaluation_owed = false;  // this step's evaluation was stopped and is to be ended first
  Evaluation evaluation;         // what it has summed
  EvaluationHistory evaluations;
  WatchdogState watchdog;
  double seconds = 0;  // trained, over all starts
};

// Its fields into and out of trainer_state.json. get_state throws Json::exception when one is missing or of another
// type.
void put_state(const TrainerState& state, Json& json);
TrainerState get_state(const Json& json);

}  // namespace vernier
