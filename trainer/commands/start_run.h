#pragma once
// Where a run begins: from nothing, in a cleared directory, or from a checkpoint.

#include <cstdint>
#include <string>
#include <vector>

#include "base/log.h"
#include "config/config.h"
#include "io/output_lock.h"
#include "model/decoder.h"
#include "optim/optimizer.h"
#include "train/checkpoint.h"

namespace vernier {

// What a checkpoint is read into, and what it must agree with.
struct RunParts {
  const Decoder& model;
  Optimizer& optimizer;
  const RunIdentity& identity;
  std::int64_t total_steps;
};

// The state to go on from: all zero for a fresh start, which clears the directory of what an earlier run left. What a
// crash left is cleaned up in both. `allow_changes`: the words of --allow-change. Error(kInput) as compare_runs and
// allowed_changes (train/resume_changes.h) and require_recorded_base, Error(kIntegrity) when no checkpoint to resume is
// whole.
TrainerState start_or_resume(const TrainConfig& train, const std::vector<std::string>& allow_changes,
                             const RunParts& parts, const OutputLock& lock, const Log& log);

}  // namespace vernier
