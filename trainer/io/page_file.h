#pragma once
// A nameless file on a disk that is read and written past the page cache, so that its bytes never count as memory:
// with O_DIRECT, or where the file system refuses that, written back and dropped from the cache at once.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace vernier {

inline constexpr std::int64_t kDiskBlock = 4096;  // what offsets, sizes and addresses are multiples of

// "tmpfs" or "ramfs" when the directory lies in memory, else "", also for one that does not exist.
std::string memory_file_system(const std::string& directory);

// Error(kInput) when the directory lies in memory (tmpfs, ramfs): pages moved there would free none. `key` is the
// setting to change. No error for a directory that does not exist.
void refuse_memory_file_system(const std::string& directory, const std::string& key);

// Makes a page file of one block in the directory, which goes away again. Errors as the constructor of PageFile;
// Error(kInput) also when there is no such directory.
void try_page_file(const std::string& directory);

class PageFile {
 public:
  enum class Past { kDirect, kDropped };  // kDirect: kDropped where it is refused

  // Makes the file in `directory` with room for all its bytes, so that a full disk shows now: Error(kResource) with the
  // bytes that are missing. Error(kInput) when the place cannot be written to. `bytes`: a multiple of kDiskBlock.
  PageFile(const std::string& directory, std::int64_t bytes, Past past = Past::kDirect);
  ~PageFile();
  PageFile(const PageFile&) = delete;

  // The bytes at `offset`. Error(kResource) when the disk fails. May be called by several threads at once.
  void read(std::int64_t offset, std::span<std::byte> bytes) const;
  void write(std::int64_t offset, std::span<const std::byte> bytes) const;

  Past past() const { return past_; }

 private:
  void open(const std::string& directory);
  void reserve(const std::string& directory, std::int64_t bytes) const;

  std::string name_;
  int file_ = -1;
  Past past_;
};

}  // namespace vernier
