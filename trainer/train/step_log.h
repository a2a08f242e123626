#pragma once
// Where the numbers of a run go: every step's line to metrics.jsonl, and to a person what logging_steps lets through or
// one live line. Lines that do not fit on the disk wait and are tried again with the next one.

#include <cstdint>
#include <deque>
#include <string>

#include "base/log.h"
#include "base/stopwatch.h"
#include "config/config.h"
#include "io/metrics_file.h"
#include "train/evaluation.h"
#include "train/metrics.h"

namespace vernier {

class StepLog {
 public:
  // Opens metrics.jsonl in the lock's directory. `first_step`: steps taken before this start.
  StepLog(const TrainConfig& config, std::int64_t first_step, std::int64_t total_steps, const OutputLock& lock,
          const Log& log);

  // On a full disk the lines wait; with on_save_error: continue that is told, once.
  void step(const StepMetrics& metrics);
  void evaluation(const StepMetrics& metrics, const Evaluation& evaluation);

  // What the lines that wait need on the disk.
  std::uint64_t waiting_bytes() const;
  // Every line so far is on the disk when it returns: what a checkpoint records of metrics.jsonl. Error(kResource) when
  // one is not.
  MetricsMark flush();

 private:
  void append(std::string line);
  void write_waiting();
  void show(const StepMetrics& metrics) const;

  TrainConfig config_;
  std::int64_t first_step_, total_steps_;
  const Log& log_;
  Stopwatch since_;
  MetricsFile file_;
  std::deque<std::string> waiting_;
};

}  // namespace vernier
