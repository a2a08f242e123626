#include "io/free_space.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <filesystem>
#include <limits>
#include <system_error>

#include "base/error.h"
#include "base/text.h"

namespace vernier {

std::uint64_t free_bytes(const std::string& path) {
  std::error_code ignored;
  std::filesystem::path at = std::filesystem::absolute(path, ignored).lexically_normal();
  struct statvfs disk {};
  int result = ::statvfs(at.c_str(), &disk);
  while (result != 0 && (errno == ENOENT || errno == ENOTDIR) && at.has_relative_path()) {
    at = at.parent_path();
    result = ::statvfs(at.c_str(), &disk);
  }
  // A tmpfs without a limit says that it has no blocks at all.
  if (result != 0 || disk.f_blocks == 0) return std::numeric_limits<std::uint64_t>::max();
  return std::uint64_t{disk.f_bavail} * disk.f_frsize;
}

void require_free_space(const std::string& path, std::uint64_t bytes) {
  const std::uint64_t free = free_bytes(path);
  if (bytes <= free) return;
  const std::uint64_t missing = bytes - free;
  throw Error(ErrorKind::kResource,
              str("the disk is full: ", bytes, " bytes are needed, ", free, " are free, ", missing, " are missing"),
              path, str("free ", format_bytes(missing)));
}

}  // namespace vernier
