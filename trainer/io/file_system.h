#pragma once
// The system calls behind everything that is written into an output directory, as an interface, so that the fault tests
// can put a disk beneath it that fills up, fails or loses its power (tests/support). Each call has the name, the
// meaning and the errno of the one in section 2 of the Linux manual: -1 is a failure, and EINTR is the caller's to make
// again (io/open_file).
//
// There is no place where a file system is set: an OutputLock carries the one of its directory.

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vernier {

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // O_CLOEXEC is added to the flags; a file that is created has the mode 0666 without the umask.
  virtual int open(const std::string& path, int flags) = 0;
  virtual int close(int file) = 0;
  virtual ssize_t write(int file, std::string_view bytes) = 0;
  virtual ssize_t pread(int file, std::span<char> bytes, std::uint64_t offset) = 0;
  virtual int fsync(int file) = 0;
  virtual int ftruncate(int file, std::uint64_t bytes) = 0;
  // Space for a file of `bytes`, whose length stays (FALLOC_FL_KEEP_SIZE).
  virtual int fallocate(int file, std::uint64_t bytes) = 0;
  // The exclusive lock, without waiting (LOCK_EX | LOCK_NB).
  virtual int flock(int file) = 0;
  virtual int fstat(int file, struct stat& status) = 0;
  virtual int stat(const std::string& path, struct stat& status) = 0;
  virtual int lstat(const std::string& path, struct stat& status) = 0;
  virtual int statvfs(const std::string& path, struct statvfs& status) = 0;
  virtual int rename(const std::string& from, const std::string& to) = 0;
  virtual int unlink(const std::string& path) = 0;
  virtual int mkdir(const std::string& path) = 0;
  virtual int rmdir(const std::string& path) = 0;
  // The names in a directory without "." and "..", in no order (opendir and readdir of section 3).
  virtual int list(const std::string& path, std::vector<std::string>& names) = 0;
};

// The machine's own. It has no state.
FileSystem& local_file_system();

}  // namespace vernier
