#pragma once
// Pages of which only so many lie in memory; the others wait in a PageFile. The first ones stay in memory always, the
// rest stream through a few slots: background threads write back what was changed and read ahead of the user, who
// walks the pages in order. docs/decisions/0007-optimizer-pages.md says why this and not the least recently used.

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "io/page_file.h"
#include "io/page_store.h"

namespace vernier {

class FilePages final : public PageStore {
 public:
  struct Size {
    std::int64_t pages = 0, page_bytes = 0;  // page_bytes: a multiple of kDiskBlock
    std::int64_t resident = 2;               // pages in memory at a time, from 2 to below `pages`
  };
  FilePages(const Size& size, const std::string& directory, PageFile::Past past = PageFile::Past::kDirect);
  ~FilePages() override;

  std::byte* acquire(std::int64_t page) override;
  void release(std::int64_t page, bool changed) override;
  std::byte* acquire_on_host(std::int64_t page) override { return acquire(page); }
  void release_on_host(std::int64_t page, bool changed) override { release(page, changed); }
  std::int64_t resident_bytes() const override { return memory_.bytes(); }

 private:
  enum class Content { kClean, kChanged, kLoading, kStoring };
  struct Slot {
    std::byte* bytes = nullptr;
    std::int64_t page = -1;
    Content content = Content::kClean;
    bool in_use = false;
    std::uint64_t last_use = 0;  // on uses_'s count
  };
  // A slot to write back, or one to fill with `page`.
  struct Work {
    Slot* slot;
    std::int64_t page;
    bool store;
  };

  void serve();
  std::optional<Work> next_work();
  void perform(const Work& work);
  Slot* slot_of(std::int64_t page);
  Slot* least_recently_used();
  bool wanted(std::int64_t page) const;
  std::int64_t streamed_after(std::int64_t page, std::int64_t count) const;

  Size size_;
  std::int64_t fixed_;  // pages [0, fixed_) stay in memory
  PageMemory memory_;
  PageFile file_;
  std::vector<Slot> slots_;
  std::vector<bool> stored_;  // pages that the file holds; the others are zero

  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t cursor_;  // the page that is used now or next: it and ahead_ - 1 after it are wanted in the slots
  std::int64_t ahead_;
  std::uint64_t uses_ = 0;
  std::exception_ptr failure_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace vernier
