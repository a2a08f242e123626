// An output directory that is removed or replaced while a run is at work, and real disks that are full: of bytes, of
// inodes, up to the limit of a file's size.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "io/metrics_file.h"
#include "io/run_files.h"
#include "io/run_store.h"
#include "io/store_run.h"
#include "io/test_files.h"
#include "support/fault_counts.h"
#include "support/skips.h"

namespace vernier::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

// A run's directory DIR/run and another, DIR/elsewhere, that must stay empty but for what the test puts there.
class StorePlace : public testing::Test {
 protected:
  StorePlace() {
    fs::create_directory(run);
    fs::create_directory(elsewhere);
  }
  void expect_refused(const OutputLock& lock) {
    std::vector<std::string> notes;
    const std::function<void()> actions[] = {
        [&] { save_step(lock, 2, {}); },
        [&] { prune_checkpoints(lock, 2); },
        [&] { remove_checkpoints(lock); },
        [&] { clean_leftovers(lock, notes); },
        [&] { write_run_file(lock, "run.json", "{}"); },
        [&] { write_run_file(lock, "weights", [](const std::string& path) { std::ofstream(path) << "x"; }); },
        [&] { remove_run_files(lock, {"run.json"}); },
        [&] { MetricsFile(lock, "metrics.jsonl"); },
        [&] { cut_back(lock, "metrics.jsonl", {}); },
    };
    for (const auto& action : actions) {
      const Error error = error_of(action);
      EXPECT_EQ(error.kind(), ErrorKind::kResource);
      EXPECT_THAT(error.message(), HasSubstr(run + ": this is not the directory that the run began in"));
    }
  }
  // Everything below a directory, by path.
  static std::vector<std::string> below(const std::string& dir) {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(dir)) found.push_back(entry.path().string());
    return found;
  }

  TempDir dir;
  const std::string run = dir / "run", elsewhere = dir / "elsewhere";
};

TEST_F(StorePlace, ARemovedDirectoryIsNotMadeAgain) {
  const OutputLock lock(run);
  save_step(lock, 1, {});
  fs::remove_all(run);
  expect_refused(lock);
  EXPECT_FALSE(fs::exists(run));
  // Neither is one of the same name the same.
  fs::create_directory(run);
  expect_refused(lock);
  EXPECT_THAT(below(run), IsEmpty());
}

TEST_F(StorePlace, ALinkInItsPlaceIsNotFollowed) {
  const OutputLock lock(run);
  save_step(lock, 1, {});
  fs::rename(run, dir / "moved");
  fs::create_directory_symlink(elsewhere, run);
  expect_refused(lock);
  EXPECT_THAT(below(elsewhere), IsEmpty());
  // Nor is another run's directory taken for it.
  { const OutputLock other(elsewhere); }
  expect_refused(lock);
  EXPECT_THAT(below(elsewhere), testing::ElementsAre(elsewhere + "/.lock"));
  // Back in its place, or behind a link to where it is now, it is the one.
  fs::remove(run);
  fs::create_directory_symlink(dir / "moved", run);
  save_step(lock, 2, {});
  fs::remove(run);
  fs::rename(dir / "moved", run);
  save_step(lock, 3, {});
  EXPECT_EQ(list_checkpoints(run), (std::vector<std::int64_t>{1, 2, 3}));
}

TEST_F(StorePlace, ARemovedLockMayBeHeldByAnotherRun) {
  const OutputLock lock(run);
  fs::remove(run + "/.lock");
  expect_refused(lock);
  const OutputLock other(run);
  expect_refused(lock);
  save_step(other, 1, {});
}

TEST_F(StorePlace, ADirectoryReplacedInTheMiddleOfASaveGetsNothing) {
  for (const bool at_commit : {false, true}) {
    const OutputLock lock(run);
    {
      CheckpointWriter writer(lock, 1);
      writer.write_file("state", "x");
      fs::rename(run, dir / "moved");
      fs::create_directory_symlink(elsewhere, run);
      const Error error = error_of([&] { at_commit ? writer.commit() : (writer.write_file("more", "x"), ""); });
      EXPECT_THAT(error.message(), HasSubstr("No such file"));
    }
    EXPECT_THAT(below(elsewhere), IsEmpty());
    fs::remove(run);
    fs::rename(dir / "moved", run);
    save_step(lock, 2, {});
    EXPECT_EQ(list_checkpoints(run), std::vector<std::int64_t>{2});
    EXPECT_EQ(below(run).size(), 6u) << "rubbish is left";  // the lock, the directory and its four files
  }
}

