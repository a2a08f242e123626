#pragma once
// The training loop: take a step, write its line; evaluate and save where the cadence says so.

#include <cstdint>
#include <optional>
#include <string>

#include "base/log.h"
#include "config/config.h"
#include "data/batches.h"
#include "io/metrics_file.h"
#include "io/output_lock.h"
#include "model/decoder.h"
#include "optim/optimizer.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/metrics.h"
#include "train/train_step.h"

namespace vernier {

// max_steps, else ceil(num_epochs * steps_per_epoch).
std::int64_t total_steps(const TrainConfig& config, std::int64_t steps_per_epoch);

enum class RunEnd { kFinished, kStoppedBySignal };

struct RunSummary {
  RunEnd end = RunEnd::kFinished;
  std::int64_t steps = 0;  // done when it ended
  std::optional<double> last_loss, last_eval_loss;
  bool already_done = false;  // there was no step left to take
  double seconds = 0;
  std::int64_t tokens = 0;  // trained through in this run
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
    const Log& log;
  };
  Trainer(const TrainConfig& train, const OptimizerConfig& optimizer, const BatchConfig& batch,
          TrainStep::Memory memory, AdapterFiles files, RunIdentity identity, const Parts& parts);

  // Goes on from `state` (a fresh run: all zero) to the end. Error(kNumeric) naming step and rows at a NaN or Inf,
  // before the update.
  RunSummary run(const TrainerState& state);

 private:
  void evaluate_and_log(const StepMetrics& metrics);
  void save(std::int64_t step);
  void show(const StepMetrics& metrics, std::int64_t first_step, double seconds);
  bool every(std::optional<std::int64_t> steps, std::optional<std::int64_t> per_epoch, std::int64_t done) const;
  bool evaluation_due(std::int64_t done) const;
  bool save_due(std::int64_t done) const;

  TrainConfig train_;
  BatchConfig batch_;
  AdapterFiles files_;
  RunIdentity identity_;
  Parts parts_;
  std::int64_t steps_per_epoch_, total_steps_;
  TrainStep step_;
  MetricsFile metrics_file_;
  RunSummary summary_;
};

}  // namespace vernier
