#pragma once
// The device of a run, and what its forward passes keep for the backward ones.

#include <string>

#include "commands/run_inputs.h"
#include "config/config.h"
#include "optim/paged_state.h"
#include "tensor/device.h"

namespace vernier {

Device open_run_device(const DeviceConfig& config);

struct KeepChoice {
  KeptLayers kept;
  StatePaging paging;  // of the optimizer's states
  MemoryPlan plan;
  std::string explanation;  // with the predicted peak and time
};

// gradient_checkpointing: true recomputes in every layer, false in none, auto in as few as fit into max_memory and what
// is free; where that is not enough, true and auto compute the attention of as few layers as fit again. Of a paged
// optimizer's states as many as optimizer_memory says are in memory, or as fit when no activations are kept.
// Error(kResource) with settings that would fit when the choice does not; Error(kInput) when pages would lie in
// output_dir, and that in memory. Measures the peak of the machine for a quarter of a second.
KeepChoice choose_keep(const RunInputs& inputs, const Device& device);

// "runtime 160.4 MiB, base 244.7 KiB, ...; while loading 172.0 KiB"
std::string memory_by_purpose(const MemoryPlan& plan);

}  // namespace vernier
