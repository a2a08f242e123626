#include "train/run_optimizer.h"

namespace vernier {

Optimizer make_optimizer(const LoraParameters& lora, const OptimizerConfig& config, const StatePaging& paging) {
  std::vector<OptimizedTensor> tensors;
  for (const TrainedTensor& trained : lora.tensors())
    tensors.push_back({trained.name, trained.value.storage_offset(), trained.value.numel()});
  return Optimizer(lora.values(), lora.gradients(), std::move(tensors), config, paging);
}

}  // namespace vernier
