#pragma once
// A file or directory that was opened through a FileSystem and closes itself. A call that a signal cut off is made
// again; every other failure is told as its errno, for the caller knows what to say about it (io/atomic_file).

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "io/file_system.h"

namespace vernier {

// Makes a call that gives -1 on failure again for as long as signals cut it off. 0 when it succeeded, else its errno.
template <typename Call>
int failure_of(const Call& call) {
  while (call() < 0)
    if (errno != EINTR) return errno;
  return 0;
}

class OpenFile {
 public:
  OpenFile(FileSystem& files, const std::string& path, int flags);
  ~OpenFile();
  OpenFile(OpenFile&& other) noexcept;
  OpenFile& operator=(OpenFile&&) = delete;
  OpenFile(const OpenFile&) = delete;

  // 0, or why it could not be opened. The other members are for a file that is open.
  int error() const { return error_; }
  bool is_open() const { return file_ >= 0; }

  // All that follow give 0 or an errno. What was written is taken off the front of `bytes`.
  int write(std::string_view& bytes);
  // At least one byte unless the file ends at `offset`: `got` says how many.
  int read(std::span<char> bytes, std::uint64_t offset, std::size_t& got) const;
  // To the disk. A file system that has nothing to flush (EINVAL) has flushed.
  int sync();
  int truncate(std::uint64_t bytes);
  int reserve(std::uint64_t bytes);
  int lock();
  int status(struct stat& status) const;
  // Not made again when cut off: Linux has closed the file even so.
  int close();

 private:
  FileSystem* files_;
  int file_ = -1;
  int error_ = 0;
};

}  // namespace vernier
