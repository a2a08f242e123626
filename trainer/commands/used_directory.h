#pragma once
// What an earlier run left in output_dir, seen before anything is computed: train stops at it, check tells of it.

#include <optional>

#include "base/error.h"
#include "config/config.h"

namespace vernier {

// Why this run may not use its output_dir: checkpoints with no word on whether to go on or to start again, or a
// finished adapter that would be lost. An Error(kInput) naming the directory and the ways out; nullopt when it may.
std::optional<Error> refused_output_dir(const TrainConfig& train);

}  // namespace vernier
