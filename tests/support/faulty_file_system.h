#pragma once
// A FileSystem in which one call goes wrong: the process stops there, or the call fails with an errno, or a write is
// cut short. Calls are counted, so that a test can do it at each of them in turn.

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "io/file_system.h"

namespace vernier::test {

enum class Call {
  kOpen,
  kCreate,  // open that may make or change a file
  kClose,
  kWrite,
  kRead,  // pread and list
  kSync,
  kTruncate,
  kAllocate,
  kLock,
  kLook,  // stat, lstat, fstat, statvfs
  kRename,
  kUnlink,
  kMakeDirectory,
  kRemoveDirectory,
};

struct Fault {
  enum class Kind {
    kStop,        // the process ends: neither this call nor a later one does anything
    kTornStop,    // the same, after half of the bytes if it is a write
    kFail,        // with `code`
    kShortWrite,  // half of the bytes are written, and it says so
  };
  Kind kind = Kind::kStop;
  std::size_t at = 0;       // the number of the call, from 1, among those in `calls`; 0: none
  std::vector<Call> calls;  // empty: all
  int code = 0;             // errno
  bool persistent = false;  // also at every call after it
};

class FaultyFileSystem final : public FileSystem {
 public:
  explicit FaultyFileSystem(FileSystem& disk, Fault fault = {}) : disk_(disk), fault_(std::move(fault)) {}

  // The calls, among those of the fault, so far.
  std::size_t counted() const { return counted_; }
  // Whether the process has come to its end: what it does from then on does not happen.
  bool stopped() const { return stopped_; }
  // Whether the fault has struck at least once.
  bool struck() const { return struck_; }
  // Another fault from here on (none: {}), counted from 1 again.
  void arm(Fault fault) {
    fault_ = std::move(fault);
    counted_ = 0;
    struck_ = false;
  }
  // Files that were opened and not closed.
  std::size_t open_files() const { return open_.size(); }
  // What a kernel does when a process ends: closes its files, which frees its locks.
  void end_process() {
    for (const int file : std::exchange(open_, {})) disk_.close(file);
  }

  int open(const std::string& path, int flags) override {
    const bool writes = (flags & (O_CREAT | O_WRONLY | O_RDWR)) != 0;
    const int file = call(writes ? Call::kCreate : Call::kOpen, [&] { return disk_.open(path, flags); });
    if (file >= 0) open_.insert(file);
    return file;
  }
  int close(int file) override {
    const int result = call(Call::kClose, [&] { return disk_.close(file); });
    if (stopped_) return result;
    open_.erase(file);
    // A close that fails has closed the file all the same.
    const int code = errno;
    if (result < 0) disk_.close(file);
    errno = code;
    return result;
  }
  ssize_t write(int file, std::string_view bytes) override {
    const bool half = strikes_next(Call::kWrite) && bytes.size() > 1 &&
                      (fault_.kind == Fault::Kind::kShortWrite || fault_.kind == Fault::Kind::kTornStop);
    if (half && fault_.kind == Fault::Kind::kTornStop) disk_.write(file, bytes.substr(0, bytes.size() / 2));
    return call(Call::kWrite, [&] { return disk_.write(file, half ? bytes.substr(0, bytes.size() / 2) : bytes); });
  }
  ssize_t pread(int file, std::span<char> bytes, std::uint64_t offset) override {
    return call(Call::kRead, [&] { return disk_.pread(file, bytes, offset); });
  }
  int fsync(int file) override {
    return call(Call::kSync, [&] { return disk_.fsync(file); });
  }
  int ftruncate(int file, std::uint64_t bytes) override {
    return call(Call::kTruncate, [&] { return disk_.ftruncate(file, bytes); });
  }
  int fallocate(int file, std::uint64_t bytes) override {
    return call(Call::kAllocate, [&] { return disk_.fallocate(file, bytes); });
  }
  int flock(int file) override {
    return call(Call::kLock, [&] { return disk_.flock(file); });
  }
  int fstat(int file, struct stat& status) override {
    return call(Call::kLook, [&] { return disk_.fstat(file, status); });
  }
  int stat(const std::string& path, struct stat& status) override {
    return call(Call::kLook, [&] { return disk_.stat(path, status); });
  }
  int lstat(const std::string& path, struct stat& status) override {
    return call(Call::kLook, [&] { return disk_.lstat(path, status); });
  }
  int statvfs(const std::string& path, struct statvfs& status) override {
    return call(Call::kLook, [&] { return disk_.statvfs(path, status); });
  }
  int rename(const std::string& from, const std::string& to) override {
    return call(Call::kRename, [&] { return disk_.rename(from, to); });
  }
  int unlink(const std::string& path) override {
    return call(Call::kUnlink, [&] { return disk_.unlink(path); });
  }
  int mkdir(const std::string& path) override {
    return call(Call::kMakeDirectory, [&] { return disk_.mkdir(path); });
  }
  int rmdir(const std::string& path) override {
    return call(Call::kRemoveDirectory, [&] { return disk_.rmdir(path); });
  }
  int list(const std::string& path, std::vector<std::string>& names) override {
    return call(Call::kRead, [&] { return disk_.list(path, names); });
  }

 private:
  bool concerns(Call call) const {
    return fault_.calls.empty() || std::find(fault_.calls.begin(), fault_.calls.end(), call) != fault_.calls.end();
  }
  bool strikes_next(Call call) const {
    if (stopped_ || fault_.at == 0 || !concerns(call)) return false;
    return counted_ + 1 == fault_.at || (fault_.persistent && counted_ + 1 > fault_.at);
  }

  template <typename Action>
  auto call(Call call, const Action& action) -> decltype(action()) {
    const bool strikes = strikes_next(call);
    counted_ += concerns(call);
    struck_ |= strikes;
    stopped_ |= strikes && (fault_.kind == Fault::Kind::kStop || fault_.kind == Fault::Kind::kTornStop);
    if (!stopped_ && !(strikes && fault_.kind == Fault::Kind::kFail)) return action();
    errno = stopped_ ? EIO : fault_.code;
    return -1;
  }

  FileSystem& disk_;
  Fault fault_;
  std::size_t counted_ = 0;
  bool stopped_ = false;
  bool struck_ = false;
  std::set<int> open_;
};

}  // namespace vernier::test
