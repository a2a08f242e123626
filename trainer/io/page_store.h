#pragma once
// Pages of equal size whose memory is limited: what holds them decides which lie in memory and where the others are.
// Users walk them mostly in order, from the first to the last and again. All pages are zero at first.

#include <cstddef>
#include <cstdint>
#include <memory>

namespace vernier {

class PageStore {
 public:
  virtual ~PageStore() = default;

  // The page's bytes where updates work, in the memory of the device that computes them, to be read and written until
  // release(page). One page at a time, by one thread; what the store does in the background, it does with other pages.
  // Error(kResource) when a disk or device fails, also for an earlier page.
  virtual std::byte* acquire(std::int64_t page) = 0;
  // `changed`: its bytes are kept; otherwise they must be as they were.
  virtual void release(std::int64_t page, bool changed) = 0;

  // The same for a caller that reads or writes the bytes itself, as saving and restoring do.
  virtual std::byte* acquire_on_host(std::int64_t page) = 0;
  virtual void release_on_host(std::int64_t page, bool changed) = 0;

  // Bytes of the device's memory that the pages take.
  virtual std::int64_t resident_bytes() const = 0;
};

// Memory from the operating system, aligned to its pages, zero at first. Error(kResource) when there is none.
class PageMemory {
 public:
  explicit PageMemory(std::int64_t bytes);
  ~PageMemory();
  PageMemory(const PageMemory&) = delete;

  std::byte* data() const { return data_; }
  std::int64_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::int64_t bytes_;
};

// All pages in memory.
class MemoryPages final : public PageStore {
 public:
  MemoryPages(std::int64_t pages, std::int64_t page_bytes);

  std::byte* acquire(std::int64_t page) override { return memory_.data() + page * page_bytes_; }
  void release(std::int64_t, bool) override {}
  std::byte* acquire_on_host(std::int64_t page) override { return acquire(page); }
  void release_on_host(std::int64_t, bool) override {}
  std::int64_t resident_bytes() const override { return memory_.bytes(); }

 private:
  std::int64_t page_bytes_;
  PageMemory memory_;
};

}  // namespace vernier
