#include "commands/disk_space.h"

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "io/free_space.h"
#include "io/run_store.h"
#include "spec/lora_targets.h"
#include "train/cadence.h"
#include "train/checkpoint.h"

namespace vernier {

namespace {

std::int64_t expected_checkpoint_bytes(const RunInputs& inputs) {
  const LoraConfig& lora = inputs.config().lora;
  return checkpoint_bytes(lora_parameters(inputs.spec, match_lora_targets(inputs.spec, lora), lora.r),
                          state_layout(inputs, inputs.config()).state_bytes());
}

}  // namespace

DiskNeed disk_need(const RunInputs& inputs, std::int64_t steps_per_epoch, std::int64_t total_steps) {
  constexpr std::int64_t kReports = std::int64_t{1} << 20;
  const TrainConfig& train = inputs.config().train;
  const std::int64_t at_once =
      Cadence(train, steps_per_epoch, total_steps).checkpoints_at_once(inputs.evaluation.size() > 0);
  const auto there = static_cast<std::int64_t>(list_checkpoints(train.output_dir).size());
  const std::int64_t checkpoint = expected_checkpoint_bytes(inputs);
  return {std::max<std::int64_t>(at_once - there, 1), checkpoint, checkpoint / 2 + kReports};
}

void check_disk_space(const std::string& output_dir, const DiskNeed& need, const Log& log) {
  // As much as a save asks for: what its refusal told to free is enough to resume.
  require_free_space(output_dir, static_cast<std::uint64_t>(need.checkpoint_bytes));
  const std::uint64_t free = free_bytes(output_dir);
  if (free < need.total())
    log.warning(str(output_dir, ": the checkpoints of this run (", need.checkpoints, " of ",
                    format_bytes(static_cast<std::uint64_t>(need.checkpoint_bytes)), ") and its adapter need ",
                    format_bytes(need.total()), ", and ", format_bytes(free),
                    " are free: a lower save_total_limit needs less"));
}

std::string describe(const DiskNeed& need, const std::string& output_dir) {
  const std::uint64_t free = free_bytes(output_dir);
  const bool bounded = free != std::numeric_limits<std::uint64_t>::max();
  return str(count_of(need.checkpoints, "checkpoint"), " and the final files need ", format_bytes(need.total()), " of ",
             bounded ? format_bytes(free) : std::string("unlimited space"), bounded ? " free in " : " in ", output_dir);
}

}  // namespace vernier
