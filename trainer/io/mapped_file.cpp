#include "io/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "io/read_file.h"

namespace vernier {

MappedFile::MappedFile(const std::string& path) : path_(path) {
  require_regular_file(path);
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) throw Error(ErrorKind::kInput, str("cannot be opened: ", std::strerror(errno)), path);
  struct stat status {};
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(file);
    throw Error(ErrorKind::kInput, "is not a regular file", path);
  }
  size_ = static_cast<std::size_t>(status.st_size);
  void* map = size_ == 0 ? nullptr : ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
  const int failure = errno;
  ::close(file);
  if (map == MAP_FAILED) throw Error(ErrorKind::kResource, str("cannot be mapped: ", std::strerror(failure)), path);
  data_ = static_cast<const char*>(map);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<char*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

void MappedFile::release(std::string_view part) const {
  if (part.empty()) return;
  const auto base = reinterpret_cast<std::uintptr_t>(data_), first = reinterpret_cast<std::uintptr_t>(part.data());
  check(first >= base && first + part.size() <= base + size_, "released bytes lie outside the mapped file");
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const std::uintptr_t start = (first + page - 1) / page * page;
  // The end of the file ends its last page too.
  const std::uintptr_t last = first + part.size();
  const std::uintptr_t end = last == base + size_ ? (last + page - 1) / page * page : last / page * page;
  // The page cache keeps the bytes: the next command reads the same model, and the kernel may drop them at any time.
  if (start < end) ::madvise(reinterpret_cast<void*>(start), end - start, MADV_DONTNEED);
}

}  // namespace vernier
