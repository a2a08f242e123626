#include "io/file_pages.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace vernier {

namespace {

constexpr std::int64_t kMostSlots = 16;
constexpr int kThreads = 2;  // one reads while the other writes

std::int64_t slots_of(std::int64_t resident) {
  return std::clamp<std::int64_t>(resident / 4, 2, kMostSlots);
}

}  // namespace

FilePages::FilePages(const Size& size, const std::string& directory, PageFile::Past past)
    : size_(size),
      fixed_(size.resident - slots_of(size.resident)),
      memory_(size.resident * size.page_bytes),
      file_(directory, (size.pages - fixed_) * size.page_bytes, past),
      slots_(static_cast<std::size_t>(slots_of(size.resident))),
      stored_(static_cast<std::size_t>(size.pages)),
      cursor_(fixed_),
      ahead_(std::max<std::int64_t>(2, slots_of(size.resident) / 2)) {
  check(size.resident >= 2 && size.resident < size.pages, "at least two pages in memory, and fewer than all");
  check(size.page_bytes > 0 && size.page_bytes % kDiskBlock == 0, "pages of whole disk blocks");
  std::byte* bytes = memory_.data() + fixed_ * size_.page_bytes;
  for (Slot& slot : slots_) {
    slot.bytes = bytes;
    bytes += size_.page_bytes;
  }
  for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { serve(); });
}

FilePages::~FilePages() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::byte* FilePages::acquire(std::int64_t page) {
  check(page >= 0 && page < size_.pages, "a page of the store");
  if (page < fixed_) return memory_.data() + page * size_.page_bytes;
  std::unique_lock lock(mutex_);
  cursor_ = page;
  changed_.notify_all();
  Slot* slot = nullptr;
  changed_.wait(lock, [&] {
    slot = slot_of(page);
    return failure_ != nullptr || (slot != nullptr && slot->content != Content::kLoading);
  });
  if (failure_ != nullptr) std::rethrow_exception(failure_);
  // What is being written must not change under the disk.
  changed_.wait(lock, [&] { return slot->content != Content::kStoring; });
  slot->in_use = true;
  return slot->bytes;
}

void FilePages::release(std::int64_t page, bool changed) {
  if (page < fixed_) return;
  const std::lock_guard lock(mutex_);
  Slot* const slot = slot_of(page);
  check(slot != nullptr && slot->in_use, "only an acquired page is released");
  slot->in_use = false;
  slot->last_use = ++uses_;
  if (changed) slot->content = Content::kChanged;
  cursor_ = streamed_after(page, 1);
  changed_.notify_all();
}

FilePages::Slot* FilePages::slot_of(std::int64_t page) {
  const auto it = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& slot) { return slot.page == page; });
  return it == slots_.end() ? nullptr : &*it;
}

std::int64_t FilePages::streamed_after(std::int64_t page, std::int64_t count) const {
  return fixed_ + (page - fixed_ + count) % (size_.pages - fixed_);
}

bool FilePages::wanted(std::int64_t page) const {
  const std::int64_t streamed = size_.pages - fixed_;
  return page >= 0 && (page - cursor_ + streamed) % streamed < ahead_;
}

// Of the slots that may take another page.
FilePages::Slot* FilePages::least_recently_used() {
  Slot* oldest = nullptr;
  for (Slot& slot : slots_) {
    const bool free = slot.content == Content::kClean && !slot.in_use && !wanted(slot.page);
    if (free && (oldest == nullptr || slot.last_use < oldest->last_use)) oldest = &slot;
  }
  return oldest;
}

// No more pages are wanted than there are slots: one that is not in memory finds a slot whose page is not wanted, if
// only after that has been written back.
std::optional<FilePages::Work> FilePages::next_work() {
  for (std::int64_t i = 0; i < ahead_; ++i) {
    const std::int64_t page = streamed_after(cursor_, i);
    if (slot_of(page) != nullptr) continue;
    if (Slot* const slot = least_recently_used()) return Work{slot, page, false};
    break;
  }
  for (Slot& slot : slots_)
    if (slot.content == Content::kChanged && !slot.in_use && !wanted(slot.page)) return Work{&slot, slot.page, true};
  return std::nullopt;
}

void FilePages::perform(const Work& work) {
  const auto bytes = static_cast<std::size_t>(size_.page_bytes);
  const std::int64_t offset = (work.page - fixed_) * size_.page_bytes;
  if (work.store) {
    file_.write(offset, {work.slot->bytes, bytes});
  } else {
    file_.read(offset, {work.slot->bytes, bytes});
  }
}

void FilePages::serve() {
  std::unique_lock lock(mutex_);
  while (!ending_ && failure_ == nullptr) {
    const std::optional<Work> work = next_work();
    if (!work) {
      changed_.wait(lock);
      continue;
    }
    Slot& slot = *work->slot;
    slot.page = work->page;
    slot.content = work->store ? Content::kStoring : Content::kLoading;
    const bool zero = !work->store && !stored_[static_cast<std::size_t>(work->page)];
    lock.unlock();
    std::exception_ptr failure;
    try {
      if (zero) {
        std::memset(slot.bytes, 0, static_cast<std::size_t>(size_.page_bytes));
      } else {
        perform(*work);
      }
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure) failure_ = failure;
    if (work->store) stored_[static_cast<std::size_t>(work->page)] = true;
    slot.content = Content::kClean;
    changed_.notify_all();
  }
}

}  // namespace vernier
