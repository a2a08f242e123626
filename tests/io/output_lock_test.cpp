#include "io/output_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "base/text.h"
#include "io/test_files.h"

namespace vernier {
namespace {

using test::error_of;
using test::TempDir;
using testing::HasSubstr;

// A process that holds the lock until it is killed.
class Holder {
 public:
  explicit Holder(const std::string& dir) {
    int pipe_ends[2] = {-1, -1};
    if (::pipe(pipe_ends) != 0) throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      try {
        const OutputLock lock(dir);
        static_cast<void>(::write(pipe_ends[1], "1", 1) == 1);
        while (true) ::pause();
      } catch (const Error&) {
        static_cast<void>(::write(pipe_ends[1], "0", 1) == 1);
        ::_exit(1);
      }
    }
    char answer = '0';
    has_lock_ = ::read(pipe_ends[0], &answer, 1) == 1 && answer == '1';
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
  }
  ~Holder() { kill(); }
  Holder(const Holder&) = delete;

  pid_t pid() const { return pid_; }
  bool has_lock() const { return has_lock_; }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

 private:
  pid_t pid_ = -1;
  bool has_lock_ = false;
};

TEST(OutputLock, NamesTheRunThatHasItAndFreesWhenThatIsKilled) {
  const TempDir dir;
  Holder holder(dir.str());
  ASSERT_TRUE(holder.has_lock());
  const Error error = error_of([&] { const OutputLock lock(dir.str()); });
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_EQ(error.where(), dir.str());
  EXPECT_THAT(error.what(), HasSubstr(str("another run (pid ", holder.pid(), ") writes here")));
  holder.kill();
  const OutputLock lock(dir.str());
  EXPECT_EQ(lock.output_dir(), dir.str());
}

TEST(OutputLock, OneOfManyProcessesGetsIt) {
  const TempDir dir;
  for (int round = 0; round < 20; ++round) {
    std::optional<OutputLock> mine;
    if (round % 2 == 1) mine.emplace(dir.str());
    const Holder a(dir.str()), b(dir.str()), c(dir.str());
    EXPECT_EQ(int{a.has_lock()} + int{b.has_lock()} + int{c.has_lock()}, mine ? 0 : 1) << round;
  }
}

TEST(OutputLock, HoldsWithinOneProcessToo) {
  const TempDir dir;
  std::optional<OutputLock> first(dir.str());
  EXPECT_THAT(error_of([&] { const OutputLock second(dir.str()); }).what(), HasSubstr(str("(pid ", ::getpid(), ")")));
  std::optional<OutputLock> moved(std::move(*first));
  first.reset();
  EXPECT_EQ(error_of([&] { const OutputLock second(dir.str()); }).kind(), ErrorKind::kInput);
  moved.reset();
  const OutputLock again(dir.str());
  EXPECT_EQ(test::slurp(dir / ".lock"), str(::getpid(), "\n"));
}

TEST(OutputLock, ADirectoryThatIsNoneIsAnInputError) {
  const TempDir dir;
  dir.write("file", "x");
  EXPECT_EQ(error_of([&] { const OutputLock lock(dir / "file"); }).kind(), ErrorKind::kInput);
  EXPECT_EQ(error_of([&] { const OutputLock lock(dir / "absent"); }).kind(), ErrorKind::kInput);
}

}  // namespace
}  // namespace vernier
