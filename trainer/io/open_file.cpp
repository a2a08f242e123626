#include "io/open_file.h"

#include <utility>

namespace vernier {

OpenFile::OpenFile(FileSystem& files, const std::string& path, int flags) : files_(&files) {
  error_ = failure_of([&] { return file_ = files.open(path, flags); });
}

OpenFile::~OpenFile() {
  if (is_open()) files_->close(file_);
}

OpenFile::OpenFile(OpenFile&& other) noexcept
    : files_(other.files_), file_(std::exchange(other.file_, -1)), error_(other.error_) {}

int OpenFile::write(std::string_view& bytes) {
  while (!bytes.empty()) {
    ssize_t done = 0;
    const int failure = failure_of([&] { return done = files_->write(file_, bytes); });
    if (failure != 0 || done == 0) return failure != 0 ? failure : EIO;
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  return 0;
}

int OpenFile::read(std::span<char> bytes, std::uint64_t offset, std::size_t& got) const {
  ssize_t done = 0;
  const int failure = failure_of([&] { return done = files_->pread(file_, bytes, offset); });
  got = failure == 0 ? static_cast<std::size_t>(done) : 0;
  return failure;
}

int OpenFile::sync() {
  const int failure = failure_of([&] { return files_->fsync(file_); });
  return failure == EINVAL ? 0 : failure;
}

int OpenFile::truncate(std::uint64_t bytes) {
  return failure_of([&] { return files_->ftruncate(file_, bytes); });
}

int OpenFile::reserve(std::uint64_t bytes) {
  return failure_of([&] { return files_->fallocate(file_, bytes); });
}

int OpenFile::lock() {
  return failure_of([&] { return files_->flock(file_); });
}

int OpenFile::status(struct stat& status) const {
  return failure_of([&] { return files_->fstat(file_, status); });
}

int OpenFile::close() {
  const int result = files_->close(std::exchange(file_, -1));
  return result == 0 || errno == EINTR ? 0 : errno;
}

}  // namespace vernier
