#pragma once
// A run of the store alone, as `vernier train --resume` makes it, with contents that follow from the step: what the
// fault tests stop, and what they compare with afterwards.

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "io/file_system.h"
#include "io/metrics_file.h"
#include "io/output_lock.h"

namespace vernier::test {

inline constexpr std::int64_t kLastStep = 4;

// checkpoint-STEP with weights, a state and the length of the metrics.
void save_step(const OutputLock& lock, std::int64_t step, const MetricsMark& metrics);

// What a checkpoint holds of a MetricsMark, and the mark of such bytes.
std::string mark_text(const MetricsMark& mark);
MetricsMark read_mark(const std::string& text);
MetricsMark mark_of(const std::string& bytes);

// Goes on from the newest whole checkpoint up to kLastStep: a line of metrics and a checkpoint a step (the third twice,
// so that one is replaced), `acknowledge` where `saved step N` is printed, then pruning to the fewest; the adapter at
// the root last.
void run_to_end(FileSystem& files, const std::string& dir, const std::function<void(std::int64_t)>& acknowledge);

// Promises A and D of what lies in `dir` after a stop: the newest whole checkpoint is the last acknowledged one or a
// newer one, its bytes are the step's, nothing partial has a checkpoint's name, two are whole once two were
// acknowledged, the metrics hold what the checkpoint recorded, and files at the root are whole or absent.
void expect_promises(FileSystem& files, const std::string& dir, const std::set<std::int64_t>& acknowledged);

// That `dir` holds what an uninterrupted run leaves, byte for byte, and nothing else but whole older checkpoints.
void expect_finished(FileSystem& files, const std::string& dir);

// The bytes of every file below `dir`, by path.
std::map<std::string, std::string> tree(FileSystem& files, const std::string& dir);

}  // namespace vernier::test
