#pragma once
// A file mapped for reading: weights are read through it, so that a model never lies in memory twice. A file that
// another process cuts short while it is mapped raises SIGBUS, as with every mmap.

#include <string>
#include <string_view>

namespace vernier {

class MappedFile {
 public:
  // Error(kInput) naming the path when it is absent, unreadable or not a regular file (a directory, pipe or device).
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  MappedFile(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  std::string_view bytes() const { return {data_, size_}; }

  // Tells the kernel that this process does not need the whole pages inside `part` (a piece of bytes()) any more: they
  // stop counting as resident and come back from the page cache when touched again.
  void release(std::string_view part) const;

 private:
  std::string path_;
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace vernier
