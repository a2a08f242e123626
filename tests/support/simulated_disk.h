#pragma once
// A disk in memory that can lose its power. Beside what programs see it holds what has reached the disk: the bytes of a
// file as of its last fsync, the entries of a directory as of its own. What came after survives a power loss by chance:
// each write whole, in part, as zeros or not at all; each change of a directory or not; in any combination. That is
// less than journaling file systems promise and all that POSIX does.
//
// A value: a copy is a snapshot. Paths are absolute, without links and "..".

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "io/file_system.h"

namespace vernier::test {

class SimulatedDisk final : public FileSystem {
 public:
  enum class Survival {
    kNothing,      // what was not flushed is gone
    kEntriesOnly,  // the names are there, the bytes are not
    kByChance,
  };

  SimulatedDisk() : inodes_(1) { inodes_[0].is_directory = true; }

  // The process ends: its descriptors and locks go.
  void end_process() {
    open_.clear();
    for (Inode& inode : inodes_) inode.locked = false;
  }
  // The process and everything that only memory held.
  void lose_power(Survival survival, std::uint64_t seed = 0);

  std::size_t open_files() const { return open_.size(); }
  // The bytes of a file, to be damaged behind every program's back.
  std::string& bytes(const std::string& path) { return inodes_[static_cast<std::size_t>(*find(path))].now; }
  bool exists(const std::string& path) const { return find(path).has_value(); }
  // A directory with all above it, on the disk.
  void make_directory(const std::string& path);
  std::uint64_t used_bytes() const { return used(0); }
  // Bytes that all files together may have.
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }

  int open(const std::string& path, int flags) override;
  int close(int file) override;
  ssize_t write(int file, std::string_view bytes) override;
  ssize_t pread(int file, std::span<char> bytes, std::uint64_t offset) override;
  int fsync(int file) override;
  int ftruncate(int file, std::uint64_t bytes) override;
  int fallocate(int file, std::uint64_t bytes) override;
  int flock(int file) override;
  int fstat(int file, struct stat& status) override;
  int stat(const std::string& path, struct stat& status) override;
  int lstat(const std::string& path, struct stat& status) override { return stat(path, status); }
  int statvfs(const std::string& path, struct statvfs& status) override;
  int rename(const std::string& from, const std::string& to) override;
  int unlink(const std::string& path) override { return remove(path, false); }
  int mkdir(const std::string& path) override;
  int rmdir(const std::string& path) override { return remove(path, true); }
  int list(const std::string& path, std::vector<std::string>& names) override;

 private:
  using Number = int;  // of an inode
  using Entries = std::map<std::string, Number>;
  struct Write {
    std::uint64_t offset;
    std::string bytes;
    bool cuts;  // a change of the length to `offset`
  };
  // Done as one: a rename takes a name away and gives another.
  struct EntryChange {
    std::string gone, given;
    Number inode = -1;
  };
  struct Inode {
    bool is_directory = false;
    bool locked = false;
    std::string now, synced;
    std::vector<Write> writes;  // since `synced`
    Entries entries, synced_entries;
    std::vector<EntryChange> changes;  // since `synced_entries`
  };
  struct Open {
    Number inode;
    std::uint64_t offset = 0;
    bool appends = false, writes = false, locks = false;
  };

  static int fail(int code) {
    errno = code;
    return -1;
  }
  static void apply(const Write& write, std::string& bytes) {
    const std::size_t end = write.offset + write.bytes.size();
    if (write.cuts || bytes.size() < end) bytes.resize(end);
    std::copy(write.bytes.begin(), write.bytes.end(), bytes.begin() + static_cast<std::ptrdiff_t>(write.offset));
  }
  static void apply(const EntryChange& change, Entries& entries) {
    if (!change.gone.empty()) entries.erase(change.gone);
    if (!change.given.empty()) entries[change.given] = change.inode;
  }

  Inode& at(Number number) { return inodes_[static_cast<std::size_t>(number)]; }
  const Inode& at(Number number) const { return inodes_[static_cast<std::size_t>(number)]; }
  std::optional<Number> find(const std::string& path) const;
  // The directory of a path and its last name.
  std::pair<std::optional<Number>, std::string> place(const std::string& path) const;
  void change_entries(Number directory, EntryChange change) {
    apply(change, at(directory).entries);
    at(directory).changes.push_back(std::move(change));
  }
  Number create(Number directory, const std::string& name, bool is_directory) {
    inodes_.emplace_back().is_directory = is_directory;
    const auto number = static_cast<Number>(inodes_.size() - 1);
    change_entries(directory, {"", name, number});
    return number;
  }
  void change_bytes(Number file, Write write) {
    apply(write, at(file).now);
    at(file).writes.push_back(std::move(write));
  }
  int remove(const std::string& path, bool is_directory);
  std::uint64_t used(Number from) const;
  std::uint64_t free() const { return capacity_ - std::min(capacity_, used(0)); }
  void fill(Number number, struct stat& status) const;

