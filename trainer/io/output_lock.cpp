#include "io/output_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/error.h"
#include "base/text.h"
#include "io/atomic_file.h"

namespace vernier {
namespace {

bool is_alive(const std::string& pid) {
  return ::kill(static_cast<pid_t>(std::stol(pid)), 0) == 0 || errno != ESRCH;
}

// The holder takes the lock first and then writes its number over that of the one before: wait up to two seconds
// for it, for the machine may be busy.
std::string holder(const OpenFile& file) {
  constexpr int kTries = 1000;
  std::string last;
  for (int i = 0; i < kTries; ++i) {
    std::array<char, 32> bytes{};
    std::size_t got = 0;
    file.read(bytes, 0, got);
    const std::string pid = trim(std::string_view(bytes.data(), got));
    const bool is_number = !pid.empty() && pid.size() < 10 && pid.find_first_not_of("0123456789") == pid.npos;
    if (is_number) last = pid;
    if (is_number && is_alive(pid)) return pid;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return last;  // of another machine, or in another namespace
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

OutputLock::OutputLock(const std::string& output_dir, FileSystem& files)
    : files_(&files), output_dir_(output_dir), file_(files, path(".lock"), O_RDWR | O_CREAT | O_NOFOLLOW) {
  if (!file_.is_open()) throw write_error(file_.error(), "creating the lock", path(".lock"));
  if (const int failure = file_.lock()) {
    if (failure != EWOULDBLOCK)
      throw Error(ErrorKind::kInput, str("cannot be locked: ", std::strerror(failure)), path(".lock"),
                  "give an output_dir on a file system with locks");
    const std::string pid = holder(file_);
    throw Error(ErrorKind::kInput, str("another run ", pid.empty() ? "" : str("(pid ", pid, ") "), "writes here"),
                output_dir, "wait for it or stop it, or give this run another output_dir");
  }
  confirm();
  const std::string text = str(::getpid(), "\n");
  std::string_view left = text;
  // A full disk leaves the lock without a number: the lock holds all the same.
  if (file_.truncate(0) == 0) file_.write(left);
}

OutputLock::~OutputLock() {
  if (file_.is_open()) file_.truncate(0);
}

void OutputLock::confirm() const {
  struct stat held {
  }, there{};
  int failure = file_.status(held);
  if (failure == 0) failure = failure_of([&] { return files_->lstat(path(".lock"), there); });
  if (failure == 0 && same_file(held, there)) return;
  const bool gone = failure == ENOENT || failure == ENOTDIR;
  if (failure != 0 && !gone)
    throw Error(ErrorKind::kResource, str("cannot be looked at: ", std::strerror(failure)), path(".lock"));
  throw Error(ErrorKind::kResource,
              str("this is not the directory that the run began in: it or its .lock was ",
                  gone ? "removed" : "replaced", " since"),
              output_dir_, "put it back and --resume; nothing was written into what lies here now");
}

}  // namespace vernier
