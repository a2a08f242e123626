#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "io/metrics_file.h"
#include "io/run_store.h"
#include "io/store_run.h"
#include "io/test_files.h"
#include "support/fault_counts.h"

namespace vernier {
namespace {

using test::slurp;
using test::TempDir;

std::string state_of(std::int64_t step) {
  return std::string(static_cast<std::size_t>(1000 + step * 37 % 5000), static_cast<char>('a' + step % 26));
}

void save(const OutputLock& lock, std::int64_t step, const MetricsMark& metrics) {
  CheckpointWriter writer(lock, step);
  writer.write_file("state", state_of(step));
  writer.write_file("metrics_mark", test::mark_text(metrics));
  writer.commit();
}

// A run that goes on from what it finds, saves each step (each third one twice) and tells the pipe, until it is killed.
[[noreturn]] void run(const std::string& dir, int acknowledge) {
  try {
    const OutputLock lock(dir);
    std::vector<std::string> notes;
    clean_leftovers(lock, notes);
    const auto newest = newest_good_checkpoint(dir, notes);
    const MetricsMark recorded = newest ? test::read_mark(slurp(newest->path + "/metrics_mark")) : test::mark_of("");
    if (const auto note = cut_back(lock, "metrics.jsonl", recorded)) throw Error(ErrorKind::kIntegrity, *note);
    MetricsFile metrics(lock, "metrics.jsonl");
    for (std::int64_t step = newest ? newest->step + 1 : 0;; ++step) {
      metrics.append(str("{\"step\": ", step, "}"));
      metrics.sync();
      for (int times = step % 3 == 0 ? 2 : 1; times > 0; --times) save(lock, step, metrics.mark());
      if (::write(acknowledge, &step, sizeof step) != sizeof step) ::_exit(2);
      prune_checkpoints(lock, 2);
    }
  } catch (const Error& error) {
    static_cast<void>(::write(STDERR_FILENO, error.message().data(), error.message().size()) > 0);
    ::_exit(1);
  }
}

struct Killed {
  std::int64_t last_acknowledged = -1;
  bool was_killed = false;
};

Killed run_and_kill(const std::string& dir, std::chrono::milliseconds after) {
  int ends[2] = {-1, -1};
  if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    run(dir, ends[1]);
  }
  ::close(ends[1]);
  std::this_thread::sleep_for(after);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  Killed killed;
  killed.was_killed = WIFSIGNALED(status);
  std::int64_t step = 0;
  while (::read(ends[0], &step, sizeof step) == sizeof step) killed.last_acknowledged = step;
  ::close(ends[0]);
  return killed;
}

TEST(RunStoreKill, AKilledRunLosesNoAcknowledgedStep) {
  const TempDir dir;
  const RandomStream random(7, RandomPurpose::kSplit);
  std::int64_t last = -1;
  for (std::uint64_t round = 0; round < test::fault_counts().kills; ++round) {
    const Killed killed = run_and_kill(dir.str(), std::chrono::milliseconds(20 + random.at(round) % 300));
    ASSERT_TRUE(killed.was_killed) << round;
    last = std::max(last, killed.last_acknowledged);
    std::vector<std::string> notes;
    const auto newest = newest_good_checkpoint(dir.str(), notes);
    EXPECT_THAT(notes, testing::IsEmpty()) << round;
    if (!newest) {
      ASSERT_EQ(last, -1) << round;
      continue;
    }
    ASSERT_GE(newest->step, last) << round;
    ASSERT_EQ(slurp(newest->path + "/state"), state_of(newest->step));
    const std::size_t recorded = test::read_mark(slurp(newest->path + "/metrics_mark")).bytes;
    std::string expected;
    for (std::int64_t step = 0; step <= newest->step; ++step) expected += str("{\"step\": ", step, "}\n");
    ASSERT_EQ(slurp(dir / "metrics.jsonl").substr(0, recorded), expected);
  }
  EXPECT_GE(last, 0) << "no run lived long enough to save";
  test::tell_count(str("kills of a run that saves: ", test::fault_counts().kills));
}

}  // namespace
}  // namespace vernier