  std::vector<Inode> inodes_;
  std::map<int, Open> open_;
  int next_file_ = 3;
  std::uint64_t capacity_ = std::numeric_limits<std::uint64_t>::max();
};

inline void SimulatedDisk::lose_power(Survival survival, std::uint64_t seed) {
  end_process();
  std::mt19937_64 random(seed);
  const auto chance = [&](std::uint64_t one_of) { return random() % one_of == 0; };
  for (Inode& inode : inodes_) {
    std::string bytes = inode.synced;
    for (Write write : inode.writes) {
      if (survival != Survival::kByChance || chance(3)) continue;
      if (!write.cuts && chance(3)) write.bytes.resize(random() % (write.bytes.size() + 1));
      if (chance(4)) std::fill(write.bytes.begin(), write.bytes.end(), '\0');
      apply(write, bytes);
    }
    Entries entries = inode.synced_entries;
    for (const EntryChange& change : inode.changes)
      if (survival == Survival::kEntriesOnly || (survival == Survival::kByChance && chance(2))) apply(change, entries);
    inode.now = inode.synced = bytes;
    inode.entries = inode.synced_entries = entries;
    inode.writes.clear();
    inode.changes.clear();
  }
}

inline std::pair<std::optional<SimulatedDisk::Number>, std::string> SimulatedDisk::place(
    const std::string& path) const {
  const std::size_t slash = path.rfind('/');
  return {slash == 0 ? std::optional<Number>(0) : find(path.substr(0, slash)), path.substr(slash + 1)};
}

inline std::optional<SimulatedDisk::Number> SimulatedDisk::find(const std::string& path) const {
  Number number = 0;
  for (std::size_t from = 1; from < path.size();) {
    const std::size_t end = std::min(path.find('/', from), path.size());
    const auto entry = at(number).entries.find(path.substr(from, end - from));
    if (entry == at(number).entries.end()) return std::nullopt;
    number = entry->second;
    from = end + 1;
  }
  return number;
}

inline void SimulatedDisk::make_directory(const std::string& path) {
  for (std::size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    mkdir(path.substr(0, end));
  }
  for (Inode& inode : inodes_) {
    inode.synced_entries = inode.entries;
    inode.changes.clear();
  }
}

inline int SimulatedDisk::open(const std::string& path, int flags) {
  std::optional<Number> number = find(path);
  if (!number) {
    const auto [directory, name] = place(path);
    if ((flags & O_CREAT) == 0 || !directory) return fail(ENOENT);
    if (!at(*directory).is_directory) return fail(ENOTDIR);
    number = create(*directory, name, false);
  }
  const bool writes = (flags & (O_WRONLY | O_RDWR)) != 0;
  if (at(*number).is_directory && writes) return fail(EISDIR);
  if (!at(*number).is_directory && (flags & O_DIRECTORY) != 0) return fail(ENOTDIR);
  if ((flags & O_TRUNC) != 0 && !at(*number).now.empty()) change_bytes(*number, {0, "", true});
  open_[next_file_] = {*number, 0, (flags & O_APPEND) != 0, writes, false};
  return next_file_++;
}

inline int SimulatedDisk::close(int file) {
  const auto found = open_.find(file);
  if (found == open_.end()) return fail(EBADF);
  if (found->second.locks) at(found->second.inode).locked = false;
  open_.erase(found);
  return 0;
}

inline ssize_t SimulatedDisk::write(int file, std::string_view bytes) {
  const auto found = open_.find(file);
  if (found == open_.end() || !found->second.writes) return fail(EBADF);
  Open& open = found->second;
  const std::uint64_t size = at(open.inode).now.size();
  const std::uint64_t offset = open.appends ? size : open.offset;
  if (capacity_ != std::numeric_limits<std::uint64_t>::max() && offset + bytes.size() > size) {
    const std::uint64_t room = free() + size;
    if (offset >= room && !bytes.empty()) return fail(ENOSPC);
    bytes = bytes.substr(0, room - offset);
  }
  change_bytes(open.inode, {offset, std::string(bytes), false});
  open.offset = offset + bytes.size();
  return static_cast<ssize_t>(bytes.size());
}

