#pragma once
// When a run must stop, and what it gives up to stop in time. A signal gives the step that runs 30 seconds to end, and
// ends an evaluation at once; max_time ends what would not leave the time of a save.

#include <optional>

#include "base/stopwatch.h"
#include "train/signals.h"

namespace vernier {

// Thrown out of a step that is given up, or an evaluation that is stopped: adapter, optimizer and metrics are as they
// were before it. A resume does the step again, and the rest of the evaluation.
struct WorkDropped {};

class RunStop {
 public:
  // `max_seconds` counts from the start of `since`; nullopt: as long as it takes. `save_seconds`: what the first save
  // is expected to take.
  RunStop(const RunSignals& signals, std::optional<double> max_seconds, const Stopwatch& since, double save_seconds);

  // Before a step: a signal came, or the step and a save behind it would not end within max_time.
  bool due() const;
  // Whether max_time, not a signal, is what stops.
  bool out_of_time() const;

  // In a step that has run `seconds` and done `share` of its work, 0 to 1: WorkDropped when its end would come too
  // late.
  void check_step(double share, double seconds) const;
  // Between the parts of an evaluation, the longest of which took `part_seconds`: WorkDropped when another would end
  // too late, or a signal came.
  void check_evaluation(double part_seconds) const;

  // What these took, for the predictions.
  void step_took(double seconds);
  void save_took(double seconds);

 private:
  // Until a save must begin so that it ends within max_time; the largest number without one.
  double seconds_left() const;

  const RunSignals& signals_;
  std::optional<double> max_seconds_;
  Stopwatch since_;
  double longest_step_ = 0, longest_save_;
};

}  // namespace vernier
