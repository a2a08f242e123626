#pragma once
// The model of a training run: the base of the config, quantized as it says, with the adapters to train.

#include "commands/run_inputs.h"
#include "model/decoder.h"
#include "tensor/device.h"

namespace vernier {

// Adapters are new, or those of lora_model_dir. Error(kInput) for an adapter that does not fit, Error(kNumeric) naming
// a tensor of the base that holds NaN or Inf. Precondition: the rows are read.
Decoder load_run_model(const RunInputs& inputs, const Device& device);

}  // namespace vernier
