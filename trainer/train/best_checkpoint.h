#pragma once
// Whose adapter a run ends with (load_best_model_at_end): the checkpoint with the lowest evaluation loss, or the next
// best one when that is damaged.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "train/trainer_state.h"

namespace vernier {

// The evaluation with the lowest loss of those whose adapter can be had: of the checkpoint that `state` calls the best
// when it is whole, else of the other checkpoints of `output_dir` that are whole and were measured on the same rows
// (the SHA-256 `evaluation_rows`), and of the last step, whose adapter is in memory. nullopt when there is none. Each
// checkpoint that cannot be used is told in `notes`, a line each.
std::optional<EvaluationHistory::Measured> best_whole_evaluation(const std::string& output_dir,
                                                                 const TrainerState& state,
                                                                 const std::string& evaluation_rows,
                                                                 std::vector<std::string>& notes);

}  // namespace vernier
