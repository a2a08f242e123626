#pragma once
// The optimizer of a run's adapters.

#include "config/config.h"
#include "model/lora.h"
#include "optim/optimizer.h"

namespace vernier {

Optimizer make_optimizer(const LoraParameters& lora, const OptimizerConfig& config);

}  // namespace vernier
