// The store when a system call fails: a full or failing disk, writes cut short, signals, a file system that went
// read-only. The checkpoints that were there stay whole, the failure is told, nothing leaks, the next save works.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "io/metrics_file.h"
#include "io/run_files.h"
#include "io/run_store.h"
#include "io/store_run.h"
#include "io/test_files.h"
#include "support/fault_counts.h"
#include "support/faulty_file_system.h"
#include "support/simulated_disk.h"

namespace vernier::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kDir = "/runs/one";

const std::vector<Call> kTakeSpace = {Call::kCreate, Call::kWrite,    Call::kSync,         Call::kClose,
                                      Call::kRename, Call::kAllocate, Call::kMakeDirectory};
const std::vector<Call> kChange = {Call::kCreate, Call::kWrite,  Call::kTruncate,      Call::kAllocate,
                                   Call::kRename, Call::kUnlink, Call::kMakeDirectory, Call::kRemoveDirectory};

struct Failure {
  const char* name;
  int code;
  std::vector<Call> calls;
  Fault::Kind kind = Fault::Kind::kFail;
  bool may_persist = true;
};

const Failure kFailures[] = {
    {"ENOSPC", ENOSPC, kTakeSpace},
    {"EDQUOT", EDQUOT, kTakeSpace},
    {"EIO", EIO, {}},
    {"EROFS", EROFS, kChange},
    {"EXDEV", EXDEV, {Call::kRename}},
    {"EINTR", EINTR, {}, Fault::Kind::kFail, false},
    {"short write", 0, {Call::kWrite}, Fault::Kind::kShortWrite},
};

// A disk with checkpoints 1 and 2 of a run.
SimulatedDisk disk_of_two() {
  SimulatedDisk disk;
  disk.make_directory(kDir);
  const OutputLock lock(kDir, disk);
  MetricsFile metrics(lock, "metrics.jsonl");
  for (const std::int64_t step : {1, 2}) {
    metrics.append(str("{\"step\": ", step, "}"));
    metrics.sync();
    save_step(lock, step, metrics.mark());
  }
  return disk;
}

// What a step does with the directory. The error that stopped it, if one did.
std::optional<Error> save_third(const OutputLock& lock, MetricsFile& metrics, bool& saved) {
  saved = false;
  try {
    const std::string line = "{\"step\": 3}";
    if (metrics.mark().bytes < 3 * (line.size() + 1)) metrics.append(line);  // not again at a second try
    metrics.sync();
    save_step(lock, 3, metrics.mark());
    saved = true;
    prune_checkpoints(lock, 1);
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  }
}

void expect_told(const Error& error, const Failure& failure) {
  EXPECT_THAT(error.message(), HasSubstr(kDir));
  EXPECT_EQ(error.message().find('\n') == std::string::npos, error.fix().empty());
  if (failure.code == ENOSPC || failure.code == EDQUOT) {
    EXPECT_EQ(error.kind(), ErrorKind::kResource);
    EXPECT_THAT(error.what(), testing::ContainsRegex("full: |used up: "));
    EXPECT_THAT(error.what(),
                testing::ContainsRegex("[0-9]+ of [0-9]+ bytes could not be written|nothing was written"));
  } else if (failure.code != 0) {
    EXPECT_THAT(error.message(), HasSubstr(std::strerror(failure.code)));
  }
}

// One save with the fault; then the disk is well again. False when the fault lies past the last call.
bool survives(const Failure& failure, std::size_t k, bool persistent) {
  SimulatedDisk disk = disk_of_two();
  FaultyFileSystem files(disk, {failure.kind, 0, failure.calls, failure.code, persistent});
  std::set<std::int64_t> acknowledged = {1, 2};
  {
    const OutputLock lock(kDir, files);
    MetricsFile metrics(lock, "metrics.jsonl");
    const std::size_t open = files.open_files();
    files.arm({failure.kind, k, failure.calls, failure.code, persistent});
    bool saved = false;
    const auto error = save_third(lock, metrics, saved);
    const bool struck = files.struck();
    files.arm({});
    EXPECT_EQ(files.open_files(), open);
    if (saved) acknowledged.insert(3);
    if (error) expect_told(*error, failure);
    if (failure.code == EINTR || failure.kind == Fault::Kind::kShortWrite) {
      EXPECT_FALSE(error) << error->message();
    }
    // What was told to be saved survives a power loss now.
    SimulatedDisk dark = disk;
    dark.lose_power(SimulatedDisk::Survival::kNothing);
    expect_promises(dark, kDir, acknowledged);
    if (!struck) return false;

    if (!saved) {
      EXPECT_FALSE(save_third(lock, metrics, saved));
    }
    metrics.append("{\"step\": 4}");
    save_step(lock, 4, metrics.mark());
    prune_checkpoints(lock, 1);
  }
  EXPECT_EQ(files.open_files(), 0u);
  expect_promises(disk, kDir, {3, 4});
  std::vector<std::string> names;
  disk.list(kDir, names);
  EXPECT_THAT(names, testing::UnorderedElementsAre(".lock", "metrics.jsonl", "checkpoint-3", "checkpoint-4"));
  return true;
}

