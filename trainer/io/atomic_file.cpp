#include "io/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "io/free_space.h"
#include "io/open_file.h"

namespace vernier {
namespace {

namespace fs = std::filesystem;

// Writes and flushes the new file `path`; errors name it `shown`.
void write_whole(const std::string& path, std::string_view bytes, const std::string& shown, FileSystem& files) {
  const std::uint64_t total = bytes.size();
  OpenFile file(files, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
  if (!file.is_open()) throw creation_error(file.error(), shown, total, files);
  const auto require = [&](int failure, const char* doing) {
    if (failure == 0) return;
    failure_of([&] { return files.unlink(path); });
    throw write_error(failure, doing, shown, bytes.empty() ? total : bytes.size(), total);
  };
  require(file.write(bytes), "writing");
  require(file.sync(), "flushing to the disk");
  require(file.close(), "closing the file");
}

void sync(const std::string& path, int flags, FileSystem& files) {
  OpenFile file(files, path, O_RDONLY | flags);
  if (!file.is_open()) throw write_error(file.error(), "opening", path);
  if (const int failure = file.sync()) throw write_error(failure, "flushing to the disk", path);
}

void remove_entry(const std::string& path, FileSystem& files) {
  struct stat status {};
  int failure = failure_of([&] { return files.lstat(path, status); });
  if (failure == 0 && S_ISDIR(status.st_mode)) {
    std::vector<std::string> names;
    failure = failure_of([&] { return files.list(path, names); });
    if (failure == 0) {
      for (const std::string& name : names) remove_entry(path + "/" + name, files);
      failure = failure_of([&] { return files.rmdir(path); });
    }
  } else if (failure == 0) {
    failure = failure_of([&] { return files.unlink(path); });
  }
  if (failure != 0 && failure != ENOENT && failure != ENOTDIR) throw write_error(failure, "removing", path);
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

Error creation_error(int code, const std::string& path, std::uint64_t total, FileSystem& files) {
  if (code == ENOSPC && inodes_used_up(parent_directory(path), files))
    return Error(ErrorKind::kResource, "the disk has no room for another file: its inode table is full", path,
                 "delete files that are not needed");
  return write_error(code, total > 0 ? "creating the file" : "making the directory", path, total, total);
}

void write_file_atomically(const std::string& path, std::string_view bytes, FileSystem& files) {
  const std::string temporary = temporary_path(path);
  write_whole(temporary, bytes, path, files);
  try {
    replace_by_rename(temporary, path, files);
  } catch (...) {
    remove_quietly(temporary, files);
    throw;
  }
}

void write_file_synced(const std::string& path, std::string_view bytes, FileSystem& files) {
  write_whole(path, bytes, path, files);
}

void sync_file(const std::string& path, FileSystem& files) {
  sync(path, 0, files);
}

void sync_directory(const std::string& path, FileSystem& files) {
  sync(path, O_DIRECTORY, files);
}

void replace_by_rename(const std::string& from, const std::string& to, FileSystem& files) {
  if (const int failure = failure_of([&] { return files.rename(from, to); }))
    throw write_error(failure, "renaming", to);
  sync_directory(parent_directory(to), files);
}

void make_directories(const std::string& path, FileSystem& files) {
  check(!path.empty(), "a directory has a name");
  std::error_code unknown;
  const fs::path whole = fs::absolute(path, unknown).lexically_normal();
  if (unknown) throw write_error(unknown.value(), "finding the working directory", path);
  struct stat status {};
  const auto look = [&](const fs::path& at) { return failure_of([&] { return files.stat(at.string(), status); }); };
  std::vector<fs::path> missing;
  for (fs::path at = whole; !at.empty(); at = at.parent_path()) {
    const int failure = look(at);
    if (failure == 0 && !S_ISDIR(status.st_mode))
      throw Error(ErrorKind::kInput, str("not writable: ", at.string(), " is a file, not a directory"), path);
    if (failure == 0) break;
    // A dangling link, or a name below a file: the loop or mkdir finds what is in the way.
    if (failure != ENOENT && failure != ENOTDIR) throw write_error(failure, "making the directory", path);
    if (at.has_filename()) missing.push_back(at);
  }
  for (auto at = missing.rbegin(); at != missing.rend(); ++at) {
    const int failure = failure_of([&] { return files.mkdir(at->string()); });
    if (failure != 0 && failure != EEXIST) throw creation_error(failure, path, 0, files);
    sync_directory(at->parent_path().string(), files);
  }
  const int failure = look(whole);
  if (failure != 0 && failure != ENOENT) throw write_error(failure, "making the directory", path);
  if (failure != 0 || !S_ISDIR(status.st_mode))
    throw Error(ErrorKind::kInput, "not writable: something else has this name", path);
}

std::string temporary_path(const std::string& path) {
  return str(path, ".tmp-", ::getpid());
}

void remove_tree(const std::string& path, FileSystem& files) {
  remove_entry(path, files);
}

void remove_quietly(const std::string& path, FileSystem& files) noexcept {
  try {
    remove_entry(path, files);
  } catch (const std::exception&) {
    // What stays has a temporary name: clean_leftovers (io/run_store) finds it.
  }
}

std::string parent_directory(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace vernier
