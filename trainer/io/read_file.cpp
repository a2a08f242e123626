#include "io/read_file.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "io/open_file.h"

namespace vernier {

void require_regular_file(const std::string& path, FileSystem& files) {
  struct stat status {};
  if (const int failure = failure_of([&] { return files.stat(path, status); })) {
    const bool absent = failure == ENOENT || failure == ENOTDIR;
    throw Error(ErrorKind::kInput, absent ? "no such file" : str("cannot be looked at: ", std::strerror(failure)),
                path);
  }
  if (S_ISDIR(status.st_mode)) throw Error(ErrorKind::kInput, "is a directory, not a file", path);
  if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::kInput, "is not a regular file", path);
}

std::string read_file(const std::string& path, std::size_t max_bytes, FileSystem& files) {
  require_regular_file(path, files);
  const OpenFile file(files, path, O_RDONLY | O_NONBLOCK);
  if (!file.is_open()) throw Error(ErrorKind::kInput, str("cannot be opened: ", std::strerror(file.error())), path);
  std::string bytes;
  constexpr std::size_t kPiece = std::size_t{1} << 16;
  while (true) {
    const std::size_t have = bytes.size();
    bytes.resize(have + kPiece);
    std::size_t got = 0;
    const int failure = file.read({bytes.data() + have, kPiece}, have, got);
    if (failure != 0) throw Error(ErrorKind::kInput, str("cannot be read: ", std::strerror(failure)), path);
    bytes.resize(have + got);
    if (bytes.size() > max_bytes) throw Error(ErrorKind::kInput, str("is larger than ", format_bytes(max_bytes)), path);
    if (got == 0) return bytes;
  }
}

bool is_plain_file_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of(std::string_view("/\0", 2)) == name.npos;
}

}  // namespace vernier
