#include "io/output_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "io/atomic_file.h"

namespace vernier {
namespace {

// The holder takes the lock first and then writes its number: wait a moment for it.
std::string holder(int file) {
  constexpr int kTries = 50;
  for (int i = 0; i < kTries; ++i) {
    std::array<char, 32> bytes{};
    const ssize_t got = ::pread(file, bytes.data(), bytes.size(), 0);
    const std::string pid = trim(std::string_view(bytes.data(), static_cast<std::size_t>(got < 0 ? 0 : got)));
    if (!pid.empty() && pid.find_first_not_of("0123456789") == pid.npos) return pid;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return "";
}

int try_lock(int file) {
  while (::flock(file, LOCK_EX | LOCK_NB) != 0)
    if (errno != EINTR) return errno;
  return 0;
}

}  // namespace

OutputLock::OutputLock(const std::string& output_dir) : output_dir_(output_dir) {
  const std::string path = output_dir + "/.lock";
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (file_ < 0) throw write_error(errno, "creating the lock", path);
  const int failure = try_lock(file_);
  if (failure == 0) {
    const std::string pid = str(::getpid(), "\n");
    // A full disk leaves the lock without a number: the lock holds all the same.
    if (::ftruncate(file_, 0) == 0) static_cast<void>(::pwrite(file_, pid.data(), pid.size(), 0) > 0);
    return;
  }
  const std::string pid = failure == EWOULDBLOCK ? holder(file_) : "";
  ::close(std::exchange(file_, -1));
  if (failure == EWOULDBLOCK)
    throw Error(ErrorKind::kInput, str("another run ", pid.empty() ? "" : str("(pid ", pid, ") "), "writes here"),
                output_dir, "wait for it or stop it, or give this run another output_dir");
  throw Error(ErrorKind::kInput, str("cannot be locked: ", std::strerror(failure)), path,
              "give an output_dir on a file system with locks");
}

OutputLock::~OutputLock() {
  if (file_ < 0) return;
  static_cast<void>(::ftruncate(file_, 0) == 0);
  ::close(file_);
}

OutputLock::OutputLock(OutputLock&& other) noexcept
    : output_dir_(std::move(other.output_dir_)), file_(std::exchange(other.file_, -1)) {}

}  // namespace vernier
