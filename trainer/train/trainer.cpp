#include "train/trainer.h"

#include <algorithm>
#include <cmath>

#include "base/stopwatch.h"
#include "base/text.h"
#include "io/run_store.h"
#include "train/signals.h"

namespace vernier {

std::int64_t total_steps(const TrainConfig& config, std::int64_t steps_per_epoch) {
  if (config.max_steps) return *config.max_steps;
  return std::max<std::int64_t>(
      1, static_cast<std::int64_t>(std::ceil(config.num_epochs * static_cast<double>(steps_per_epoch))));
}

Trainer::Trainer(const TrainConfig& train, const OptimizerConfig& optimizer, const BatchConfig& batch,
                 TrainStep::Memory memory, AdapterFiles files, RunIdentity identity, const Parts& parts)
    : train_(train),
      batch_(batch),
      files_(std::move(files)),
      identity_(std::move(identity)),
      parts_(parts),
      steps_per_epoch_(parts.batches.steps_per_epoch()),
      total_steps_(total_steps(train, steps_per_epoch_)),
      step_({parts.device, parts.model, parts.batches, parts.optimizer, parts.dataset}, optimizer, total_steps_,
            memory),
      metrics_file_(parts.lock, "metrics.jsonl") {}

RunSummary Trainer::run(const TrainerState& state) {
  const StopSignals signals;
  const Stopwatch watch;
  summary_.steps = state.step;
  while (summary_.steps < total_steps_) {
    const StepMetrics metrics = step_.take(summary_.steps);
    summary_.steps = metrics.step;
    summary_.last_loss = metrics.loss;
    summary_.tokens += metrics.tokens;
    metrics_file_.append(metrics_line(metrics, peak_rss_bytes()));
    show(metrics, state.step, watch.seconds());
    if (evaluation_due(metrics.step)) evaluate_and_log(metrics);
    const bool stop = signals.stop_requested();
    if (stop || save_due(metrics.step)) save(metrics.step);
    if (stop && metrics.step < total_steps_) {
      summary_.end = RunEnd::kStoppedBySignal;
      break;
    }
  }
  summary_.seconds = watch.seconds();
  summary_.already_done = state.step >= total_steps_;
  if (summary_.end == RunEnd::kFinished) write_root_adapter(parts_.lock, parts_.model, files_);
  return summary_;
}

void Trainer::evaluate_and_log(const StepMetrics& metrics) {
  const std::int64_t rows = parts_.evaluation->size();
  const Evaluation evaluation =
      evaluate(parts_.model, parts_.device, *parts_.evaluation, batch_.micro_batch_size, step_.arena(),
               [&](std::int64_t done) { parts_.log.live(str("evaluating ", done, "/", count_of(rows, "row"))); });
  summary_.last_eval_loss = evaluation.loss;
  metrics_file_.append(evaluation_line(metrics.step, metrics.epoch, evaluation.loss, evaluation.tokens));
  parts_.log.info(str("step ", metrics.step, "  eval_loss ", format_float(evaluation.loss), "  (",
                      count_of(rows, "row"), ", ", count_of(evaluation.targets, "target"), ")"));
}

void Trainer::save(std::int64_t step) {
  const Stopwatch watch;
  metrics_file_.sync();
  save_checkpoint(parts_.lock, parts_.model, parts_.optimizer, files_, identity_, {step, metrics_file_.bytes()});
  parts_.log.info(str("saved step ", step, " in ", train_.output_dir, "/", checkpoint_name(step)));
  parts_.log.debug(str("saving took ", watch.text()));
  if (train_.save_total_limit > 0) prune_checkpoints(parts_.lock, static_cast<std::size_t>(train_.save_total_limit));
}

void Trainer::show(const StepMetrics& metrics, std::int64_t first_step, double seconds) {
  const auto done = static_cast<double>(metrics.step - first_step);
  const std::string line =
      progress_line(metrics, total_steps_, seconds / done * static_cast<double>(total_steps_ - metrics.step));
  const bool last = metrics.step == total_steps_, due = last || metrics.step % train_.logging_steps == 0;
  if (parts_.log.is_terminal() && !last) {
    parts_.log.live(line);
  } else if (due) {
    parts_.log.info(line);
  }
}

bool Trainer::every(std::optional<std::int64_t> steps, std::optional<std::int64_t> per_epoch, std::int64_t done) const {
  if (steps) return done % *steps == 0;
  const std::int64_t parts = per_epoch.value_or(1);
  const std::int64_t in_epoch = (done - 1) % steps_per_epoch_ + 1;
  // The step at which another of the epoch's parts is full.
  return in_epoch * parts / steps_per_epoch_ > (in_epoch - 1) * parts / steps_per_epoch_;
}

bool Trainer::evaluation_due(std::int64_t done) const {
  if (parts_.evaluation == nullptr || train_.eval_strategy == SaveStrategy::kNo) return false;
  return done == total_steps_ || every(train_.eval_steps, train_.evals_per_epoch, done);
}

bool Trainer::save_due(std::int64_t done) const {
  if (train_.save_strategy == SaveStrategy::kNo) return false;
  if (done == total_steps_) return true;
  if (train_.save_strategy == SaveStrategy::kEpoch) return every({}, train_.saves_per_epoch, done);
  constexpr std::int64_t kDefaultSaveSteps = 500;
  return every(train_.saves_per_epoch ? train_.save_steps : train_.save_steps.value_or(kDefaultSaveSteps),
               train_.saves_per_epoch, done);
}

}  // namespace vernier
