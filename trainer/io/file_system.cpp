#include "io/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace vernier {
namespace {

class LocalFileSystem final : public FileSystem {
 public:
  int open(const std::string& path, int flags) override { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); }
  int close(int file) override { return ::close(file); }
  ssize_t write(int file, std::string_view bytes) override { return ::write(file, bytes.data(), bytes.size()); }
  ssize_t pread(int file, std::span<char> bytes, std::uint64_t offset) override {
    return ::pread(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  }
  int fsync(int file) override { return ::fsync(file); }
  int ftruncate(int file, std::uint64_t bytes) override { return ::ftruncate(file, static_cast<off_t>(bytes)); }
  int fallocate(int file, std::uint64_t bytes) override {
    return ::fallocate(file, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes));
  }
  int flock(int file) override { return ::flock(file, LOCK_EX | LOCK_NB); }
  int fstat(int file, struct stat& status) override { return ::fstat(file, &status); }
  int stat(const std::string& path, struct stat& status) override { return ::stat(path.c_str(), &status); }
  int lstat(const std::string& path, struct stat& status) override { return ::lstat(path.c_str(), &status); }
  int statvfs(const std::string& path, struct statvfs& status) override { return ::statvfs(path.c_str(), &status); }
  int rename(const std::string& from, const std::string& to) override { return ::rename(from.c_str(), to.c_str()); }
  int unlink(const std::string& path) override { return ::unlink(path.c_str()); }
  int mkdir(const std::string& path) override { return ::mkdir(path.c_str(), 0777); }
  int rmdir(const std::string& path) override { return ::rmdir(path.c_str()); }
  int list(const std::string& path, std::vector<std::string>& names) override;
};

int LocalFileSystem::list(const std::string& path, std::vector<std::string>& names) {
  struct Closer {
    DIR* directory;
    ~Closer() {
      if (directory != nullptr) ::closedir(directory);
    }
  };
  const Closer opened{::opendir(path.c_str())};
  if (opened.directory == nullptr) return -1;
  names.clear();
  // The end and a failure look the same but for errno.
  for (errno = 0; const dirent* entry = ::readdir(opened.directory); errno = 0) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  const int failure = errno;
  errno = failure;
  return failure == 0 ? 0 : -1;
}

}  // namespace

FileSystem& local_file_system() {
  static LocalFileSystem local;
  return local;
}

}  // namespace vernier
