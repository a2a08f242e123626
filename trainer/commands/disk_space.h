#pragma once
// Whether what a run will write fits on the disk, asked before any weight is loaded.

#include <cstdint>
#include <string>

#include "base/log.h"
#include "commands/run_inputs.h"

namespace vernier {

// What a run will still write into output_dir: the checkpoints that will lie there in the end, and one more while a new
// one is written. Those that are there already count as written.
struct DiskNeed {
  std::int64_t checkpoints = 0, checkpoint_bytes = 0;  // how many, each
  std::int64_t final_bytes = 0;                        // of the adapter at the end, and the reports

  std::uint64_t total() const { return static_cast<std::uint64_t>(checkpoints * checkpoint_bytes + final_bytes); }
};
DiskNeed disk_need(const RunInputs& inputs, std::int64_t steps_per_epoch, std::int64_t total_steps);

// Error(kResource) when not one checkpoint fits into the free space of `output_dir`; a warning when all that is needed
// does not.
void check_disk_space(const std::string& output_dir, const DiskNeed& need, const Log& log);

// "3 checkpoints and the final files need 2.6 MiB of 20.1 GiB free in DIR".
std::string describe(const DiskNeed& need, const std::string& output_dir);

}  // namespace vernier