class RealDisk : public testing::Test {
 protected:
  ~RealDisk() override {
    if (mounted_) ::umount(dir.str().c_str());
  }
  bool mount(const std::string& options) {
    if (std::exchange(mounted_, false)) ::umount(dir.str().c_str());
    return mounted_ = ::mount("none", dir.str().c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  TempDir dir;

 private:
  bool mounted_ = false;
};

// Saves until the disk is full, then removes what fills it.
void fill_and_recover(const std::string& dir, const std::function<void()>& fill, const std::function<void()>& free,
                      const char* told) {
  const OutputLock lock(dir);
  MetricsFile metrics(lock, "metrics.jsonl");
  metrics.append("{\"step\": 1}");
  save_step(lock, 1, metrics.mark());
  metrics.append("{\"step\": 2}");
  fill();
  const Error error = error_of([&] { save_step(lock, 2, metrics.mark()); });
  EXPECT_EQ(error.kind(), ErrorKind::kResource);
  EXPECT_THAT(error.message(), testing::ContainsRegex(told));
  expect_promises(local_file_system(), dir, {1});
  free();
  save_step(lock, 2, metrics.mark());
  expect_promises(local_file_system(), dir, {1, 2});
}

TEST_F(RealDisk, EveryRoomThatIsTooSmall) {
  std::size_t trials = 0;
  for (int pages = 0; pages < 4; ++pages, ++trials) {  // a checkpoint has four files
    if (!mount("size=64k")) SKIP_MACHINE_LACKS("the right to mount a tmpfs");
    fill_and_recover(
        dir.str(),
        [&] {
          const std::uint64_t free = fs::space(dir.str()).available;
          dir.write("ballast", std::string(free - static_cast<std::uint64_t>(pages) * 4096, 'x'));
        },
        [&] { fs::remove(dir / "ballast"); },
        "bytes are needed, .* missing|[0-9]+ of [0-9]+ bytes could not be written");
  }
  tell_count(str("full tmpfs: ", trials));
}

TEST_F(RealDisk, AFullInodeTable) {
  std::size_t trials = 0;
  for (int left = 0; left < 5; ++left, ++trials) {
    if (!mount("size=1m,nr_inodes=40")) SKIP_MACHINE_LACKS("the right to mount a tmpfs");
    const auto ballast = [&](std::size_t i) { return dir / str("ballast", i); };
    std::size_t files = 0;
    fill_and_recover(
        dir.str(),
        [&] {
          while (std::ofstream(ballast(files)).is_open()) ++files;
          for (int i = 0; i < left; ++i) fs::remove(ballast(--files));
        },
        [&] {
          while (files > 0) fs::remove(ballast(--files));
        },
        "no room for another file: its inode table is full");
  }
  tell_count(str("full inode tables: ", trials));
}

TEST_F(RealDisk, EveryLimitOfAFilesSize) {
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const OutputLock lock(dir.str());
  MetricsFile metrics(lock, "metrics.jsonl");
  metrics.append("{\"step\": 1}");
  save_step(lock, 1, metrics.mark());
  metrics.append("{\"step\": 2}");
  std::size_t trials = 0;
  // The weights of step 2 are the largest file: 696 bytes and a header.
  for (rlim_t bytes = 0; bytes < 696 && !HasFailure(); bytes += 12, ++trials) {
    const rlimit limit{bytes, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    const Error error = error_of([&] { save_step(lock, 2, metrics.mark()); });
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_EQ(error.kind(), ErrorKind::kResource) << bytes;
    EXPECT_THAT(error.message(), testing::ContainsRegex("[0-9]+ of [0-9]+ bytes could not be written")) << bytes;
    expect_promises(local_file_system(), dir.str(), {1});
    EXPECT_EQ(std::distance(fs::directory_iterator(dir.str()), {}), 3) << bytes;
  }
  std::signal(SIGXFSZ, handler);
  save_step(lock, 2, metrics.mark());
  expect_promises(local_file_system(), dir.str(), {1, 2});
  tell_count(str("limits of a file's size: ", trials));
}

}  // namespace
}  // namespace vernier::test
