#include "io/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/text.h"

namespace vernier {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : file_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() {
    if (is_open()) ::close(file_);
  }
  Descriptor(const Descriptor&) = delete;

  bool is_open() const { return file_ >= 0; }
  int number() const { return file_; }
  int close() { return ::close(std::exchange(file_, -1)); }

 private:
  int file_;
};

// Some file systems have nothing to flush and say EINVAL.
bool flush(int file) {
  int result = 0;
  do {
    result = ::fsync(file);
  } while (result != 0 && errno == EINTR);
  return result == 0 || errno == EINVAL;
}

// Writes and flushes the new file `path`; errors name it `shown`.
void write_whole(const std::string& path, std::string_view bytes, const std::string& shown) {
  Descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
  const std::uint64_t total = bytes.size();
  if (!file.is_open()) throw write_error(errno, "creating the file", shown, total, total);
  const auto give_up = [&](int code, const char* doing) {
    ::unlink(path.c_str());
    throw write_error(code, doing, shown, bytes.size(), total);
  };
  while (!bytes.empty()) {
    const ssize_t done = ::write(file.number(), bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) give_up(done < 0 ? errno : EIO, "writing");
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  if (!flush(file.number())) give_up(errno, "flushing to the disk");
  if (file.close() != 0) give_up(errno, "closing the file");
}

void sync(const std::string& path, int flags) {
  const Descriptor file(path, O_RDONLY | flags);
  if (!file.is_open()) throw write_error(errno, "opening", path);
  if (!flush(file.number())) throw write_error(errno, "flushing to the disk", path);
}

bool is_about_the_place(int code) {
  switch (code) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EEXIST:
    case ENOTEMPTY:
    case ELOOP:
    case ENAMETOOLONG:
    case EXDEV:
    case EINVAL:
    case ENXIO:
      return true;
    default:
      return false;
  }
}

}  // namespace

Error write_error(int code, const std::string& doing, const std::string& path, std::uint64_t missing,
                  std::uint64_t total) {
  const std::string reason = std::strerror(code);
  const std::string lost =
      total > 0 ? str(missing, " of ", total, " bytes could not be written") : "nothing was written";
  if (code == EACCES || code == EPERM || code == EROFS)
    return Error(ErrorKind::kInput, str("not writable: ", reason), path);
  if (is_about_the_place(code)) return Error(ErrorKind::kInput, str(doing, " failed: ", reason), path);
  if (code == ENOSPC || code == EDQUOT)
    return Error(ErrorKind::kResource, str(code == ENOSPC ? "the disk is full: " : "the disk quota is used up: ", lost),
                 path, missing > 0 ? str("free ", format_bytes(missing)) : "");
  return Error(ErrorKind::kResource, str(doing, " failed: ", reason, ", ", lost), path);
}

void write_file_atomically(const std::string& path, std::string_view bytes) {
  const std::string temporary = temporary_path(path);
  write_whole(temporary, bytes, path);
  try {
    replace_by_rename(temporary, path);
  } catch (const Error&) {
    ::unlink(temporary.c_str());
    throw;
  }
}

void write_file_synced(const std::string& path, std::string_view bytes) {
  write_whole(path, bytes, path);
}

void sync_file(const std::string& path) {
  sync(path, 0);
}

void sync_directory(const std::string& path) {
  sync(path, O_DIRECTORY);
}

void replace_by_rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw write_error(errno, "renaming", to);
  sync_directory(parent_directory(to));
}

void make_directories(const std::string& path) {
  check(!path.empty(), "a directory has a name");
  std::error_code failure;
  const fs::path whole = fs::absolute(path, failure).lexically_normal();
  if (failure) throw write_error(failure.value(), "finding the working directory", path);
  std::vector<fs::path> missing;
  for (fs::path at = whole; !at.empty(); at = at.parent_path()) {
    struct stat status {};
    if (::stat(at.c_str(), &status) == 0) {
      if (!S_ISDIR(status.st_mode))
        throw Error(ErrorKind::kInput, str("not writable: ", at.string(), " is a file, not a directory"), path);
      break;
    }
    // A dangling link, or a name below a file: the loop or mkdir finds what is in the way.
    if (errno != ENOENT && errno != ENOTDIR) throw write_error(errno, "making the directory", path);
    if (at.has_filename()) missing.push_back(at);
  }
  for (auto at = missing.rbegin(); at != missing.rend(); ++at) {
    if (::mkdir(at->c_str(), 0777) != 0 && errno != EEXIST) throw write_error(errno, "making the directory", path);
    sync_directory(at->parent_path().string());
  }
  if (!fs::is_directory(path, failure))
    throw Error(ErrorKind::kInput, "not writable: something else has this name", path);
}

std::string temporary_path(const std::string& path) {
  return str(path, ".tmp-", ::getpid());
}

void remove_tree(const std::string& path) {
  std::error_code failure;
  fs::remove_all(path, failure);
  if (failure) throw write_error(failure.value(), "removing", path);
}

std::string parent_directory(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace vernier
