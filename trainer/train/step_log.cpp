#include "train/step_log.h"

#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace vernier {

StepLog::StepLog(const TrainConfig& config, std::int64_t first_step, std::int64_t total_steps, const OutputLock& lock,
                 const Log& log)
    : config_(config), first_step_(first_step), total_steps_(total_steps), log_(log), file_(lock, "metrics.jsonl") {}

void StepLog::step(const StepMetrics& metrics) {
  append(metrics_line(metrics, peak_rss_bytes()));
  show(metrics);
}

void StepLog::evaluation(const StepMetrics& metrics, const Evaluation& evaluation) {
  append(evaluation_line(metrics.step, metrics.epoch, evaluation.loss(), evaluation.tokens));
  log_.info(str("step ", metrics.step, "  eval_loss ", format_float(evaluation.loss()), "  (",
                count_of(evaluation.rows, "row"), ", ", count_of(evaluation.targets, "target"), ")"));
}

void StepLog::append(std::string line) {
  const bool waited = !waiting_.empty();
  waiting_.push_back(std::move(line));
  try {
    write_waiting();
  } catch (const Error& problem) {
    if (problem.kind() != ErrorKind::kResource) throw;
    if (!waited && config_.on_save_error == OnSaveError::kContinue)
      log_.warning(str(problem.where(), ": ", problem.what(), "; its lines wait for room"));
  }
}

std::uint64_t StepLog::waiting_bytes() const {
  std::uint64_t bytes = 0;
  for (const std::string& line : waiting_) bytes += line.size() + 1;
  return bytes;
}

void StepLog::write_waiting() {
  while (!waiting_.empty()) {
    file_.append(waiting_.front());
    waiting_.pop_front();
  }
}

MetricsMark StepLog::flush() {
  write_waiting();
  file_.sync();
  return file_.mark();
}

void StepLog::show(const StepMetrics& metrics) const {
  if (metrics.skipped) return;
  const auto done = static_cast<double>(metrics.step - first_step_);
  const double left = since_.seconds() / done * static_cast<double>(total_steps_ - metrics.step);
  const std::string line = progress_line(metrics, total_steps_, left);
  const bool last = metrics.step == total_steps_;
  if (log_.is_terminal() && !last) {
    log_.live(line);
  } else if (last || metrics.step % config_.logging_steps == 0) {
    log_.info(line);
  }
}

}  // namespace vernier
