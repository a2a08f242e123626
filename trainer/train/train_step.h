#pragma once
// One optimizer step: count its targets, accumulate gradients over its micro batches, check and clip them, update. A
// step with a NaN or Inf, or without any target, makes no update; the learning rate goes on as if it had.

#include <cstdint>
#include <functional>
#include <vector>

#include "config/config.h"
#include "data/batches.h"
#include "model/decoder.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "train/metrics.h"

namespace vernier {

class TrainStep {
 public:
  // What a step works with; all outlive it.
  struct Parts {
    const Device& device;
    Decoder& model;
    const Batches& batches;
    Optimizer& optimizer;
    const Dataset& dataset;
  };
  // What the forward pass keeps, and the working memory that a step is expected to need.
  struct Memory {
    KeptLayers kept;
    std::int64_t step_bytes = 0;
  };
  // total_steps: of the whole run, for the learning rate's schedule.
  TrainStep(const Parts& parts, const OptimizerConfig& optimizer, std::int64_t total_steps, Memory memory);

  // Told between the layers: the share of the step that is done, above 0 and at most 1, and the seconds it took. May
  // throw to give the step up, which leaves adapter and optimizer as they were.
  using Progress = std::function<void(double share, double seconds)>;

  // Step number `step`, from 0.
  StepMetrics take(std::int64_t step, const Progress& progress = {});

  // The working memory, for what else runs between steps.
  Arena& arena() { return arena_; }

 private:
  struct Losses {
    double sum = 0;
    BadLoss bad;  // of the first micro batch that has one
  };
  Losses accumulate(std::int64_t step, const StepBatch& batch, double targets, const Progress& progress);

  Parts parts_;
  double max_grad_norm_;
  Schedule schedule_;
  KeptLayers kept_;
  Arena arena_;
};

}  // namespace vernier
