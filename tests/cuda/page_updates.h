#pragma once
// Work on the pages of a CUDA device without a kernel of our own: a page is copied into pinned memory, changed or
// looked at there by a function in the stream, and copied back. The same on a real device and on a simulated one.

#include <cstring>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/text.h"
#include "cuda/cuda_pages.h"

namespace vernier {

// Every page's words become a function of what they were, the page and the round.
inline void change_words(std::byte* bytes, std::int64_t page, std::int64_t page_bytes, std::uint64_t round) {
  for (std::int64_t at = 0; at < page_bytes; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes + at, 8);
    word = word * 6364136223846793005u + static_cast<std::uint64_t>(page * page_bytes + at) + round;
    std::memcpy(bytes + at, &word, 8);
  }
}

// Pages in a device beside the same in memory, which say what the bytes must be.
class PagesBesideMemory {
 public:
  explicit PagesBesideMemory(const CudaPages::Size& size)
      : size_(size), scratch_(size.page_bytes), pages_(size, stream_.get()), memory_(size.pages, size.page_bytes) {}

  CudaPages& pages() { return pages_; }

  void change(std::int64_t page, std::uint64_t round) {
    in_stream(page, true, [=, this] { change_words(scratch_.data(), page, size_.page_bytes, round); });
    change_words(memory_.acquire(page), page, size_.page_bytes, round);
  }
  void look(std::int64_t page) {
    const std::byte* const now = memory_.acquire(page);
    in_stream(page, false, [=, this, expected = std::vector(now, now + size_.page_bytes)] {
      if (std::memcmp(scratch_.data(), expected.data(), expected.size()) != 0)
        wrong_ = str("page ", page, " in the device");
    });
  }
  void change_on_host(std::int64_t page, std::uint64_t round) {
    change_words(pages_.acquire_on_host(page), page, size_.page_bytes, round);
    pages_.release_on_host(page, true);
    change_words(memory_.acquire(page), page, size_.page_bytes, round);
  }
  void look_on_host(std::int64_t page) {
    const std::byte* const bytes = pages_.acquire_on_host(page);
    if (std::memcmp(bytes, memory_.acquire(page), static_cast<std::size_t>(size_.page_bytes)) != 0)
      wrong_ = str("page ", page, " on the host");
    pages_.release_on_host(page, false);
  }
  // The walk of an optimizer's update.
  void change_all(std::uint64_t round) {
    for (std::int64_t page = 0; page < size_.pages; ++page) change(page, round);
  }
  // The walk of a save.
  void look_at_all() {
    for (std::int64_t page = 0; page < size_.pages; ++page) look_on_host(page);
  }

  // What was wrong in the end; "" for nothing.
  std::string wrong() {
    CudaEvent end;
    end.record(stream_.get());
    end.wait();
    return wrong_;
  }

 private:
  using Function = std::function<void()>;

  void in_stream(std::int64_t page, bool changes, Function function) {
    const auto bytes = static_cast<std::size_t>(size_.page_bytes);
    std::byte* const device = pages_.acquire(page);
    functions_.push_back(std::move(function));
    require_cuda(cudaMemcpyAsync(scratch_.data(), device, bytes, cudaMemcpyDeviceToHost, stream_.get()), "reading");
    require_cuda(cudaLaunchHostFunc(
                     stream_.get(), [](void* called) { (*static_cast<Function*>(called))(); }, &functions_.back()),
                 "calling");
    if (changes)
      require_cuda(cudaMemcpyAsync(device, scratch_.data(), bytes, cudaMemcpyHostToDevice, stream_.get()), "writing");
    pages_.release(page, changes);
  }

  CudaPages::Size size_;
  std::string wrong_;
  std::deque<Function> functions_;
  CudaStream stream_;
  PinnedMemory scratch_;
  CudaPages pages_;
  MemoryPages memory_;
};

}  // namespace vernier
