#include "train/best_checkpoint.h"

#include "base/error.h"
#include "base/text.h"
#include "io/run_store.h"
#include "train/checkpoint.h"

namespace vernier {

namespace {

using Measured = EvaluationHistory::Measured;

// nullopt: not measured on these rows, or not whole, which is told.
std::optional<Measured> whole_evaluation(const std::string& output_dir, std::int64_t step,
                                         const std::string& evaluation_rows, std::vector<std::string>& notes) {
  const std::string directory = output_dir + "/" + checkpoint_name(step);
  try {
    if (const std::int64_t written = verify_checkpoint(directory); written != step)
      throw Error(ErrorKind::kIntegrity, str("its manifest is that of step ", written), directory);
    return saved_evaluation(directory, evaluation_rows);
  } catch (const Error& problem) {
    notes.push_back(str("passed over ", checkpoint_name(step), ": ", problem.message()));
    return std::nullopt;
  }
}

}  // namespace

std::optional<Measured> best_whole_evaluation(const std::string& output_dir, const TrainerState& state,
                                              const std::string& evaluation_rows, std::vector<std::string>& notes) {
  const auto& best_saved = state.evaluations.best_saved;
  if (!best_saved || best_saved->step == state.step) return best_saved;
  if (whole_evaluation(output_dir, best_saved->step, evaluation_rows, notes)) return best_saved;
  std::optional<Measured> best;
  if (const auto& newest = state.evaluations.newest; newest && newest->step == state.step) best = newest;
  for (const std::int64_t step : list_checkpoints(output_dir)) {
    if (step >= state.step || step == best_saved->step) continue;
    const auto measured = whole_evaluation(output_dir, step, evaluation_rows, notes);
    if (measured && (!best || measured->loss < best->loss)) best = measured;
  }
  return best;
}

}  // namespace vernier