TEST(StoreFailure, EveryCallThatFailsLeavesTheOldCheckpointsAndIsTold) {
  std::size_t trials = 0;
  for (const Failure& failure : kFailures)
    for (const bool persistent : {false, true}) {
      if (persistent && !failure.may_persist) continue;
      std::size_t k = 1;
      for (; !HasFailure(); ++k) {
        SCOPED_TRACE(str(failure.name, persistent ? " from call " : " at call ", k, " on"));
        if (!survives(failure, k, persistent)) break;
      }
      EXPECT_GT(k, 2u) << failure.name;
      trials += k - 1;
    }
  tell_count(str("failed calls: ", trials, " (each of ENOSPC, EDQUOT, EIO, EROFS, EXDEV, EINTR and a short write at ",
                 "every call it concerns, once and from there on)"));
}

// The same for what --resume does first: it fails with an error or goes on, and a second try comes to the end.
TEST(StoreFailure, ARecoveryThatFailsIsTriedAgain) {
  SimulatedDisk disk = disk_of_two();
  {
    FaultyFileSystem files(disk, {Fault::Kind::kStop, 0, {}, 0, false});
    const OutputLock lock(kDir, files);
    CheckpointWriter unfinished(lock, 3);
    unfinished.write_file("state", "half");
    files.arm({Fault::Kind::kStop, 1, {}, 0, false});
  }
  disk.end_process();
  std::size_t trials = 0;
  for (const int code : {ENOSPC, EIO, EROFS})
    for (std::size_t k = 1; !HasFailure(); ++k, ++trials) {
      SimulatedDisk copy = disk;
      FaultyFileSystem files(copy, {Fault::Kind::kFail, k, {}, code, false});
      std::set<std::int64_t> acknowledged = {1, 2};
      SCOPED_TRACE(str(std::strerror(code), " at call ", k));
      try {
        run_to_end(files, kDir, [&](std::int64_t step) { acknowledged.insert(step); });
      } catch (const Error& error) {
        expect_told(error, {"", EIO == code ? EIO : 0, {}});
      }
      EXPECT_EQ(files.open_files(), 0u);
      expect_promises(copy, kDir, acknowledged);
      run_to_end(copy, kDir, [](std::int64_t) {});
      expect_finished(copy, kDir);
      if (!files.struck()) break;
    }
  tell_count(str("failed calls in a recovery: ", trials));
}

TEST(StoreFailure, ADiskOfEverySizeKeepsTheOldCheckpoints) {
  std::size_t full = 0;
  for (std::uint64_t room = 0;; room += 64) {
    SCOPED_TRACE(str(room, " bytes left"));
    SimulatedDisk disk = disk_of_two();
    disk.set_capacity(disk.used_bytes() + room);
    const OutputLock lock(kDir, disk);
    MetricsFile metrics(lock, "metrics.jsonl");
    bool saved = false;
    const auto error = save_third(lock, metrics, saved);
    expect_promises(disk, kDir, {1, 2});
    EXPECT_EQ(saved, !error);
    if (!error) break;
    ++full;
    EXPECT_EQ(error->kind(), ErrorKind::kResource);
    EXPECT_THAT(error->message(), testing::ContainsRegex("[0-9]+ (are missing|of [0-9]+ bytes could not be written)"));
    EXPECT_THAT(error->fix(), HasSubstr("free "));
    ASSERT_LT(room, 100000u);
  }
  EXPECT_GT(full, 50u);
  tell_count(str("disks that were full: ", full));
}

TEST(StoreFailure, FilesAtTheRootStayWholeWhenACallFails) {
  std::size_t trials = 0;
  for (const int code : {ENOSPC, EIO, EROFS})
    for (std::size_t k = 1; !HasFailure(); ++k, ++trials) {
      SCOPED_TRACE(str(std::strerror(code), " at call ", k));
      SimulatedDisk disk = disk_of_two();
      FaultyFileSystem files(disk);
      const OutputLock lock(kDir, files);
      write_run_file(lock, "run.json", "old");
      files.arm({Fault::Kind::kFail, k, {}, code, false});
      bool written = true;
      try {
        write_run_file(lock, "run.json", "newer");
      } catch (const Error&) {
        written = false;
      }
      const bool struck = files.struck();
      const std::string now = tree(disk, kDir).at("run.json");
      EXPECT_TRUE(now == "newer" || (now == "old" && !written)) << now;
      files.arm({});
      write_run_file(lock, "run.json", "third");
      EXPECT_EQ(tree(disk, kDir).at("run.json"), "third");
      if (!struck) break;
    }
  tell_count(str("failed calls of a file at the root: ", trials));
}

}  // namespace
}  // namespace vernier::test
