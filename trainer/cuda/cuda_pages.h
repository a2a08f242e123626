#pragma once
// Pages of which only so many lie in the memory of a CUDA device; all of them have a place in pinned host memory. As in
// io/file_pages, the first ones stay in the device once they are there and the rest stream through a few slots, in the
// order of the walk. Nothing waits on the host: two streams copy, one in each direction, and events order them with
// each other and with the stream of the updates (docs/decisions/0008-cuda-pages.md).
//
//   stream in       copy p+2 ..              copy p+3, after p-1 is out of that slot
//   stream updates  update p, after its copy in
//   stream out      copy p-1, after its update

#include <cstdint>
#include <vector>

#include "cuda/resources.h"
#include "io/page_store.h"

namespace vernier {

class CudaPages final : public PageStore {
 public:
  struct Size {
    std::int64_t pages = 0, page_bytes = 0;
    std::int64_t resident = 2;  // pages in the device's memory at a time, from 2 to below `pages`
  };
  // `updates` is the stream in which acquired pages are used; it outlives this. Error(kResource) when memory is
  // missing. After any Error the pages are of no more use.
  CudaPages(const Size& size, cudaStream_t updates);
  ~CudaPages() override;

  // Memory of the device, for work that is put into the stream of the updates between acquire and release.
  std::byte* acquire(std::int64_t page) override;
  void release(std::int64_t page, bool changed) override;

  // Waits until no copy is under way.
  std::byte* acquire_on_host(std::int64_t page) override;
  void release_on_host(std::int64_t page, bool changed) override;

  std::int64_t resident_bytes() const override { return size_.resident * size_.page_bytes; }

 private:
  struct Slot {
    std::byte* bytes = nullptr;
    std::int64_t page = -1;
    bool changed = false, in_use = false;
    std::uint64_t last_use = 0;      // on uses_'s count
    CudaEvent loaded, used, stored;  // in the streams in, updates, out
  };

  Slot* slot_of(std::int64_t page);
  Slot& slot_for(std::int64_t page);
  void load(std::int64_t page);
  void store(Slot& slot);
  void load_ahead();
  bool wanted(std::int64_t page) const;
  std::int64_t streamed_after(std::int64_t page, std::int64_t count) const;
  std::byte* on_host(std::int64_t page) const { return host_.data() + page * size_.page_bytes; }
  void wait_for(cudaStream_t stream);

  Size size_;
  std::int64_t streaming_;  // slots that pages stream through
  std::int64_t fixed_;      // pages [0, fixed_) stay in the slots of their numbers
  std::int64_t cursor_;     // the streamed page that is used now or next: it and those after it are wanted in the slots
  std::uint64_t uses_ = 0;
  cudaStream_t updates_;
  PinnedMemory host_;
  DeviceMemory device_;
  CudaStream in_, out_;  // of copies to and from the device
  CudaEvent reached_;
  std::vector<Slot> slots_;
};

}  // namespace vernier
