#pragma once
// Whether what a run will write fits on the disk, asked before any weight is loaded.

#include <cstdint>
#include <string>

#include "base/log.h"
#include "commands/run_inputs.h"

namespace vernier {

// Of a checkpoint of this run.
std::int64_t expected_checkpoint_bytes(const RunInputs& inputs);

// Error(kResource) when not one checkpoint fits into the free space of `output_dir`; a warning when the
// `checkpoints_at_once` that will lie there do not. Those that are there already count as written.
void check_disk_space(const std::string& output_dir, std::int64_t checkpoint_bytes, std::int64_t checkpoints_at_once,
                      const Log& log);

}  // namespace vernier
