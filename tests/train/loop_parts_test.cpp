// The small parts of the loop: when to save and evaluate, what was best, when numbers end a run, when time does.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <limits>

#include "base/error.h"
#include "train/cadence.h"
#include "train/run_stop.h"
#include "train/signals.h"
#include "train/trainer_state.h"
#include "train/watchdog.h"

namespace vernier {
namespace {

using Steps = std::vector<std::int64_t>;

Steps saves(const TrainConfig& config, std::int64_t steps_per_epoch, std::int64_t total) {
  const Cadence cadence(config, steps_per_epoch, total);
  Steps steps;
  for (std::int64_t step = 1; step <= total; ++step)
    if (cadence.save_due(step, 0, false, step == total)) steps.push_back(step);
  return steps;
}

TEST(Cadence, Saves) {
  TrainConfig config;
  EXPECT_EQ(saves(config, 4, 10), (Steps{4, 8, 10}));
  config.save_strategy = SaveStrategy::kSteps;
  config.save_steps = 3;
  EXPECT_EQ(saves(config, 4, 10), (Steps{3, 6, 9, 10}));
  config.save_steps.reset();
  config.saves_per_epoch = 2;
  EXPECT_EQ(saves(config, 4, 10), (Steps{2, 4, 6, 8, 10}));
  config.save_strategy = SaveStrategy::kNo;
  EXPECT_EQ(saves(config, 4, 10), Steps{});
  config.save_strategy = SaveStrategy::kBest;
  EXPECT_EQ(saves(config, 4, 10), Steps{10});
  EXPECT_TRUE(Cadence(config, 4, 10).save_due(3, 0, true, false));
}

TEST(Cadence, BestAndMinutes) {
  TrainConfig config;
  config.save_strategy = SaveStrategy::kSteps;
  config.save_steps = 100;
  EXPECT_FALSE(Cadence(config, 10, 1000).save_due(7, 1e6, true, false));
  config.load_best_model_at_end = true;
  EXPECT_TRUE(Cadence(config, 10, 1000).save_due(7, 0, true, false));
  EXPECT_FALSE(Cadence(config, 10, 1000).save_due(7, 0, false, false));
  config.save_minutes = 0.5;
  EXPECT_FALSE(Cadence(config, 10, 1000).save_due(7, 29.9, false, false));
  EXPECT_TRUE(Cadence(config, 10, 1000).save_due(7, 30, false, false));
}

TEST(Cadence, CheckpointsAtOnce) {
  TrainConfig config;
  EXPECT_EQ(Cadence(config, 10, 1000).checkpoints_at_once(true), 5) << "three newest, the best, and one being written";
  EXPECT_EQ(Cadence(config, 10, 1000).checkpoints_at_once(false), 4);
  config.save_total_limit = 1;
  EXPECT_EQ(Cadence(config, 10, 1000).checkpoints_at_once(false), 3) << "pruning leaves two";
  config.save_total_limit = 3;
  config.save_strategy = SaveStrategy::kSteps;
  config.save_steps = 2000;
  EXPECT_EQ(Cadence(config, 10, 3000).checkpoints_at_once(true), 2) << "the run saves twice";
  config.save_minutes = 1;
  EXPECT_EQ(Cadence(config, 10, 3000).checkpoints_at_once(false), 4);
  config.save_strategy = SaveStrategy::kNo;
  EXPECT_EQ(Cadence(config, 10, 3000).checkpoints_at_once(false), 1) << "a signal's";
}

// Without a limit all lie there: as many as a walk over the steps finds.
TEST(Cadence, CheckpointsAtOnceAreThoseOfAllSaves) {
  TrainConfig config;
  config.save_total_limit = 0;
  const auto expect_all = [&](std::int64_t steps_per_epoch, std::int64_t total) {
    EXPECT_EQ(Cadence(config, steps_per_epoch, total).checkpoints_at_once(false),
              static_cast<std::int64_t>(saves(config, steps_per_epoch, total).size()))
        << steps_per_epoch << " steps an epoch, " << total << " in all";
  };
  for (const std::int64_t total : {1, 7, 10, 12, 40}) {
    for (const auto per_epoch : {std::optional<std::int64_t>(), std::optional<std::int64_t>(3), {50}}) {
      config.save_strategy = SaveStrategy::kEpoch;
      config.saves_per_epoch = per_epoch;
      for (const std::int64_t steps_per_epoch : {1, 4, 10}) expect_all(steps_per_epoch, total);
    }
    config.saves_per_epoch.reset();
    config.save_strategy = SaveStrategy::kSteps;
    for (const auto steps : {std::optional<std::int64_t>(), std::optional<std::int64_t>(5), {100}}) {
      config.save_steps = steps;
      expect_all(4, total);
    }
    config.save_strategy = SaveStrategy::kBest;
    expect_all(4, total);
  }
  config.eval_strategy = SaveStrategy::kSteps;
  config.eval_steps = 10;
  EXPECT_EQ(Cadence(config, 4, 45).checkpoints_at_once(true), 5)
      << "each evaluation may be the best, and the last step";
}

TEST(EvaluationHistory, BestAndPatience) {
  EvaluationHistory history;
  EXPECT_TRUE(history.add(10, 2.0, 0.1));
  EXPECT_EQ(history.without_gain, 0);
  EXPECT_TRUE(history.add(20, 1.95, 0.1)) << "a new best";
  EXPECT_EQ(history.without_gain, 1) << "but no gain above the threshold";
  EXPECT_FALSE(history.add(30, 1.97, 0.1));
  EXPECT_EQ(history.without_gain, 2);
  EXPECT_FALSE(history.add(40, std::numeric_limits<double>::quiet_NaN(), 0.1));
  EXPECT_EQ(history.without_gain, 3);
  EXPECT_FALSE(history.newest);
  EXPECT_TRUE(history.add(50, 1.8, 0.1));
  EXPECT_EQ(history.without_gain, 0);
  EXPECT_EQ(history.best->step, 50);
}

TEST(EvaluationHistory, TheBestThatIsSaved) {
  EvaluationHistory history;
  history.add(10, 2.0, 0);
  history.saved(10);
  EXPECT_EQ(history.best_saved->step, 10);
  history.add(20, 1.0, 0);  // no checkpoint here
  history.add(30, 1.5, 0);
  history.saved(30);
  EXPECT_EQ(history.best_saved->step, 30) << "better than the one that is saved, if not the best of all";
  history.add(40, 1.7, 0);
  history.saved(40);
  history.saved(41);  // a step without an evaluation
  EXPECT_EQ(history.best_saved->step, 30);
  EXPECT_EQ(history.best->step, 20);
}

TEST(TrainerState, ComesBackFromJson) {
  TrainerState state;
  state.step = 7;
  state.metrics = {1234567890123, "0123456789abcdef"};
  state.skipped_steps = 2;
  state.evaluation_owed = true;
  state.evaluation = {3, 40, 30, 0.1 + 0.2};
  state.evaluations.add(3, 0.1 + 0.2, 0);
  state.evaluations.saved(3);
  state.evaluations.add(5, 1.0 / 3, 0);
  state.watchdog = {1, 2, 6};
  state.seconds = 12.345678901234567;
  Json json;
  put_state(state, json);
  const TrainerState back = get_state(Json::parse(json.dump()));
  EXPECT_EQ(back.step, 7);
  EXPECT_EQ(back.metrics.bytes, 1234567890123u);
  EXPECT_EQ(back.metrics.xxh3, "0123456789abcdef");
  EXPECT_EQ(back.skipped_steps, 2);
  EXPECT_TRUE(back.evaluation_owed);
  EXPECT_EQ(back.evaluation.rows, 3);
  EXPECT_EQ(back.evaluation.tokens, 40);
  EXPECT_EQ(back.evaluation.targets, 30);
  EXPECT_EQ(back.evaluation.loss_sum, 0.1 + 0.2);
  EXPECT_EQ(back.evaluations.best->loss, 0.1 + 0.2);
  EXPECT_EQ(back.evaluations.best_saved->step, 3);
  EXPECT_EQ(back.evaluations.newest->step, 5);
  EXPECT_EQ(back.evaluations.without_gain, 1);
  EXPECT_EQ(back.watchdog.bad_since, 6);
  EXPECT_EQ(back.watchdog.bad_in_row, 1);
  EXPECT_EQ(back.watchdog.high_in_row, 2);
  EXPECT_EQ(back.seconds, state.seconds);
  json["evaluation"]["loss_sum"] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(get_state(Json::parse(json.dump())).evaluation.loss_sum));
  json.erase("best");
  EXPECT_THROW(get_state(json), Json::exception);
}

StepMetrics step_of(double loss) {
  StepMetrics metrics;
  metrics.loss = loss;
  return metrics;
}

StepMetrics skipped_step(bool bad_numbers) {
  StepMetrics metrics;
  metrics.skipped = SkippedStep{"", "", {}, bad_numbers};
  return metrics;
}

TEST(Watchdog, BadNumbersInARow) {
  const Watchdog watchdog{TrainConfig{}};
  WatchdogState state;
  for (int round = 0; round < 2; ++round) {
    EXPECT_FALSE(watchdog.see(skipped_step(true), state));
    EXPECT_FALSE(watchdog.see(skipped_step(true), state));
    EXPECT_FALSE(watchdog.see(step_of(1e9), state)) << "no threshold is set";
    EXPECT_EQ(state.bad_in_row, 0);
  }
  watchdog.see(skipped_step(true), state);
  EXPECT_FALSE(watchdog.see(skipped_step(false), state)) << "a step without targets says nothing about numbers";
  watchdog.see(skipped_step(true), state);
  const auto reason = watchdog.see(skipped_step(true), state);
  ASSERT_TRUE(reason);
  EXPECT_EQ(*reason, "NaN or Inf in 3 steps in a row");
  EXPECT_EQ(state.bad_in_row, 0) << "a resume gets a full count";
}

TEST(Watchdog, KnowsSinceWhen) {
  TrainConfig config;
  config.loss_watchdog_threshold = 5;
  const Watchdog watchdog(config);
  WatchdogState state;
  const auto see = [&](std::int64_t number, StepMetrics step) {
    step.step = number;
    const bool ends = watchdog.see(step, state).has_value();
    return std::pair(ends, state.bad_since.value_or(0));
  };
  EXPECT_EQ(see(1, step_of(4)), std::pair(false, std::int64_t{0}));
  EXPECT_EQ(see(2, skipped_step(false)), std::pair(false, std::int64_t{0})) << "no target is not bad";
  EXPECT_EQ(see(3, skipped_step(true)), std::pair(false, std::int64_t{3}));
  EXPECT_EQ(see(4, step_of(6)), std::pair(false, std::int64_t{3})) << "bad otherwise";
  EXPECT_EQ(see(5, step_of(4)), std::pair(false, std::int64_t{0}));
  EXPECT_EQ(see(6, step_of(6)), std::pair(false, std::int64_t{6}));
  EXPECT_EQ(see(7, step_of(6)), std::pair(false, std::int64_t{6}));
  EXPECT_EQ(see(8, step_of(6)), std::pair(true, std::int64_t{6}));
  EXPECT_EQ(see(9, skipped_step(true)), std::pair(false, std::int64_t{6})) << "a resume behind the end";
  EXPECT_EQ(see(10, step_of(1)), std::pair(false, std::int64_t{0}));
}

TEST(Watchdog, HighLossesInARow) {
  TrainConfig config;
  config.loss_watchdog_threshold = 5;
  config.loss_watchdog_patience = 2;
  const Watchdog watchdog(config);
  WatchdogState state;
  EXPECT_FALSE(watchdog.see(step_of(5.5), state));
  EXPECT_FALSE(watchdog.see(step_of(5), state)) << "the threshold itself is not above it";
  EXPECT_FALSE(watchdog.see(step_of(6), state));
  EXPECT_THAT(watchdog.see(step_of(6), state).value_or(""),
              ::testing::HasSubstr("loss_watchdog_threshold 5 in 2 steps"));
}

TEST(RunStop, TimeLeavesRoomForAStepAndASave) {
  const RunSignals signals;
  const Stopwatch now;
  RunStop unlimited(signals, std::nullopt, now, 1e9);
  unlimited.step_took(1e9);
  EXPECT_FALSE(unlimited.due());
  EXPECT_NO_THROW(unlimited.check_step(0.001, 1e9));

  RunStop stop(signals, 1000, now, 100);
  EXPECT_FALSE(stop.due());
  stop.step_took(800);
  EXPECT_FALSE(stop.due()) << "850 seconds are left before the save";
  stop.step_took(900);
  EXPECT_TRUE(stop.due());
  EXPECT_TRUE(stop.out_of_time());
  EXPECT_NO_THROW(stop.check_step(0.5, 800));
  EXPECT_THROW(stop.check_step(0.5, 900), WorkDropped);
  EXPECT_NO_THROW(stop.check_evaluation(800));
  EXPECT_THROW(stop.check_evaluation(900), WorkDropped);
  stop.save_took(400);
  EXPECT_THROW(stop.check_step(0.5, 800), WorkDropped) << "saves take longer than expected";
}

// The handlers and their counts belong to the whole program: each of these runs in a child.
[[noreturn]] void signalled_step(double share, double seconds) {
  const RunSignals signals;
  signals.begin_training();
  const RunStop stop(signals, std::nullopt, Stopwatch(), 1);
  raise(SIGTERM);
  if (!signals.stop_requested() || !stop.due() || stop.out_of_time()) std::exit(1);
  try {
    stop.check_step(share, seconds);
  } catch (const WorkDropped&) {
    std::exit(20);
  }
  std::exit(21);
}

[[noreturn]] void signalled_evaluation() {
  const RunSignals signals;
  signals.begin_training();
  raise(SIGINT);
  try {
    RunStop(signals, std::nullopt, Stopwatch(), 1).check_evaluation(0.001);
  } catch (const WorkDropped&) {
    std::exit(20);
  }
  std::exit(21);
}

TEST(RunStopDeathTest, ASignalLetsAStepEndWithin30Seconds) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(signalled_step(0.5, 29), ::testing::ExitedWithCode(21), "");
  EXPECT_EXIT(signalled_step(0.5, 31), ::testing::ExitedWithCode(20), "");
  EXPECT_EXIT(signalled_evaluation(), ::testing::ExitedWithCode(20), "");
}

[[noreturn]] void second_signal() {
  const RunSignals signals;
  signals.begin_training();
  raise(SIGINT);
  raise(SIGTERM);
  std::exit(1);
}

[[noreturn]] void early_signal() {
  const RunSignals signals;
  raise(SIGHUP);
  raise(SIGTERM);
  std::exit(1);
}

[[noreturn]] void save_signal() {
  const RunSignals signals;
  signals.begin_training();
  raise(SIGHUP);
  if (signals.take_save_request()) std::exit(1);
  raise(SIGUSR1);
  if (!signals.take_save_request() || signals.take_save_request() || signals.stop_requested()) std::exit(2);
  std::exit(0);
}

TEST(RunSignalsDeathTest, EachDoesItsOwn) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(second_signal(), ::testing::ExitedWithCode(kExitInterrupted), "");
  EXPECT_EXIT(early_signal(), ::testing::ExitedWithCode(kExitResumable), "stopped before the first step");
  EXPECT_EXIT(save_signal(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace vernier
