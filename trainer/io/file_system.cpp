#include "io/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "base/text.h"

namespace vernier {

void require_regular_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    const bool absent = errno == ENOENT || errno == ENOTDIR;
    throw Error(ErrorKind::kInput, absent ? "no such file" : str("cannot be looked at: ", std::strerror(errno)), path);
  }
  if (S_ISDIR(status.st_mode)) throw Error(ErrorKind::kInput, "is a directory, not a file", path);
  if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::kInput, "is not a regular file", path);
}

std::string read_file(const std::string& path, std::size_t max_bytes) {
  require_regular_file(path);
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) throw Error(ErrorKind::kInput, str("cannot be opened: ", std::strerror(errno)), path);
  std::string bytes;
  constexpr std::size_t kPiece = std::size_t{1} << 16;
  while (true) {
    const std::size_t have = bytes.size();
    bytes.resize(have + kPiece);
    ssize_t got = 0;
    do {
      got = ::read(file, bytes.data() + have, kPiece);
    } while (got < 0 && errno == EINTR);
    const int failure = errno;
    bytes.resize(have + static_cast<std::size_t>(got < 0 ? 0 : got));
    const bool too_big = bytes.size() > max_bytes;
    if (got > 0 && !too_big) continue;
    ::close(file);
    if (got < 0) throw Error(ErrorKind::kInput, str("cannot be read: ", std::strerror(failure)), path);
    if (too_big) throw Error(ErrorKind::kInput, str("is larger than ", format_bytes(max_bytes)), path);
    return bytes;
  }
}

bool is_plain_file_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of(std::string_view("/\0", 2)) == name.npos;
}

}  // namespace vernier
