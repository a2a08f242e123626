#pragma once
// The optimizer of a run's adapters.

#include "config/config.h"
#include "model/lora.h"
#include "optim/optimizer.h"

namespace vernier {

// Errors as Optimizer's.
Optimizer make_optimizer(const LoraParameters& lora, const OptimizerConfig& config, const StatePaging& paging = {});

}  // namespace vernier
