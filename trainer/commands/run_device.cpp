#include "commands/run_device.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "commands/memory_advice.h"
#include "commands/paging_directory.h"
#include "io/page_file.h"
#include "spec/lora_targets.h"
#include "spec/step_cost.h"
#include "tensor/peak_rates.h"

namespace vernier {

Device open_run_device(const DeviceConfig& config) {
  const ComputeRequest compute = config.compute == Compute::kBF16  ? ComputeRequest::kBF16
                                 : config.compute == Compute::kF32 ? ComputeRequest::kF32
                                                                   : ComputeRequest::kAuto;
  return open_device(config.device, config.kernels, compute, config.threads);
}

namespace {

std::string bytes_text(std::int64_t bytes) {
  return format_bytes(static_cast<std::uint64_t>(bytes));
}

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, seconds < 0.01 ? "%.4f s" : seconds < 10 ? "%.2f s" : "%.0f s", seconds);
  return text;
}

struct Budget {
  std::int64_t bytes;
  std::string name;  // "600.0 MiB (max_memory)"
};

Budget memory_budget(const RunInputs& inputs) {
  const std::int64_t free = available_memory();
  const auto limit = inputs.config().train.max_memory;
  if (limit && *limit < free) return {*limit, bytes_text(*limit) + " (max_memory)"};
  return {free, bytes_text(free) + " free"};
}

// Seconds of a step of average size: what it computes, at the share of the measured peak that such steps reach.
double predicted_seconds(const RunInputs& inputs, const Device& device, std::int64_t lora, const KeptLayers& kept) {
  constexpr double kReached = 0.72;
  const Dataset& data = inputs.train;
  const BatchConfig& batch = inputs.config().batch;
  const double rows = static_cast<double>(batch.micro_batch_size * batch.gradient_accumulation_steps);
  const double share = rows / static_cast<double>(std::max<std::int64_t>(data.size(), 1));
  const double tokens = share * static_cast<double>(data.tokens()), row = tokens / rows;
  const StepWork work{static_cast<std::int64_t>(tokens),
                      static_cast<std::int64_t>(share * static_cast<double>(data.targets())), rows * row * row};
  const auto linears_again = static_cast<double>(inputs.spec.layers - kept.all);
  const auto attention_again = static_cast<double>(inputs.spec.layers - kept.attention);
  const PeakLoop loop = device.compute == at::kBFloat16 ? PeakLoop::kBF16 : PeakLoop::kF32;
  const double flops = step_flops(inputs.spec, lora, work).model() +
                       linears_again * layer_recompute_flops(inputs.spec, work) +
                       attention_again * layer_attention_flops(inputs.spec, work);
  return flops / (kReached * measure_multiply_rate(device.isa, loop));
}

// Without a size when all states are to lie in memory, if they can.
StatePaging chosen_paging(const Config& config) {
  StatePaging paging;
  if (!config.optimizer.optimizer.paged) return paging;
  paging.directory = paging_directory(config);
  paging.resident_bytes = config.optimizer.optimizer_memory;
  return paging;
}

// A paging_dir that was set has been tried when the config was read: here it is what output_dir stands in for.
void refuse_memory_pages(const LoadedConfig& loaded, const std::string& directory) {
  try {
    refuse_memory_file_system(directory, "paging_dir");
  } catch (const Error& problem) {
    throw Error(problem.kind(), str("output_dir: ", problem.where(), ": ", problem.what()),
                loaded.origins.at("output_dir").place.text(), problem.fix());
  }
}

// Keeps one layer less of the costlier kind; false when nothing is kept.
bool keep_less(KeptLayers& kept) {
  if (kept.all > 0) return --kept.all, true;
  return kept.attention > 0 ? --kept.attention, true : false;
}

std::string kept_text(const KeptLayers& kept, std::int64_t layers) {
  if (kept.all == layers) return "activations kept";
  if (kept.all > 0) return str("activations kept in ", kept.all, " of ", layers, " layers");
  if (kept.attention == layers) return "activations recomputed";
  return str("activations recomputed, attention too in ", layers - kept.attention, " of ", layers, " layers");
}

}  // namespace

KeepChoice choose_keep(const RunInputs& inputs, const Device& device) {
  const StateLayout states = state_layout(inputs, inputs.config());
  KeepChoice choice;
  choice.paging = chosen_paging(inputs.config());
  const auto plan = [&](const KeptLayers& kept) {
    return plan_run_memory(inputs, inputs.config(), device.compute == at::kBFloat16, device.threads,
                           {kept, resident_state_bytes(states, choice.paging)});
  };
  const std::int64_t layers = inputs.spec.layers;
  const Checkpointing wanted = inputs.config().train.gradient_checkpointing;
  const Budget budget = memory_budget(inputs);
  choice.kept = {wanted == Checkpointing::kOn ? 0 : layers, layers};
  choice.plan = plan(choice.kept);
  while (wanted != Checkpointing::kOff && choice.plan.peak() > budget.bytes && keep_less(choice.kept))
    choice.plan = plan(choice.kept);
  if (inputs.config().optimizer.optimizer.paged && !inputs.config().optimizer.optimizer_memory) {
    choice.paging.resident_bytes =
        states.pages() * states.page_bytes() - std::max<std::int64_t>(choice.plan.peak() - budget.bytes, 0);
    choice.plan = plan(choice.kept);
  }
  const std::int64_t resident = resident_state_bytes(states, choice.paging);
  if (resident < states.pages() * states.page_bytes()) refuse_memory_pages(inputs.loaded, choice.paging.directory);
  if (choice.plan.peak() > budget.bytes)
    throw Error(ErrorKind::kResource, str("the run needs about ", bytes_text(choice.plan.peak()), " of ", budget.name),
                "memory", settings_that_fit(inputs, device, budget.bytes));
  const std::int64_t lora =
      lora_parameters(inputs.spec, match_lora_targets(inputs.spec, inputs.config().lora), inputs.config().lora.r);
  const double seconds = predicted_seconds(inputs, device, lora, choice.kept);
  const std::string paged = inputs.config().optimizer.optimizer.paged
                                ? str(", ", bytes_text(std::min(resident, states.state_bytes())), " of ",
                                      bytes_text(states.state_bytes()), " optimizer states in memory")
                                : "";
  choice.explanation = str(kept_text(choice.kept, layers), paged, ", predicted peak ", bytes_text(choice.plan.peak()),
                           " of ", budget.name, ", ", seconds_text(seconds), " a step");
  return choice;
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
