#pragma once
// Working memory of an operation's threads that is kept from call to call: it grows to the largest need and then
// nothing allocates.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace vernier {

class ThreadScratch {
 public:
  // Room for `bytes` for each of the threads 0 ... threads - 1. Not while a parallel region uses it.
  void reserve(int threads, std::int64_t bytes) {
    if (pieces_.size() < static_cast<std::size_t>(threads)) pieces_.resize(static_cast<std::size_t>(threads));
    for (Piece& piece : pieces_) {
      if (piece.bytes >= bytes) continue;
      piece.memory.reset();
      piece.memory.reset(static_cast<std::byte*>(::operator new(static_cast<std::size_t>(bytes), kAlignment)));
      piece.bytes = bytes;
    }
  }

  // 64-byte aligned.
  void* of(int thread) const { return pieces_[static_cast<std::size_t>(thread)].memory.get(); }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(std::byte* memory) const { ::operator delete(memory, kAlignment); }
  };
  struct Piece {
    std::unique_ptr<std::byte, Free> memory;
    std::int64_t bytes = 0;
  };
  std::vector<Piece> pieces_;
};

}  // namespace vernier
