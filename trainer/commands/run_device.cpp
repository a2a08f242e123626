#include "commands/run_device.h"

#include "base/error.h"
#include "base/text.h"

namespace vernier {

Device open_run_device(const DeviceConfig& config) {
  const ComputeRequest compute = config.compute == Compute::kBF16  ? ComputeRequest::kBF16
                                 : config.compute == Compute::kF32 ? ComputeRequest::kF32
                                                                   : ComputeRequest::kAuto;
  return open_device(config.device, config.kernels, compute, config.threads);
}

KeepChoice choose_keep(const RunInputs& inputs, const Device& device) {
  const bool bf16 = device.compute == at::kBFloat16;
  const MemoryPlan recompute = plan_run_memory(inputs, bf16, device.threads, false);
  const MemoryPlan keep = plan_run_memory(inputs, bf16, device.threads, true);
  const auto text = [](std::int64_t bytes) { return format_bytes(static_cast<std::uint64_t>(bytes)); };
  const std::int64_t free = available_memory(), least = recompute.peak(), all = keep.peak();
  const Checkpointing wanted = inputs.config().train.gradient_checkpointing;
  if (least > free)
    throw Error(ErrorKind::kResource, str("the run needs about ", text(least), " and ", text(free), " are free"),
                "memory", "a smaller micro_batch_size or sequence_len, or bnb_4bit_use_double_quant: true, needs less");
  if (wanted == Checkpointing::kOff || (wanted == Checkpointing::kAuto && all <= free))
    return {Keep::kAll, keep, str("activations kept, predicted peak ", text(all), " of ", text(free), " free")};
  return {Keep::kRecompute, recompute,
          str("activations recomputed, predicted peak ", text(least), " of ", text(free), " free")};
}

std::string memory_by_purpose(const MemoryPlan& plan) {
  const auto part = [](const char* purpose, std::int64_t bytes) {
    return str(purpose, " ", format_bytes(static_cast<std::uint64_t>(bytes)));
  };
  return str(part("runtime", plan.runtime), part(", base", plan.frozen),
             part(", adapters with optimizer", plan.adapters), part(", kept activations", plan.kept),
             part(", working", plan.working), part(", rows", plan.data), part("; while loading", plan.loading));
}

}  // namespace vernier