inline ssize_t SimulatedDisk::pread(int file, std::span<char> bytes, std::uint64_t offset) {
  const auto found = open_.find(file);
  if (found == open_.end()) return fail(EBADF);
  const std::string& now = at(found->second.inode).now;
  if (offset >= now.size()) return 0;
  const std::size_t count = std::min<std::size_t>(bytes.size(), now.size() - offset);
  std::memcpy(bytes.data(), now.data() + offset, count);
  return static_cast<ssize_t>(count);
}

inline int SimulatedDisk::fsync(int file) {
  const auto found = open_.find(file);
  if (found == open_.end()) return fail(EBADF);
  Inode& inode = at(found->second.inode);
  inode.synced = inode.now;
  inode.synced_entries = inode.entries;
  inode.writes.clear();
  inode.changes.clear();
  return 0;
}

inline int SimulatedDisk::ftruncate(int file, std::uint64_t bytes) {
  const auto found = open_.find(file);
  if (found == open_.end() || !found->second.writes) return fail(EINVAL);
  change_bytes(found->second.inode, {bytes, "", true});
  return 0;
}

inline int SimulatedDisk::fallocate(int file, std::uint64_t bytes) {
  const auto found = open_.find(file);
  if (found == open_.end()) return fail(EBADF);
  const std::uint64_t size = at(found->second.inode).now.size();
  return bytes > size && bytes - size > free() ? fail(ENOSPC) : 0;
}

inline int SimulatedDisk::flock(int file) {
  const auto found = open_.find(file);
  if (found == open_.end()) return fail(EBADF);
  Inode& inode = at(found->second.inode);
  if (inode.locked && !found->second.locks) return fail(EWOULDBLOCK);
  return inode.locked = found->second.locks = true, 0;
}

inline void SimulatedDisk::fill(Number number, struct stat& status) const {
  const Inode& inode = at(number);
  status = {};
  status.st_dev = 1;
  status.st_ino = static_cast<ino_t>(number + 1);
  status.st_mode = inode.is_directory ? S_IFDIR : S_IFREG;
  status.st_size = static_cast<off_t>(inode.now.size());
}

inline int SimulatedDisk::fstat(int file, struct stat& status) {
  const auto found = open_.find(file);
  if (found == open_.end()) return fail(EBADF);
  fill(found->second.inode, status);
  return 0;
}

inline int SimulatedDisk::stat(const std::string& path, struct stat& status) {
  const auto number = find(path);
  if (!number) return fail(ENOENT);
  fill(*number, status);
  return 0;
}

inline std::uint64_t SimulatedDisk::used(Number from) const {
  std::uint64_t bytes = at(from).now.size();
  for (const auto& [name, number] : at(from).entries) bytes += used(number);
  return bytes;
}

inline int SimulatedDisk::statvfs(const std::string& path, struct statvfs& status) {
  if (!find(path)) return fail(ENOENT);
  status = {};
  if (capacity_ == std::numeric_limits<std::uint64_t>::max()) return 0;
  status.f_frsize = 1;
  status.f_blocks = capacity_;
  status.f_bavail = free();
  return 0;
}

inline int SimulatedDisk::rename(const std::string& from, const std::string& to) {
  const auto [from_directory, from_name] = place(from);
  const auto [to_directory, to_name] = place(to);
  const auto moved = find(from), there = find(to);
  if (!moved || !to_directory) return fail(ENOENT);
  if (*from_directory != *to_directory) return fail(EXDEV);
  if (there && at(*there).is_directory != at(*moved).is_directory)
    return fail(at(*there).is_directory ? EISDIR : ENOTDIR);
  if (there && !at(*there).entries.empty()) return fail(ENOTEMPTY);
  change_entries(*to_directory, {from_name, to_name, *moved});
  return 0;
}

inline int SimulatedDisk::mkdir(const std::string& path) {
  if (find(path)) return fail(EEXIST);
  const auto [directory, name] = place(path);
  if (!directory) return fail(ENOENT);
  create(*directory, name, true);
  return 0;
}

inline int SimulatedDisk::remove(const std::string& path, bool is_directory) {
  const auto number = find(path);
  if (!number) return fail(ENOENT);
  if (at(*number).is_directory != is_directory) return fail(is_directory ? ENOTDIR : EISDIR);
  if (!at(*number).entries.empty()) return fail(ENOTEMPTY);
  const auto [directory, name] = place(path);
  change_entries(*directory, {name, "", -1});
  return 0;
}

inline int SimulatedDisk::list(const std::string& path, std::vector<std::string>& names) {
  const auto number = find(path);
  if (!number) return fail(ENOENT);
  if (!at(*number).is_directory) return fail(ENOTDIR);
  names.clear();
  for (const auto& [name, inode] : at(*number).entries) names.push_back(name);
  return 0;
}

}  // namespace vernier::test
