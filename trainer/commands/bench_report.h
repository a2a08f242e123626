#pragma once
// What `vernier bench` measured, as text and as JSON (docs/formats.md).

#include <string>
#include <vector>

#include "spec/memory_floor.h"
#include "spec/memory_plan.h"
#include "spec/step_cost.h"
#include "tensor/timed_ops.h"
#include "train/metrics.h"

namespace vernier {

struct BenchStep {
  StepMetrics metrics;
  StepWorks works;
  StepFlops flops;  // what the step asks for
};

struct BenchResult {
  std::string base, device, compute, keep;  // compute: "bf16" or "f32"; keep: what stays for the backward pass
  int threads = 1;
  std::vector<BenchStep> steps;                     // after the one that warms up
  double peak_before = 0, peak_after = 0;           // FLOP/s of the peak loop before and after the steps
  double read_rate = 0;                             // bytes a second
  std::int64_t rss_before_model = 0, peak_rss = 0;  // bytes
  MemoryFloor floor;
  MemoryPlan plan;

  // The step of median speed, of which all times are told.
  const BenchStep& median() const;
  double peak() const { return (peak_before + peak_after) / 2; }
};

std::string bench_text(const BenchResult& result);
std::string bench_json(const BenchResult& result);

}  // namespace vernier
