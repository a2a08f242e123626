#pragma once
// The lines of metrics.jsonl (docs/formats.md) and what a person sees of them.

#include <cstdint>
#include <optional>
#include <string>

#include "train/bad_numbers.h"

namespace vernier {

struct StepMetrics {
  std::int64_t step = 0;  // from 1: steps taken
  double epoch = 0, loss = 0, grad_norm = 0, learning_rate = 0;
  std::int64_t tokens = 0, trained_tokens = 0;  // of this step
  double step_seconds = 0;
  std::optional<SkippedStep> skipped;  // why no update was made

  double tokens_per_second() const { return step_seconds > 0 ? static_cast<double>(tokens) / step_seconds : 0; }
};

// Floats with nine significant digits; peak_rss_bytes is the process's peak so far. A skipped step's line has its
// reason and tensor instead of loss and norm.
std::string metrics_line(const StepMetrics& metrics, std::int64_t peak_rss_bytes);
std::string evaluation_line(std::int64_t step, double epoch, double eval_loss, std::int64_t eval_tokens);

// "step 120/2436  epoch 0.10  loss 1.2431  lr 1.98e-04  |g| 0.41  981 tok/s  eta 31m 02s"
std::string progress_line(const StepMetrics& metrics, std::int64_t total_steps, double seconds_left);

// Peak resident set of this process as the kernel counts it.
std::int64_t peak_rss_bytes();
// What it has now.
std::int64_t rss_bytes();

}  // namespace vernier
