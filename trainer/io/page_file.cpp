#include "io/page_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "io/atomic_file.h"
#include "io/free_space.h"

namespace vernier {

namespace {

[[noreturn]] void no_room(const std::string& directory, std::uint64_t bytes) {
  const std::uint64_t free = free_bytes(directory), missing = bytes > free ? bytes - free : bytes;
  throw Error(ErrorKind::kResource,
              str("the disk is full: the optimizer's pages need ", bytes, " bytes, ", free, " are free, ", missing,
                  " are missing"),
              directory, str("free ", format_bytes(missing), ", or set paging_dir to a directory on another disk"));
}

}  // namespace

std::string memory_file_system(const std::string& directory) {
  struct statfs system {};
  if (::statfs(directory.c_str(), &system) != 0) return "";
  return system.f_type == TMPFS_MAGIC ? "tmpfs" : system.f_type == RAMFS_MAGIC ? "ramfs" : "";
}

void refuse_memory_file_system(const std::string& directory, const std::string& key) {
  const std::string system = memory_file_system(directory);
  if (system.empty()) return;
  throw Error(ErrorKind::kInput,
              str("this directory lies in memory (", system, "), so that optimizer pages moved there would free none"),
              directory, str("set ", key, " to a directory on a disk, or take an optimizer that is not paged"));
}

void try_page_file(const std::string& directory) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(directory, ignored))
    throw Error(ErrorKind::kInput, "this is not a directory", directory, "make it first, on a disk");
  PageFile(directory, kDiskBlock);
}

PageFile::PageFile(const std::string& directory, std::int64_t bytes, Past past)
    : name_(temporary_path(directory + "/optimizer-pages")), past_(past) {
  check(bytes % kDiskBlock == 0, "a page file of whole disk blocks");
  refuse_memory_file_system(directory, "paging_dir");
  try {
    open(directory);
    reserve(directory, bytes);
  } catch (...) {
    if (file_ >= 0) ::close(file_);
    throw;
  }
}

PageFile::~PageFile() {
  ::close(file_);
}

void PageFile::open(const std::string& directory) {
  const auto open_with = [&](int flags) {
    return ::open(name_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | flags, 0600);
  };
  if (past_ == Past::kDirect) file_ = open_with(O_DIRECT);
  if (file_ < 0 && (past_ == Past::kDropped || errno == EINVAL)) {
    past_ = Past::kDropped;
    file_ = open_with(0);
  }
  if (file_ < 0) {
    const Error problem = write_error(errno, "making the optimizer's page file", directory);
    throw Error(problem.kind(), problem.what(), problem.where(), "set paging_dir to a directory on a disk to write to");
  }
  ::unlink(name_.c_str());
}

void PageFile::reserve(const std::string& directory, std::int64_t bytes) const {
  const auto size = static_cast<std::uint64_t>(bytes);
  // Asked first: an allocation that fails half way would have filled the disk for a moment.
  if (free_bytes(directory) < size) no_room(directory, size);
  if (bytes == 0 || ::fallocate(file_, 0, 0, bytes) == 0) return;
  if (errno == ENOSPC || errno == EDQUOT) no_room(directory, size);
  if (errno != EOPNOTSUPP) throw write_error(errno, "reserving the optimizer's page file", directory, size, size);
  if (::ftruncate(file_, bytes) != 0) throw write_error(errno, "sizing the optimizer's page file", directory);
}

void PageFile::read(std::int64_t offset, std::span<std::byte> bytes) const {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got =
        ::pread(file_, bytes.data() + done, bytes.size() - done, offset + static_cast<std::int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      throw Error(ErrorKind::kResource,
                  str("reading the optimizer's pages failed: ", std::strerror(got < 0 ? errno : EIO), ", ",
                      bytes.size() - done, " of ", bytes.size(), " bytes are missing"),
                  name_);
    done += static_cast<std::size_t>(got);
  }
  if (past_ == Past::kDropped)
    ::posix_fadvise(file_, offset, static_cast<std::int64_t>(bytes.size()), POSIX_FADV_DONTNEED);
}

void PageFile::write(std::int64_t offset, std::span<const std::byte> bytes) const {
  const auto size = static_cast<std::int64_t>(bytes.size());
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t put =
        ::pwrite(file_, bytes.data() + done, bytes.size() - done, offset + static_cast<std::int64_t>(done));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0)
      throw write_error(put < 0 ? errno : EIO, "writing the optimizer's pages", name_, bytes.size() - done,
                        bytes.size());
    done += static_cast<std::size_t>(put);
  }
  if (past_ != Past::kDropped) return;
  constexpr unsigned kWholly = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  if (::sync_file_range(file_, offset, size, kWholly) != 0 && ::fdatasync(file_) != 0)
    throw write_error(errno, "writing back the optimizer's pages", name_, bytes.size(), bytes.size());
  ::posix_fadvise(file_, offset, size, POSIX_FADV_DONTNEED);
}

}  // namespace vernier
