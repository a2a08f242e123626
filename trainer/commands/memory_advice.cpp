#include "commands/memory_advice.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "base/text.h"
#include "commands/paging_directory.h"
#include "io/page_file.h"
#include "optim/paged_state.h"

namespace vernier {

namespace {

// A change of one setting to the next smaller value: its text for the config file, "" when there is none.
using Step = std::function<std::string(Config&)>;

std::string recompute(Config& config) {
  if (config.train.gradient_checkpointing != Checkpointing::kOff) return "";
  config.train.gradient_checkpointing = Checkpointing::kAuto;
  return "gradient_checkpointing: auto";
}

// The config's word for a paged optimizer, or one with 8-bit states.
std::string optimizer_word(const OptimizerChoice& optimizer) {
  const bool eight_bit = optimizer.kind == OptimizerKind::kAdamw8bit || optimizer.kind == OptimizerKind::kLion8bit;
  const bool lion = optimizer.kind == OptimizerKind::kLion8bit || optimizer.kind == OptimizerKind::kLion32bit;
  return str(optimizer.paged ? "paged_" : "", lion ? "lion_" : "adamw_", eight_bit ? "8bit" : "32bit");
}

// The same numbers, with as few states in memory as there can be.
std::string page_states(Config& config) {
  OptimizerChoice& optimizer = config.optimizer.optimizer;
  if (optimizer.paged || optimizer.kind == OptimizerKind::kSgd) return "";
  if (!memory_file_system(paging_directory(config)).empty()) return "";
  optimizer.paged = true;
  return "optimizer: " + optimizer_word(optimizer);
}

std::string shrink_states(Config& config) {
  OptimizerKind& kind = config.optimizer.optimizer.kind;
  if (config.optimizer.optimizer.paged) return "";  // pages of smaller states take as much
  if (kind != OptimizerKind::kAdamwTorch && kind != OptimizerKind::kLion32bit) return "";
  kind = kind == OptimizerKind::kAdamwTorch ? OptimizerKind::kAdamw8bit : OptimizerKind::kLion8bit;
  return "optimizer: " + optimizer_word(config.optimizer.optimizer);
}

std::string halve_batch(Config& config) {
  if (config.batch.micro_batch_size == 1) return "";
  config.batch.micro_batch_size /= 2;
  return str("micro_batch_size: ", config.batch.micro_batch_size);
}

std::string quantize(Config& config) {
  if (config.quantization.load_in_4bit) return "";
  config.quantization.load_in_4bit = true;
  return "adapter: qlora";
}

std::string halve_rank(Config& config) {
  constexpr std::int64_t kSmallest = 4;
  if (config.lora.r < 2 * kSmallest) return "";
  config.lora.r /= 2;
  return str("lora_r: ", config.lora.r);
}

std::string halve_rows(Config& config) {
  constexpr std::int64_t kShortest = 32;
  if (config.data.sequence_len < 2 * kShortest) return "";
  config.data.sequence_len /= 2;
  const bool cut = config.data.excess_length == ExcessLength::kRaise;
  return str("sequence_len: ", config.data.sequence_len, cut ? " with excess_length_strategy: truncate" : "");
}

class Planner {
 public:
  Planner(const RunInputs& inputs, const Device& device) : inputs_(inputs), device_(device) {}

  // The config as it is, with sequence_len the length of what the rows are.
  Config start() const {
    Config config = inputs_.config();
    const std::int64_t longest = longest_row(inputs_);
    config.data.sequence_len = config.data.sequence_len > 0 ? std::min(config.data.sequence_len, longest) : longest;
    return config;
  }

  std::int64_t peak(const Config& config) const {
    const bool keeps = config.train.gradient_checkpointing == Checkpointing::kOff;
    StatePaging paging;
    if (config.optimizer.optimizer.paged) paging.resident_bytes = config.optimizer.optimizer_memory.value_or(1);
    const std::int64_t states = resident_state_bytes(state_layout(inputs_, config), paging);
    return plan_run_memory(inputs_, config, device_.compute == at::kBFloat16, device_.threads,
                           {keeps ? KeptLayers{inputs_.spec.layers, inputs_.spec.layers} : KeptLayers{}, states})
        .peak();
  }

 private:
  const RunInputs& inputs_;
  const Device& device_;
};

// Takes steps until the run fits or there is no smaller value: the text of the last one, "" for none.
std::string shrink(const Planner& planner, const Step& step, std::int64_t budget_bytes, Config& config) {
  std::string change;
  for (std::string text = step(config); !text.empty(); text = step(config)) {
    change = text;
    if (planner.peak(config) <= budget_bytes) break;
  }
  return change;
}

}  // namespace

std::string settings_that_fit(const RunInputs& inputs, const Device& device, std::int64_t budget_bytes) {
  const Planner planner(inputs, device);
  const std::vector<Step> steps = {recompute, page_states,   halve_batch, halve_rows,
                                   quantize,  shrink_states, halve_rank};
  std::vector<std::string> alone, together;
  for (const Step& step : steps) {
    Config config = planner.start();
    const std::string change = shrink(planner, step, budget_bytes, config);
    if (!change.empty() && planner.peak(config) <= budget_bytes) alone.push_back(change);
  }
  if (!alone.empty()) return join(alone, ", or ") + (alone.size() == 1 ? " fits" : " fit");
  Config smallest = planner.start();
  for (const Step& step : steps) {
    if (planner.peak(smallest) <= budget_bytes) break;
    const std::string change = shrink(planner, step, budget_bytes, smallest);
    if (!change.empty()) together.push_back(change);
  }
  const std::int64_t least = planner.peak(smallest);
  if (least <= budget_bytes) return join(together, ", and ") + " fit together";
  const std::string with = together.empty() ? "" : str("with ", join(together, ", and "), " ");
  return str("no settings fit: ", with, "it needs ", format_bytes(static_cast<std::uint64_t>(least)));
}

}  // namespace vernier
