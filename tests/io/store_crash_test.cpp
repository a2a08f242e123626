// The store under a stop at every system call and a power loss at every system call, also while it recovers from the
// one before.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "io/store_run.h"
#include "io/test_files.h"
#include "support/fault_counts.h"
#include "support/faulty_file_system.h"
#include "support/simulated_disk.h"

namespace vernier::test {
namespace {

constexpr const char* kDir = "/runs/one";

SimulatedDisk new_disk() {
  SimulatedDisk disk;
  disk.make_directory(kDir);
  return disk;
}

// What is on the disk, and what was acknowledged, when the process has ended.
struct Stopped {
  SimulatedDisk disk;
  std::set<std::int64_t> acknowledged;
  bool was_stopped = false;
};

// Runs until the k-th system call.
Stopped run_until(Stopped from, std::size_t k, Fault::Kind kind = Fault::Kind::kStop) {
  FaultyFileSystem files(from.disk, {kind, k, {}, 0, false});
  try {
    run_to_end(files, kDir, [&](std::int64_t step) {
      if (!files.stopped()) from.acknowledged.insert(step);
    });
  } catch (const Error& error) {
    EXPECT_TRUE(files.stopped()) << error.message();
  }
  from.was_stopped = files.stopped();
  if (!from.was_stopped) {
    EXPECT_EQ(files.open_files(), 0u);
  }
  from.disk.end_process();
  return from;
}

// Checks the promises, lets the run come to its end, and checks what it leaves.
void expect_recovers(Stopped state) {
  expect_promises(state.disk, kDir, state.acknowledged);
  const Stopped finished = run_until(std::move(state), 0);
  SimulatedDisk disk = finished.disk;
  expect_finished(disk, kDir);
}

// Calls `action` with the number of each system call of a run from `start`, and what a stop there leaves.
std::size_t at_every_call(const Stopped& start, Fault::Kind kind, std::size_t first, std::size_t stride,
                          const std::function<void(std::size_t, const Stopped&)>& action) {
  std::size_t trials = 0;
  for (std::size_t k = first;; k += stride) {
    const Stopped state = run_until(start, k, kind);
    if (!state.was_stopped) return trials;
    action(k, state);
    ++trials;
    if (testing::Test::HasFailure()) return trials;
  }
}

Stopped after_power_loss(Stopped state, std::size_t seed) {
  using Survival = SimulatedDisk::Survival;
  state.disk.lose_power(seed == 0   ? Survival::kNothing
                        : seed == 1 ? Survival::kEntriesOnly
                                    : Survival::kByChance,
                        seed);
  return state;
}

TEST(StoreCrash, AStopAtEverySystemCall) {
  std::size_t trials = 0;
  for (const auto kind : {Fault::Kind::kStop, Fault::Kind::kTornStop})
    trials += at_every_call({new_disk(), {}}, kind, 1, 1, [](std::size_t k, const Stopped& state) {
      SCOPED_TRACE(str("stop at call ", k));
      expect_recovers(state);
    });
  EXPECT_GT(trials, 200u);
  tell_count(str("stops: ", trials, " (every system call of a run, torn and whole)"));
}

TEST(StoreCrash, AStopAtEverySystemCallOfARecovery) {
  std::size_t trials = 0;
  at_every_call({new_disk(), {}}, Fault::Kind::kStop, 1, fault_counts().nested_stride,
                [&](std::size_t k, const Stopped& first) {
                  trials += at_every_call(first, Fault::Kind::kStop, 1, 1, [&](std::size_t again, const Stopped& both) {
                    SCOPED_TRACE(str("stop at call ", k, " and at call ", again, " of the recovery"));
                    expect_recovers(both);
                  });
                });
  EXPECT_GT(trials, 1000u);
  tell_count(str("stops in a recovery: ", trials, " (every call, after every ", fault_counts().nested_stride,
                 ". first stop)"));
}

TEST(StoreCrash, APowerLossAtEverySystemCall) {
  std::size_t trials = 0;
  at_every_call({new_disk(), {}}, Fault::Kind::kStop, 1, 1, [&](std::size_t k, const Stopped& state) {
    for (std::size_t seed = 0; seed < fault_counts().power_loss_seeds; ++seed, ++trials) {
      SCOPED_TRACE(str("power loss at call ", k, ", seed ", seed));
      expect_recovers(after_power_loss(state, seed + (seed > 1 ? 1000 * k : 0)));
    }
  });
  EXPECT_GT(trials, 400u);
  tell_count(str("power losses: ", trials, " (every system call, ", fault_counts().power_loss_seeds, " states each)"));
}

TEST(StoreCrash, APowerLossAtEverySystemCallOfARecovery) {
  std::size_t trials = 0;
  at_every_call(
      {new_disk(), {}}, Fault::Kind::kStop, 2, fault_counts().nested_stride, [&](std::size_t k, const Stopped& first) {
        const Stopped lost = after_power_loss(first, 2 + k);
        trials += at_every_call(lost, Fault::Kind::kTornStop, 1, 1, [&](std::size_t again, const Stopped& both) {
          SCOPED_TRACE(str("power loss at call ", k, " and at call ", again, " of the recovery"));
          expect_recovers(after_power_loss(both, again % 7));
        });
      });
  EXPECT_GT(trials, 1000u);
  tell_count(str("power losses in a recovery: ", trials));
}

// The same on the machine's own disk: what the simulated one leaves out would show here.
TEST(StoreCrash, AStopAtEverySystemCallOnARealDisk) {
  std::size_t trials = 0;
  for (std::size_t k = 1;; k += fault_counts().real_disk_stride, ++trials) {
    SCOPED_TRACE(str("stop at call ", k));
    const TempDir dir;
    std::set<std::int64_t> acknowledged;
    FaultyFileSystem files(local_file_system(), {Fault::Kind::kTornStop, k, {}, 0, false});
    try {
      run_to_end(files, dir.str(), [&](std::int64_t step) {
        if (!files.stopped()) acknowledged.insert(step);
      });
    } catch (const Error&) {
    }
    files.end_process();
    if (!files.stopped()) break;
    expect_promises(local_file_system(), dir.str(), acknowledged);
    run_to_end(local_file_system(), dir.str(), [](std::int64_t) {});
    expect_finished(local_file_system(), dir.str());
    if (HasFailure()) break;
  }
  EXPECT_GE(trials, 10u);
  tell_count(str("stops on a real disk: ", trials));
}

}  // namespace
}  // namespace vernier::test
