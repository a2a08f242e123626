#pragma once
// What identifies a training run: the hashes of what it reads, and the settings that shape its numbers. run.json holds
// it, and so does every checkpoint, so that a resume finds what has changed.

#include <cstdint>
#include <string>

#include "commands/run_inputs.h"
#include "model/lora.h"
#include "tensor/device.h"
#include "train/checkpoint.h"

namespace vernier {

// Reads every byte of the base and of the data files. `total`: steps of the run. Precondition: the rows are read.
RunIdentity run_identity(const RunInputs& inputs, const Device& device, const LoraParameters& lora, std::int64_t total);

// The bytes of run.json.
std::string run_json(const RunIdentity& identity);

}  // namespace vernier
