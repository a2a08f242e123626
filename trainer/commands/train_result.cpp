#include "commands/train_result.h"

#include <cstdio>

#include "base/text.h"
#include "train/metrics.h"

namespace vernier {

namespace {

const char* end_text(RunEnd end) {
  switch (end) {
    case RunEnd::kFinished:
      return "finished";
    case RunEnd::kStoppedEarly:
      return "stopped early (early_stopping_patience)";
    case RunEnd::kStoppedBySignal:
      return "stopped";
    case RunEnd::kOutOfTime:
      return "stopped (max_time)";
  }
  return "";
}

}  // namespace

bool is_resumable(RunEnd end) {
  return end == RunEnd::kStoppedBySignal || end == RunEnd::kOutOfTime;
}

void print_result(const RunSummary& summary, const TrainConfig& train, bool chats) {
  if (summary.already_done) {
    std::printf("already finished after step %lld: nothing to do\n", static_cast<long long>(summary.steps));
    return;
  }
  const bool resumed = summary.seconds_in_all - summary.seconds >= 0.5;
  std::printf("%s after step %lld, %s%s, %.0f tokens/s, peak memory %s\n", end_text(summary.end),
              static_cast<long long>(summary.steps), format_duration(summary.seconds).c_str(),
              resumed ? str(" (", format_duration(summary.seconds_in_all), " in all)").c_str() : "",
              summary.seconds > 0 ? static_cast<double>(summary.tokens) / summary.seconds : 0,
              format_bytes(static_cast<std::uint64_t>(peak_rss_bytes())).c_str());
  if (summary.skipped_steps > 0)
    std::printf("skipped %s without an update: metrics.jsonl says why\n",
                count_of(summary.skipped_steps, "step").c_str());
  if (is_resumable(summary.end)) {
    std::printf("go on with --resume\n");
    return;
  }
  if (summary.last_loss) std::printf("loss %s\n", format_float(*summary.last_loss).c_str());
  if (summary.last_eval_loss) std::printf("eval_loss %s\n", format_float(*summary.last_eval_loss).c_str());
  if (summary.adapter_of)
    std::printf("the adapter is that of step %lld, the best by eval_loss%s: %s\n",
                static_cast<long long>(summary.adapter_of->step),
                summary.best_is_lost ? " of those that are whole" : "", format_float(summary.adapter_of->loss).c_str());
  // What did not learn from conversations continues texts.
  const char *const dir = train.output_dir.c_str(), *const raw = chats ? "" : "--raw ";
  std::printf(
      "adapter in %s\n  vernier generate --adapter %s %s--prompt \"...\"\n  vernier merge --adapter %s --out DIR\n",
      dir, dir, raw, dir);
}

}  // namespace vernier
