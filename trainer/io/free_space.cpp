#include "io/free_space.h"

#include <cerrno>
#include <filesystem>
#include <limits>
#include <optional>
#include <system_error>

#include "base/error.h"
#include "base/text.h"
#include "io/open_file.h"

namespace vernier {
namespace {

std::optional<struct statvfs> disk_of(const std::string& path, FileSystem& files) {
  std::error_code ignored;
  std::filesystem::path at = std::filesystem::absolute(path, ignored).lexically_normal();
  struct statvfs disk {};
  const auto look = [&] { return failure_of([&] { return files.statvfs(at.string(), disk); }); };
  int failure = look();
  while ((failure == ENOENT || failure == ENOTDIR) && at.has_relative_path()) {
    at = at.parent_path();
    failure = look();
  }
  return failure == 0 ? std::optional(disk) : std::nullopt;
}

}  // namespace

std::uint64_t free_bytes(const std::string& path, FileSystem& files) {
  const auto disk = disk_of(path, files);
  // A tmpfs without a limit says that it has no blocks at all.
  if (!disk || disk->f_blocks == 0) return std::numeric_limits<std::uint64_t>::max();
  return std::uint64_t{disk->f_bavail} * disk->f_frsize;
}

void require_free_space(const std::string& path, std::uint64_t bytes, FileSystem& files) {
  const std::uint64_t free = free_bytes(path, files);
  if (bytes <= free) return;
  const std::uint64_t missing = bytes - free;
  throw Error(ErrorKind::kResource,
              str("the disk is full: ", bytes, " bytes are needed, ", free, " are free, ", missing, " are missing"),
              path, str("free ", format_bytes(missing)));
}

bool inodes_used_up(const std::string& path, FileSystem& files) {
  const auto disk = disk_of(path, files);
  return disk && disk->f_files > 0 && disk->f_favail == 0;
}

}  // namespace vernier
