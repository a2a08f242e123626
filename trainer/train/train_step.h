#pragma once
// One optimizer step: count its targets, accumulate gradients over its micro batches, check and clip them, update.

#include <cstdint>

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
    std::int64_t kept_layers = 0;
    std::int64_t step_bytes = 0;
  };
  // total_steps: of the whole run, for the learning rate's schedule.
  TrainStep(const Parts& parts, const OptimizerConfig& optimizer, std::int64_t total_steps, Memory memory);

  // Step number `step`, from 0. Error(kNumeric) naming step and rows at a NaN or Inf, before the update.
  StepMetrics take(std::int64_t step);

  // The working memory, for what else runs between steps.
  Arena& arena() { return arena_; }

 private:
  [[noreturn]] void diverged(const char* what, double value, std::int64_t step) const;

  Parts parts_;
  double max_grad_norm_;
  Schedule schedule_;
  std::int64_t kept_layers_;
  Arena arena_;
};

}  // namespace vernier
