// Memory that runs out at every allocation of a save and of a recovery, once and from there on: std::bad_alloc or an
// Error comes out, nothing leaks, the checkpoints that were there are whole, and the next save works.

// GCC sees malloc behind new and free behind delete and takes the pair for a mistake.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <new>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "io/metrics_file.h"
#include "io/run_store.h"
#include "io/store_run.h"
#include "support/fault_counts.h"
#include "support/simulated_disk.h"

namespace {

// Which allocation fails, counted from now on; 0: none.
std::atomic<std::size_t> fails_at{0};
std::atomic<std::size_t> allocations{0};
std::atomic<bool> fails_after{false};

void* allocate(std::size_t bytes) {
  if (const std::size_t at = fails_at; at != 0) {
    const std::size_t number = ++allocations;
    if (number == at || (fails_after && number > at)) throw std::bad_alloc();
  }
  void* memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t bytes) {
  return allocate(bytes);
}
void* operator new[](std::size_t bytes) {
  return allocate(bytes);
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return allocate(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace vernier::test {
namespace {

constexpr const char* kDir = "/runs/one";

// The disk is not a program's: its own memory does not run out.
class DiskWithMemory final : public FileSystem {
 public:
  explicit DiskWithMemory(SimulatedDisk& disk) : disk_(disk) {}

  int open(const std::string& path, int flags) override {
    return call([&] { return disk_.open(path, flags); });
  }
  int close(int file) override {
    return call([&] { return disk_.close(file); });
  }
  ssize_t write(int file, std::string_view bytes) override {
    return call([&] { return disk_.write(file, bytes); });
  }
  ssize_t pread(int file, std::span<char> bytes, std::uint64_t offset) override {
    return call([&] { return disk_.pread(file, bytes, offset); });
  }
  int fsync(int file) override {
    return call([&] { return disk_.fsync(file); });
  }
  int ftruncate(int file, std::uint64_t bytes) override {
    return call([&] { return disk_.ftruncate(file, bytes); });
  }
  int fallocate(int file, std::uint64_t bytes) override {
    return call([&] { return disk_.fallocate(file, bytes); });
  }
  int flock(int file) override {
    return call([&] { return disk_.flock(file); });
  }
  int fstat(int file, struct stat& status) override {
    return call([&] { return disk_.fstat(file, status); });
  }
  int stat(const std::string& path, struct stat& status) override {
    return call([&] { return disk_.stat(path, status); });
  }
  int lstat(const std::string& path, struct stat& status) override {
    return call([&] { return disk_.lstat(path, status); });
  }
  int statvfs(const std::string& path, struct statvfs& status) override {
    return call([&] { return disk_.statvfs(path, status); });
  }
  int rename(const std::string& from, const std::string& to) override {
    return call([&] { return disk_.rename(from, to); });
  }
  int unlink(const std::string& path) override {
    return call([&] { return disk_.unlink(path); });
  }
  int mkdir(const std::string& path) override {
    return call([&] { return disk_.mkdir(path); });
  }
  int rmdir(const std::string& path) override {
    return call([&] { return disk_.rmdir(path); });
  }
  // Making the list is the store's.
  int list(const std::string& path, std::vector<std::string>& names) override { return disk_.list(path, names); }

 private:
  template <typename Action>
  static auto call(const Action& action) -> decltype(action()) {
    const std::size_t at = fails_at.exchange(0);
    const auto result = action();
    fails_at = at;
    return result;
  }

  SimulatedDisk& disk_;
};

enum Outcome : int { kTold = 0, kBroken = 1, kUncaught = 3, kEnded = 4 };

struct Trial {
  SimulatedDisk disk;
  bool saved[kLastStep + 1] = {};
};

// For the handler of std::terminate in a child process, which gets no argument.
Trial* current_trial = nullptr;

// What the disk holds after the process, and that another one comes to the end.
void expect_survived(Trial& trial) {
  fails_at = 0;
  std::set<std::int64_t> acknowledged;
  for (std::int64_t step = 1; step <= kLastStep; ++step)
    if (trial.saved[step]) acknowledged.insert(step);
  trial.disk.end_process();
  expect_promises(trial.disk, kDir, acknowledged);
  run_to_end(trial.disk, kDir, [](std::int64_t) {});
  expect_finished(trial.disk, kDir);
}

// Memory that runs out in a destructor cannot be caught; main.cpp ends the process with a line, as here.
[[noreturn]] void end_uncaught() {
  expect_survived(*current_trial);
  ::_exit(testing::Test::HasFailure() ? kBroken : kUncaught);
}

// A run in a process of its own, in which the k-th allocation fails.
[[noreturn]] void run_in_child(std::size_t k, bool persistent) {
  Trial trial;
  current_trial = &trial;
  std::set_terminate(end_uncaught);
  trial.disk.make_directory(kDir);
  DiskWithMemory files(trial.disk);
  fails_after = persistent;
  Outcome outcome = kEnded;
  try {
    fails_at = k;
    run_to_end(files, kDir, [&](std::int64_t step) { trial.saved[step] = true; });
  } catch (const std::bad_alloc&) {
    outcome = kTold;
  } catch (const Error&) {
    outcome = kTold;
  } catch (...) {
    std::abort();
  }
  fails_at = 0;
  // What went wrong quietly (a file that was to be cleaned up) is no failure.
  if (outcome == kEnded && allocations >= k) outcome = kTold;
  EXPECT_EQ(trial.disk.open_files(), 0u);
  expect_survived(trial);
  ::_exit(testing::Test::HasFailure() ? kBroken : outcome);
}

void at_every_allocation(bool persistent, const char* what) {
  std::size_t told = 0, uncaught = 0;
  for (std::size_t k = 1;; ++k) {
    SCOPED_TRACE(str("allocation ", k, persistent ? " and all after it" : ""));
    const pid_t child = ::fork();
    if (child == 0) run_in_child(k, persistent);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_NE(WEXITSTATUS(status), kBroken);
    if (WEXITSTATUS(status) == kEnded) break;
    told += WEXITSTATUS(status) == kTold;
    uncaught += WEXITSTATUS(status) == kUncaught;
  }
  EXPECT_GT(told + uncaught, 1000u);
  EXPECT_GT(told, 100u);
  tell_count(str("failed allocations, ", what, ": ", told + uncaught, ", ", uncaught, " of them in a destructor"));
}

TEST(AllocationFailure, AtEveryAllocationOfARun) {
  at_every_allocation(false, "once");
}

TEST(AllocationFailure, FromEveryAllocationOfARunOn) {
  at_every_allocation(true, "from there on");
}

}  // namespace
}  // namespace vernier::test
