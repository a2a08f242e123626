#include "commands/start_run.h"

#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/text.h"
#include "commands/recorded_base.h"
#include "io/metrics_file.h"
#include "io/peft_files.h"
#include "io/run_files.h"
#include "io/run_store.h"
#include "train/resume_rules.h"

namespace vernier {

namespace {

void start_fresh(const OutputLock& lock) {
  remove_checkpoints(lock);
  remove_run_files(lock, {kManifestName, "metrics.jsonl", kAdapterWeightsName, kAdapterConfigName,
                          kQuantizationRecordName, kAdapterTemplateName});
}

// A run that goes on does not read the adapter at the root, and writes it anew in the end.
void note_damaged_adapter(const std::string& output_dir, const Log& log) {
  std::error_code ignored;
  if (!std::filesystem::exists(output_dir + "/" + kManifestName, ignored)) return;
  try {
    verify_checkpoint(output_dir);
  } catch (const Error& error) {
    log.warning(str(error.message(), "; the end of this run writes the adapter again"));
  }
}

std::string checkpoint_to_resume(const TrainConfig& train, const Log& log) {
  if (!train.resume_from.empty()) {
    verify_checkpoint(train.resume_from);
    return train.resume_from;
  }
  std::vector<std::string> notes;
  const auto newest = newest_good_checkpoint(train.output_dir, notes);
  for (const std::string& note : notes) log.warning(note);
  if (newest) return newest->path;
  if (!notes.empty())
    throw Error(ErrorKind::kIntegrity, "no checkpoint here is whole", train.output_dir,
                "--overwrite-output-dir starts again");
  log.info(str("no checkpoint in ", train.output_dir, " yet: starting from the beginning"));
  return "";
}

// A checkpoint of another directory does not bring the best one along.
void forget_best_elsewhere(const std::string& checkpoint, const TrainConfig& train, TrainerState& state) {
  std::error_code ignored;
  const auto parent = std::filesystem::absolute(checkpoint).parent_path();
  if (!std::filesystem::equivalent(parent, train.output_dir, ignored)) state.evaluations.best_saved.reset();
}

}  // namespace

TrainerState start_or_resume(const TrainConfig& train, const std::vector<std::string>& allow_changes,
                             const RunParts& parts, const OutputLock& lock, const Log& log) {
  std::vector<std::string> notes;
  clean_leftovers(lock, notes);
  TrainerState state;
  const bool resume = train.resume || !train.resume_from.empty();
  const std::string checkpoint = resume ? checkpoint_to_resume(train, log) : "";
  if (checkpoint.empty()) {
    if (resume) require_recorded_base(train.output_dir, parts.identity);
    start_fresh(lock);
  } else {
    state = restore_checkpoint(checkpoint, parts.model, parts.optimizer, parts.identity,
                               allowed_changes(allow_changes, notes), notes);
    if (state.step > parts.total_steps)
      throw Error(
          ErrorKind::kInput,
          str("the checkpoint has taken ", count_of(state.step, "step"), ", and this run has ", parts.total_steps),
          checkpoint, "raise num_epochs or max_steps");
    note_damaged_adapter(train.output_dir, log);
    forget_best_elsewhere(checkpoint, train, state);
    if (const auto note = cut_back(lock, "metrics.jsonl", state.metrics)) notes.push_back(*note);
    log.info(str("resuming after step ", state.step, " from ", checkpoint));
  }
  for (const std::string& note : notes) log.warning(note);
  return state;
}

}  // namespace vernier
