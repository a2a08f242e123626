#pragma once
// What `vernier train` says on stdout when a run has ended.

#include "config/config.h"
#include "train/trainer.h"

namespace vernier {

// Whether steps are left that --resume does: exit code 75.
bool is_resumable(RunEnd end);

// `chats`: the rows were conversations, so that the adapter answers messages.
void print_result(const RunSummary& summary, const TrainConfig& train, bool chats);

}  // namespace vernier
