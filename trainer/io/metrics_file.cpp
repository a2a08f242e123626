#include "io/metrics_file.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "io/atomic_file.h"

namespace vernier {
namespace {

OpenFile open_in(const OutputLock& lock, const std::string& name, int flags) {
  lock.confirm();
  return OpenFile(lock.files(), lock.path(name), flags | O_NONBLOCK);
}

std::uint64_t size_of(const OpenFile& file, const std::string& path) {
  struct stat status {};
  if (const int failure = file.status(status)) throw write_error(failure, "looking at the file", path);
  if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::kInput, "is not a regular file", path);
  return static_cast<std::uint64_t>(status.st_size);
}

void read_at(const OpenFile& file, std::span<char> bytes, std::uint64_t offset, const std::string& path) {
  for (std::size_t done = 0, got = 0; done < bytes.size(); done += got) {
    const int failure = file.read(bytes.subspan(done), offset + done, got);
    if (failure != 0 || got == 0)
      throw Error(ErrorKind::kInput, str("cannot be read: ", std::strerror(failure != 0 ? failure : EIO)), path);
  }
}

Xxh3 hash_of(const OpenFile& file, std::uint64_t bytes, const std::string& path) {
  Xxh3 hash;
  std::string piece(std::size_t{1} << 16, '\0');
  for (std::uint64_t at = 0; at < bytes; at += piece.size()) {
    piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(bytes - at, piece.size())));
    read_at(file, piece, at, path);
    hash.update(piece);
  }
  return hash;
}

// Where the whole lines of the first `limit` bytes end.
std::uint64_t end_of_lines(const OpenFile& file, std::uint64_t limit, const std::string& path) {
  std::array<char, 4096> piece{};
  while (limit > 0) {
    const std::uint64_t start = limit - std::min<std::uint64_t>(limit, piece.size());
    const auto length = static_cast<std::size_t>(limit - start);
    read_at(file, {piece.data(), length}, start, path);
    const std::size_t newline = std::string_view(piece.data(), length).rfind('\n');
    if (newline != std::string_view::npos) return start + newline + 1;
    limit = start;
  }
  return 0;
}

}  // namespace

MetricsFile::MetricsFile(const OutputLock& lock, const std::string& name)
    : path_(lock.path(name)), file_(open_in(lock, name, O_RDWR | O_APPEND | O_CREAT)) {
  if (!file_.is_open()) throw creation_error(file_.error(), path_, 1, lock.files());
  bytes_ = size_of(file_, path_);
  hash_ = hash_of(file_, bytes_, path_);
}

void MetricsFile::append(std::string_view line) {
  check(line.find('\n') == line.npos, "a line of metrics holds no newline");
  const std::string whole = str(line, "\n");
  std::string_view left = whole;
  if (const int failure = file_.write(left)) {
    file_.truncate(bytes_);
    throw write_error(failure, "writing", path_, left.size(), whole.size());
  }
  bytes_ += whole.size();
  hash_.update(whole);
}

MetricsMark MetricsFile::mark() const {
  return {bytes_, xxh3_hex(hash_.value())};
}

void MetricsFile::sync() {
  if (const int failure = file_.sync()) throw write_error(failure, "flushing to the disk", path_);
}

std::optional<std::string> cut_back(const OutputLock& lock, const std::string& name, const MetricsMark& recorded) {
  const std::uint64_t bytes = recorded.bytes;
  const std::string path = lock.path(name);
  OpenFile file = open_in(lock, name, O_RDWR);
  if (!file.is_open()) {
    if (file.error() != ENOENT) throw write_error(file.error(), "opening", path);
    if (bytes == 0) return std::nullopt;
    return str(path, ": is gone: the lines before this resume are lost");
  }
  const std::uint64_t size = size_of(file, path);
  const std::uint64_t end = end_of_lines(file, std::min(size, bytes), path);
  // Cutting a file short is one change of its size to the file system, and doing it again does no harm: there is no
  // need for a copy, and a viewer that follows the file keeps it.
  if (const int failure = end != size ? file.truncate(end) : 0) throw write_error(failure, "cutting the file", path);
  if (const int failure = file.sync()) throw write_error(failure, "flushing to the disk", path);
  if (end == bytes && xxh3_hex(hash_of(file, bytes, path).value()) == recorded.xxh3) return std::nullopt;
  if (end == bytes)
    return str(path, ": was damaged or changed since the checkpoint: its first ", bytes,
               " bytes do not have the hash that was recorded; they stay as they are, and the run uses none of them");
  if (size < bytes)
    return str(path, ": ", size, " of the ", bytes, " bytes that the checkpoint recorded are there: lines are lost");
  return str(path, ": was changed since the checkpoint: kept ", end, " of ", bytes, " bytes, the whole lines");
}

}  // namespace vernier
