#include "cuda/cuda_pages.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/error.h"

namespace vernier {

namespace {

constexpr std::int64_t kMostStreaming = 16;

std::size_t as_size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

}  // namespace

CudaPages::CudaPages(const Size& size, cudaStream_t updates)
    : size_(size),
      streaming_(std::clamp<std::int64_t>(size.resident / 4, 2, kMostStreaming)),
      fixed_(size.resident - streaming_),
      cursor_(fixed_),
      updates_(updates),
      host_(size.pages * size.page_bytes),
      device_(size.resident * size.page_bytes),
      slots_(as_size(size.resident)) {
  check(size.resident >= 2 && size.resident < size.pages, "at least two pages in the device, and fewer than all");
  for (std::size_t i = 0; i < slots_.size(); ++i)
    slots_[i].bytes = device_.data() + static_cast<std::int64_t>(i) * size_.page_bytes;
}

// Memory must outlive what was told to read and write it. What fails now concerns nobody any more.
CudaPages::~CudaPages() {
  for (const cudaStream_t stream : {updates_, in_.get(), out_.get()}) {
    try {
      wait_for(stream);
    } catch (const Error&) {
    }
  }
}

std::byte* CudaPages::acquire(std::int64_t page) {
  check(page >= 0 && page < size_.pages, "a page of the store");
  if (page >= fixed_) cursor_ = page;
  if (slot_of(page) == nullptr) load(page);
  Slot& slot = *slot_of(page);
  slot.in_use = true;
  slot.loaded.hold_back(updates_);
  load_ahead();
  return slot.bytes;
}

void CudaPages::release(std::int64_t page, bool changed) {
  Slot* const slot = slot_of(page);
  check(slot != nullptr && slot->in_use, "only an acquired page is released");
  slot->in_use = false;
  slot->last_use = ++uses_;
  slot->used.record(updates_);
  slot->changed = slot->changed || changed;
  if (page < fixed_) return;
  store(*slot);
  cursor_ = streamed_after(page, 1);
}

std::byte* CudaPages::acquire_on_host(std::int64_t page) {
  check(page >= 0 && page < size_.pages, "a page of the store");
  if (Slot* const slot = slot_of(page)) store(*slot);
  wait_for(in_.get());
  wait_for(out_.get());
  return on_host(page);
}

// Where the device has it too, that one is older now.
void CudaPages::release_on_host(std::int64_t page, bool changed) {
  if (!changed) return;
  if (Slot* const slot = slot_of(page)) slot->page = -1;
}

CudaPages::Slot* CudaPages::slot_of(std::int64_t page) {
  const auto it = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& slot) { return slot.page == page; });
  return it == slots_.end() ? nullptr : &*it;
}

std::int64_t CudaPages::streamed_after(std::int64_t page, std::int64_t count) const {
  return fixed_ + (page - fixed_ + count) % (size_.pages - fixed_);
}

bool CudaPages::wanted(std::int64_t page) const {
  const std::int64_t streamed = size_.pages - fixed_;
  return page >= fixed_ && (page - cursor_ + streamed) % streamed < streaming_;
}

// A fixed page's own, or the streaming one whose page is not wanted soon and was used longest ago.
CudaPages::Slot& CudaPages::slot_for(std::int64_t page) {
  if (page < fixed_) return slots_[as_size(page)];
  const auto worth = [&](const Slot& slot) { return std::pair(wanted(slot.page), slot.last_use); };
  return *std::min_element(slots_.begin() + fixed_, slots_.end(),
                           [&](const Slot& a, const Slot& b) { return worth(a) < worth(b); });
}

// The page itself is on the host again: what it was copied from has been loaded since, and waited for that copy.
void CudaPages::load(std::int64_t page) {
  Slot& slot = slot_for(page);
  check(!slot.in_use, "one acquired page at a time");
  slot.page = page;
  slot.used.hold_back(in_.get());
  slot.stored.hold_back(in_.get());
  require_cuda(cudaMemcpyAsync(slot.bytes, on_host(page), as_size(size_.page_bytes), cudaMemcpyHostToDevice, in_.get()),
               "copying optimizer states to the device");
  slot.loaded.record(in_.get());
}

void CudaPages::store(Slot& slot) {
  if (!slot.changed) return;
  slot.used.hold_back(out_.get());
  require_cuda(
      cudaMemcpyAsync(on_host(slot.page), slot.bytes, as_size(size_.page_bytes), cudaMemcpyDeviceToHost, out_.get()),
      "copying optimizer states to the host");
  slot.stored.record(out_.get());
  slot.changed = false;
}

// No more pages are wanted than there are slots, so that each finds one.
void CudaPages::load_ahead() {
  for (std::int64_t i = 0; i < streaming_; ++i) {
    const std::int64_t page = streamed_after(cursor_, i);
    if (slot_of(page) == nullptr) load(page);
  }
}

void CudaPages::wait_for(cudaStream_t stream) {
  reached_.record(stream);
  reached_.wait();
}

}  // namespace vernier
