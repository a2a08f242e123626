#include "commands/disk_space.h"

#include <algorithm>

#include "base/text.h"
#include "io/free_space.h"
#include "io/run_store.h"
#include "spec/lora_targets.h"
#include "train/checkpoint.h"

namespace vernier {

std::int64_t expected_checkpoint_bytes(const RunInputs& inputs) {
  const LoraConfig& lora = inputs.config().lora;
  return checkpoint_bytes(lora_parameters(inputs.spec, match_lora_targets(inputs.spec, lora), lora.r),
                          state_layout(inputs, inputs.config()).state_bytes());
}

void check_disk_space(const std::string& output_dir, std::int64_t checkpoint_bytes, std::int64_t checkpoints_at_once,
                      const Log& log) {
  // As much as a save asks for: what its refusal told to free is enough to resume.
  require_free_space(output_dir, static_cast<std::uint64_t>(checkpoint_bytes));
  constexpr std::int64_t kReports = std::int64_t{1} << 20;
  const std::int64_t adapter_and_reports = checkpoint_bytes / 2 + kReports;
  const auto there = static_cast<std::int64_t>(list_checkpoints(output_dir).size());
  const std::int64_t more = std::max<std::int64_t>(checkpoints_at_once - there, 1);
  const auto needed = static_cast<std::uint64_t>(more * checkpoint_bytes + adapter_and_reports);
  const std::uint64_t free = free_bytes(output_dir);
  if (free < needed)
    log.warning(str(output_dir, ": the checkpoints of this run (", more, " of ",
                    format_bytes(static_cast<std::uint64_t>(checkpoint_bytes)), ") and its adapter need ",
                    format_bytes(needed), ", and ", format_bytes(free),
                    " are free: a lower save_total_limit needs less"));
}

}  // namespace vernier
