#include "train/trainer.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "io/run_store.h"
#include "model/adapter.h"
#include "train/best_checkpoint.h"
#include "train/evaluate.h"

namespace vernier {

namespace {

// A file never holds a NaN.
void require_finite(const Decoder& model, const Device& device) {
  if (!device.ops->all_finite(model.lora->values()))
    throw Error(ErrorKind::kNumeric, "the adapter's weights are NaN or Inf", "", "lower learning_rate");
}

}  // namespace

Trainer::Trainer(const TrainConfig& train, const OptimizerConfig& optimizer, const BatchConfig& batch,
                 TrainStep::Memory memory, AdapterFiles files, RunIdentity identity, const TrainerState& state,
                 const Parts& parts)
    : train_(train),
      batch_(batch),
      files_(std::move(files)),
      identity_(std::move(identity)),
      parts_(parts),
      total_steps_(total_steps(train, parts.batches.steps_per_epoch())),
      cadence_(train, parts.batches.steps_per_epoch(), total_steps_),
      watchdog_(train),
      stop_(parts.signals, train.max_time, parts.since,
            expected_save_seconds(checkpoint_bytes(parts.model.lora->values().numel(), parts.optimizer.state_bytes()))),
      step_({parts.device, parts.model, parts.batches, parts.optimizer, parts.dataset}, optimizer, total_steps_,
            memory),
      step_log_(train, state.step, total_steps_, parts.lock, parts.log),
      state_(state),
      seconds_before_(state.seconds) {
  last_.step = state.step;
  last_.epoch = static_cast<double>(state.step) / static_cast<double>(parts.batches.steps_per_epoch());
}

RunSummary Trainer::run() {
  parts_.signals.begin_training();
  summary_.already_done = finished();
  if (state_.evaluation_owed) finish_step();
  while (goes_on() && take_step()) finish_step();
  if (finished()) {
    end_finished();
  } else {
    end_stopped();
  }
  summary_.steps = state_.step;
  summary_.skipped_steps = state_.skipped_steps;
  summary_.seconds = watch_.seconds();
  summary_.seconds_in_all = seconds_before_ + summary_.seconds;
  return summary_;
}

bool Trainer::goes_on() const {
  return !finished() && !state_.evaluation_owed && !stop_.due();
}

bool Trainer::finished() const {
  return !state_.evaluation_owed && (state_.step >= total_steps_ || stopped_early());
}

bool Trainer::stopped_early() const {
  return train_.early_stopping_patience && state_.evaluations.without_gain >= *train_.early_stopping_patience;
}

// False when the step was given up.
bool Trainer::take_step() {
  try {
    last_ = step_.take(state_.step, [&](double share, double seconds) { stop_.check_step(share, seconds); });
  } catch (const WorkDropped&) {
    parts_.log.info(str("step ", state_.step + 1, " was given up: it would not have ended in time"));
    return false;
  }
  advanced_ = true;
  stop_.step_took(last_.step_seconds);
  state_.step = last_.step;
  summary_.tokens += last_.tokens;
  step_log_.step(last_);
  if (last_.skipped) {
    ++state_.skipped_steps;
    parts_.log.warning(str("step ", last_.step, " skipped: ", explain(*last_.skipped, parts_.dataset)));
  } else {
    summary_.last_loss = last_.loss;
  }
  heed_watchdog();
  return true;
}

void Trainer::heed_watchdog() {
  const auto reason = watchdog_.see(last_, state_.watchdog);
  if (!reason) return;
  save();
  throw Error(ErrorKind::kNumeric, *reason, str("step ", state_.step), where_to_go_back());
}

// The weights may have been on their way out before the first NaN showed: all checkpoints from before it were kept.
std::string Trainer::where_to_go_back() const {
  std::vector<std::string> damaged;
  const std::int64_t first = *state_.watchdog.bad_since;
  const auto good = newest_good_checkpoint(train_.output_dir, damaged, parts_.lock.files(), first - 1);
  const std::string back =
      good ? str("the newest checkpoint from before the first of them, step ", first,
                 ", is resumed by resume_from_checkpoint: ", good->path, " (where that is no better, by an older one)")
           : str("there is none from before the first of them, step ", first);
  return str("--resume goes on behind these steps; ", back,
             "; a lower learning_rate often helps (--allow-change learning_rate)");
}

// What comes after a step, before the next one: also on a resume, when the evaluation was stopped.
void Trainer::finish_step() {
  bool best = false;
  state_.evaluation_owed = false;
  if (parts_.evaluation != nullptr && cadence_.evaluation_due(state_.step)) {
    best = evaluate_step();
  } else {
    state_.evaluation = {};
  }
  if (state_.evaluation_owed) return;
  const bool asked = parts_.signals.take_save_request(), last = stopped_early() || state_.step >= total_steps_;
  // Where a line that finds no room stops the run, saving tells how much is missing in all.
  const bool lines_stop = train_.on_save_error == OnSaveError::kStop && step_log_.waiting_bytes() > 0;
  if (asked || lines_stop || cadence_.save_due(state_.step, since_save_.seconds(), best, last)) try_save();
}

// True at a new best. An evaluation that is stopped is owed.
bool Trainer::evaluate_step() {
  const std::int64_t rows = parts_.evaluation->size(), first = state_.evaluation.rows;
  const Stopwatch watch;
  double before = 0, longest = 0;  // seconds, of a micro batch
  Evaluation& evaluation = state_.evaluation;
  state_.evaluation_owed = true;
  try {
    evaluate(parts_.model, parts_.device, *parts_.evaluation, batch_.micro_batch_size, step_.arena(), evaluation, [&] {
      parts_.log.live(str("evaluating ", evaluation.rows, "/", count_of(rows, "row")));
      advanced_ = true;
      longest = std::max(longest, watch.seconds() - before);
      before = watch.seconds();
      if (evaluation.rows < rows) stop_.check_evaluation(longest);
    });
  } catch (const WorkDropped&) {
    const double whole = watch.seconds() * static_cast<double>(rows) / static_cast<double>(evaluation.rows - first);
    parts_.log.info(str(stop_.out_of_time() ? "max_time: " : "", "the evaluation after step ", state_.step,
                        " takes about ", format_duration(whole), " and stopped at row ", evaluation.rows, " of ", rows,
                        ": a resume goes on with it"));
    return false;
  }
  state_.evaluation_owed = false;
  summary_.last_eval_loss = evaluation.loss();
  step_log_.evaluation(last_, evaluation);
  return state_.evaluations.add(state_.step, std::exchange(evaluation, {}).loss(), train_.early_stopping_threshold);
}

void Trainer::save() {
  const Stopwatch watch;
  try {
    require_finite(parts_.model, parts_.device);
    require_save_space(parts_.lock, parts_.model, parts_.optimizer, step_log_.waiting_bytes());
    state_.metrics = step_log_.flush();
  } catch (const Error& problem) {
    throw checkpoint_error(parts_.lock, state_.step, problem);
  }
  state_.seconds = seconds_before_ + watch_.seconds();
  TrainerState saved = state_;
  saved.evaluations.saved(state_.step);
  save_checkpoint(parts_.lock, parts_.model, parts_.optimizer, files_, identity_, saved);
  state_ = saved;
  saved_step_ = state_.step;
  since_save_ = Stopwatch();
  stop_.save_took(watch.seconds());
  parts_.log.info(str("saved step ", state_.step, " in ", train_.output_dir, "/", checkpoint_name(state_.step)));
  prune();
  parts_.log.debug(str("saving took ", watch.text()));
}

void Trainer::prune() {
  if (train_.save_total_limit == 0) return;
  std::vector<std::int64_t> kept;
  if (state_.evaluations.best_saved) kept.push_back(state_.evaluations.best_saved->step);
  if (const auto bad_since = state_.watchdog.bad_since)
    for (const std::int64_t step : list_checkpoints(train_.output_dir, parts_.lock.files()))
      if (step < *bad_since) kept.push_back(step);
  prune_checkpoints(parts_.lock, static_cast<std::size_t>(train_.save_total_limit), kept);
}

void Trainer::try_save() {
  try {
    save();
  } catch (const Error& problem) {
    if (problem.kind() != ErrorKind::kResource) throw;
    if (train_.on_save_error == OnSaveError::kStop)
      throw Error(problem.kind(), str(problem.what(), "; the run stops (on_save_error: stop)"), problem.where(),
                  problem.fix());
    parts_.log.warning(str(problem.message(), "; the run goes on (on_save_error: continue)"));
  }
}

void Trainer::end_stopped() {
  if (saved_step_ != state_.step) save();
  summary_.end = parts_.signals.stop_requested() ? RunEnd::kStoppedBySignal : RunEnd::kOutOfTime;
  if (summary_.end == RunEnd::kOutOfTime && !advanced_)
    parts_.log.warning("max_time leaves no time for a step: a resume with the same max_time gets no further");
}

void Trainer::end_finished() {
  if (stopped_early() && state_.step < total_steps_) summary_.end = RunEnd::kStoppedEarly;
  if (summary_.already_done) prune();  // the run may have been killed between its last save and the pruning
  if (train_.load_best_model_at_end) take_best_adapter();
  write_root_adapter(parts_.lock, parts_.model, files_, summary_.adapter_of ? summary_.adapter_of->step : state_.step);
}

void Trainer::take_best_adapter() {
  std::vector<std::string> notes;
  const auto best = best_whole_evaluation(train_.output_dir, state_, identity_.evaluation, notes);
  for (const std::string& note : notes) parts_.log.warning(note);
  const bool another = best && best->step != state_.step;
  summary_.best_is_lost = !notes.empty();
  if (summary_.best_is_lost)
    parts_.log.warning(str("the best checkpoint by eval_loss is not whole: the adapter is that of ",
                           another ? str("step ", best->step, ", the best that is left") : "the last step"));
  if (!another) return;
  load_adapter_tensors(parts_.model, train_.output_dir + "/" + checkpoint_name(best->step));
  summary_.adapter_of = best;
}

}  // namespace vernier
