#pragma once
// The training loop: take a step, write its line, evaluate and save where that is due, stop when asked or when there is
// no more to gain.

#include <cstdint>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/stopwatch.h"
#include "config/config.h"
#include "data/batches.h"
#include "io/output_lock.h"
#include "model/decoder.h"
#include "optim/optimizer.h"
#include "train/cadence.h"
#include "train/checkpoint.h"
#include "train/run_stop.h"
#include "train/signals.h"
#include "train/step_log.h"
#include "train/train_step.h"
#include "train/watchdog.h"

namespace vernier {

enum class RunEnd { kFinished, kStoppedEarly, kStoppedBySignal, kOutOfTime };

struct RunSummary {
  RunEnd end = RunEnd::kFinished;
  bool already_done = false;  // there was nothing left to do
  std::int64_t steps = 0;     // taken when it ended
  std::int64_t skipped_steps = 0;
  std::optional<double> last_loss, last_eval_loss;
  std::optional<EvaluationHistory::Measured>
      adapter_of;                          // the step whose adapter is at the root, when it is not the last
  bool best_is_lost = false;               // the best checkpoint is damaged: adapter_of is the best of the others
  double seconds = 0, seconds_in_all = 0;  // of this start; of all
  std::int64_t tokens = 0;                 // trained through in this start
};

class Trainer {
 public:
  // What the loop works with; all outlive it. `evaluation` may be nullptr.
  struct Parts {
    const Device& device;
    Decoder& model;
    const Batches& batches;
    Optimizer& optimizer;
    const Dataset* evaluation;
    const Dataset& dataset;
    const OutputLock& lock;
    const RunSignals& signals;
    const Stopwatch& since;  // the program's start, from which max_time counts
    const Log& log;
  };
  // Goes on from `state`; a fresh run: all zero.
  Trainer(const TrainConfig& train, const OptimizerConfig& optimizer, const BatchConfig& batch,
          TrainStep::Memory memory, AdapterFiles files, RunIdentity identity, const TrainerState& state,
          const Parts& parts);

  // To the end, or to where the run stops. Error(kNumeric) when the watchdog ends it, after saving; Error(kResource)
  // when a checkpoint could not be saved and on_save_error says stop, or it is what a stop needs.
  RunSummary run();

 private:
  bool goes_on() const;
  bool finished() const;
  bool stopped_early() const;
  bool take_step();
  void finish_step();
  bool evaluate_step();
  void heed_watchdog();
  std::string where_to_go_back() const;
  void save();
  void prune();
  void try_save();
  void end_stopped();
  void end_finished();
  void take_best_adapter();

  TrainConfig train_;
  BatchConfig batch_;
  AdapterFiles files_;
  RunIdentity identity_;
  Parts parts_;
  std::int64_t total_steps_;
  Cadence cadence_;
  Watchdog watchdog_;
  RunStop stop_;
  TrainStep step_;
  StepLog step_log_;
  TrainerState state_;
  StepMetrics last_;                        // of the last step taken
  bool advanced_ = false;                   // this start has taken a step, or evaluated rows
  std::optional<std::int64_t> saved_step_;  // what this start has saved last
  Stopwatch since_save_, watch_;
  double seconds_before_;  // trained before this start
  RunSummary summary_;
};

}  // namespace vernier
