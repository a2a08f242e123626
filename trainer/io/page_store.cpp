#include "io/page_store.h"

#include <sys/mman.h>

#include "base/error.h"
#include "base/text.h"

namespace vernier {

PageMemory::PageMemory(std::int64_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  void* const memory =
      ::mmap(nullptr, static_cast<std::size_t>(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    throw Error(ErrorKind::kResource, str("no memory for ", format_bytes(static_cast<std::uint64_t>(bytes))),
                "optimizer states");
  data_ = static_cast<std::byte*>(memory);
}

PageMemory::~PageMemory() {
  if (data_ != nullptr) ::munmap(data_, static_cast<std::size_t>(bytes_));
}

MemoryPages::MemoryPages(std::int64_t pages, std::int64_t page_bytes)
    : page_bytes_(page_bytes), memory_(pages * page_bytes) {}

}  // namespace vernier
