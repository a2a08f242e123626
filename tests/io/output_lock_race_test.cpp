// Several runs at once on one output directory: one proceeds and saves, the others name its process. It is killed, and
// what it leaves (its number in the lock, an unfinished checkpoint) holds nobody up.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "io/run_store.h"
#include "io/store_run.h"
#include "io/test_files.h"
#include "support/fault_counts.h"

namespace vernier::test {
namespace {

struct Report {
  pid_t from = 0;
  pid_t holder = 0;  // the process that it says holds the lock; itself when it got it; 0: anything else
};

pid_t named_holder(const std::string& message) {
  const std::size_t at = message.find("another run (pid ");
  return at == message.npos ? 0 : static_cast<pid_t>(std::stol(message.substr(at + 17)));
}

// Waits for the start, takes the lock, tells, and saves until it is killed; or tells who has it.
[[noreturn]] void contend(const std::string& dir, int start, int reports) {
  char go = 0;
  static_cast<void>(::read(start, &go, 1) < 0);  // ends when the parent closes its end
  Report report{::getpid(), 0};
  try {
    const OutputLock lock(dir);
    report.holder = report.from;
    static_cast<void>(::write(reports, &report, sizeof report) > 0);
    std::vector<std::string> notes;
    clean_leftovers(lock, notes);
    for (std::int64_t step = 1;; ++step) {
      save_step(lock, step, {});
      prune_checkpoints(lock, 1);
    }
  } catch (const Error& error) {
    if (report.holder == 0) {
      report.holder = named_holder(error.what());
      static_cast<void>(::write(reports, &report, sizeof report) > 0);
    }
  }
  ::_exit(0);
}

struct Contest {
  std::vector<pid_t> runs;
  std::vector<Report> reports;
};

Contest start_together(const std::string& dir, std::size_t count) {
  int start[2] = {-1, -1}, reports[2] = {-1, -1};
  if (::pipe(start) != 0 || ::pipe(reports) != 0) throw std::runtime_error("no pipe");
  Contest contest;
  for (std::size_t i = 0; i < count; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(start[1]);
      contend(dir, start[0], reports[1]);
    }
    contest.runs.push_back(child);
  }
  ::close(start[0]);
  ::close(start[1]);
  ::close(reports[1]);
  Report report;
  while (contest.reports.size() < count && ::read(reports[0], &report, sizeof report) == sizeof report)
    contest.reports.push_back(report);
  ::close(reports[0]);
  return contest;
}

TEST(OutputLockRace, OneProceedsAndTheOthersNameIt) {
  const TempDir dir;
  const std::size_t rounds = fault_counts().lock_rounds;
  std::size_t runs = 0;
  for (std::size_t round = 0; round < rounds && !HasFailure(); ++round) {
    SCOPED_TRACE(str("round ", round));
    const std::size_t count = 2 + round % 7;
    const Contest contest = start_together(dir.str(), count);
    ASSERT_EQ(contest.reports.size(), count);
    pid_t holder = 0;
    for (const Report& report : contest.reports)
      if (report.from == report.holder) {
        EXPECT_EQ(holder, 0) << "two runs hold the lock";
        holder = report.from;
      }
    ASSERT_NE(holder, 0) << "no run holds the lock";
    for (const Report& report : contest.reports) EXPECT_EQ(report.holder, holder) << "named by " << report.from;
    ::kill(holder, SIGKILL);
    for (const pid_t run : contest.runs) ::waitpid(run, nullptr, 0);
    // The number of the dead run is still in the lock.
    EXPECT_EQ(slurp(dir / ".lock"), str(holder, "\n"));
    std::vector<std::string> notes;
    newest_good_checkpoint(dir.str(), notes);
    EXPECT_THAT(notes, testing::IsEmpty());
    runs += count;
  }
  tell_count(str("contests for a directory: ", rounds, " of 2 to 8 runs, ", runs, " runs, each holder killed"));
}

}  // namespace
}  // namespace vernier::test
