#include "train/trainer_state.h"

#include <limits>

namespace vernier {

namespace {

Json measured_json(const std::optional<EvaluationHistory::Measured>& measured) {
  if (!measured) return Json();
  return {{"step", measured->step}, {"eval_loss", measured->loss}};
}

std::optional<EvaluationHistory::Measured> read_measured(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return EvaluationHistory::Measured{json.at("step").get<std::int64_t>(), json.at("eval_loss").get<double>()};
}

// JSON has null for a NaN.
double read_sum(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

}  // namespace

bool EvaluationHistory::add(std::int64_t step, double loss, double threshold) {
  const bool better = best ? loss < best->loss : loss == loss;
  const bool gain = better && (!best || best->loss - loss > threshold);
  without_gain = gain ? 0 : without_gain + 1;
  newest.reset();
  if (loss == loss) newest = Measured{step, loss};
  if (better) best = newest;
  return better;
}

void EvaluationHistory::saved(std::int64_t step) {
  if (!newest || newest->step != step) return;
  if (!best_saved || newest->loss < best_saved->loss) best_saved = newest;
}

void put_state(const TrainerState& state, Json& json) {
  json["step"] = state.step;
  json["metrics_bytes"] = state.metrics.bytes;
  json["metrics_xxh3"] = state.metrics.xxh3;
  json["skipped_steps"] = state.skipped_steps;
  json["evaluation_owed"] = state.evaluation_owed;
  const Evaluation& part = state.evaluation;
  json["evaluation"] = {
      {"rows", part.rows}, {"tokens", part.tokens}, {"targets", part.targets}, {"loss_sum", part.loss_sum}};
  json["best"] = measured_json(state.evaluations.best);
  json["best_saved"] = measured_json(state.evaluations.best_saved);
  json["newest"] = measured_json(state.evaluations.newest);
  json["evaluations_without_gain"] = state.evaluations.without_gain;
  json["bad_steps_in_row"] = state.watchdog.bad_in_row;
  json["high_losses_in_row"] = state.watchdog.high_in_row;
  json["bad_since"] = state.watchdog.bad_since ? Json(*state.watchdog.bad_since) : Json();
  json["seconds"] = state.seconds;
}

TrainerState get_state(const Json& json) {
  TrainerState state;
  state.step = json.at("step").get<std::int64_t>();
  state.metrics = {json.at("metrics_bytes").get<std::uint64_t>(), json.at("metrics_xxh3").get<std::string>()};
  state.skipped_steps = json.at("skipped_steps").get<std::int64_t>();
  state.evaluation_owed = json.at("evaluation_owed").get<bool>();
  const Json& part = json.at("evaluation");
  state.evaluation = {part.at("rows").get<std::int64_t>(), part.at("tokens").get<std::int64_t>(),
                      part.at("targets").get<std::int64_t>(), read_sum(part.at("loss_sum"))};
  state.evaluations.best = read_measured(json.at("best"));
  state.evaluations.best_saved = read_measured(json.at("best_saved"));
  state.evaluations.newest = read_measured(json.at("newest"));
  state.evaluations.without_gain = json.at("evaluations_without_gain").get<std::int64_t>();
  state.watchdog.bad_in_row = json.at("bad_steps_in_row").get<std::int64_t>();
  state.watchdog.high_in_row = json.at("high_losses_in_row").get<std::int64_t>();
  if (const Json& since = json.at("bad_since"); !since.is_null()) state.watchdog.bad_since = since.get<std::int64_t>();
  state.seconds = json.at("seconds").get<double>();
  return state;
}

}  // namespace vernier
