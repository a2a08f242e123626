#include "io/metrics_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "io/atomic_file.h"

namespace vernier {
namespace {

std::uint64_t size_of(int file, const std::string& path) {
  struct stat status {};
  if (::fstat(file, &status) != 0) throw write_error(errno, "looking at the file", path);
  if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::kInput, "is not a regular file", path);
  return static_cast<std::uint64_t>(status.st_size);
}

// Where the whole lines of the first `limit` bytes end.
std::uint64_t end_of_lines(int file, std::uint64_t limit, const std::string& path) {
  std::array<char, 4096> piece{};
  while (limit > 0) {
    const std::uint64_t start = limit - std::min<std::uint64_t>(limit, piece.size());
    const auto length = static_cast<std::size_t>(limit - start);
    const ssize_t got = ::pread(file, piece.data(), length, static_cast<off_t>(start));
    if (got < 0 && errno == EINTR) continue;
    if (got != static_cast<ssize_t>(length))
      throw Error(ErrorKind::kInput, str("cannot be read: ", std::strerror(got < 0 ? errno : EIO)), path);
    const std::size_t newline = std::string_view(piece.data(), length).rfind('\n');
    if (newline != std::string_view::npos) return start + newline + 1;
    limit = start;
  }
  return 0;
}

class Closer {
 public:
  explicit Closer(int file) : file_(file) {}
  ~Closer() { ::close(file_); }
  Closer(const Closer&) = delete;

 private:
  int file_;
};

}  // namespace

MetricsFile::MetricsFile(const std::string& path) : path_(path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
  if (file < 0) throw write_error(errno, "opening", path);
  try {
    bytes_ = size_of(file, path);
  } catch (const Error&) {
    ::close(file);
    throw;
  }
  file_ = file;
}

MetricsFile::~MetricsFile() {
  if (file_ >= 0) ::close(file_);
}

MetricsFile::MetricsFile(MetricsFile&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)), bytes_(other.bytes_) {}

void MetricsFile::append(std::string_view line) {
  check(line.find('\n') == line.npos, "a line of metrics holds no newline");
  const std::string whole = str(line, "\n");
  std::string_view left = whole;
  while (!left.empty()) {
    const ssize_t done = ::write(file_, left.data(), left.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) {
      const int code = done < 0 ? errno : EIO;
      static_cast<void>(::ftruncate(file_, static_cast<off_t>(bytes_)) == 0);
      throw write_error(code, "writing", path_, left.size(), whole.size());
    }
    left.remove_prefix(static_cast<std::size_t>(done));
  }
  bytes_ += whole.size();
}

void MetricsFile::sync() {
  while (::fsync(file_) != 0) {
    if (errno == EINVAL) return;
    if (errno != EINTR) throw write_error(errno, "flushing to the disk", path_);
  }
}

std::optional<std::string> cut_back(const std::string& path, std::uint64_t bytes) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    if (errno != ENOENT) throw write_error(errno, "opening", path);
    if (bytes == 0) return std::nullopt;
    return str(path, ": is gone: the lines before this resume are lost");
  }
  const Closer closer(file);
  const std::uint64_t size = size_of(file, path);
  const std::uint64_t end = end_of_lines(file, std::min(size, bytes), path);
  // Cutting a file short is one change of its size to the file system, and doing it again does no harm: there is no
  // need for a copy, and a viewer that follows the file keeps it.
  if (end != size && ::ftruncate(file, static_cast<off_t>(end)) != 0)
    throw write_error(errno, "cutting the file", path);
  if (::fsync(file) != 0 && errno != EINVAL) throw write_error(errno, "flushing to the disk", path);
  if (end == bytes) return std::nullopt;
  if (size < bytes)
    return str(path, ": ", size, " of the ", bytes, " bytes that the checkpoint recorded are there: lines are lost");
  return str(path, ": was changed since the checkpoint: kept ", end, " of ", bytes, " bytes, the whole lines");
}

}  // namespace vernier
