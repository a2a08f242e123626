#pragma once
// The device of a run, and what its forward passes keep for the backward ones.

#include <string>

#include "commands/run_inputs.h"
#include "config/config.h"
#include "model/block.h"
#include "tensor/device.h"

namespace vernier {

Device open_run_device(const DeviceConfig& config);

struct KeepChoice {
  Keep keep = Keep::kRecompute;
  MemoryPlan plan;
  std::string explanation;  // with the predicted peak
};

// gradient_checkpointing: true recomputes, false keeps, auto keeps when that is predicted to fit into the memory that
// is free. Error(kResource) when not even recomputing fits.
KeepChoice choose_keep(const RunInputs& inputs, const Device& device);

// "runtime 160.4 MiB, base 244.7 KiB, ...; while loading 172.0 KiB"
std::string memory_by_purpose(const MemoryPlan& plan);

}  // namespace vernier
