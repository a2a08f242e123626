#pragma once
// Working memory of a step: tensors are taken from a few large pieces and given back in stack order, so that a step
// allocates nothing once the first of its size has run, and the kernel faults no pages in again.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace vernier {

class Arena {
 public:
  explicit Arena(at::Device device = at::kCPU) : device_(device) {}

  // An uninitialised contiguous tensor, aligned to 64 bytes, valid until the scope it was taken in ends.
  at::Tensor take(at::IntArrayRef shape, at::ScalarType dtype);

  // One piece of that many bytes from the start, where the need is known. Precondition: nothing is in use.
  void reserve(std::int64_t bytes);

  // Gives back, when it ends, everything taken since it began. Scopes nest.
  class Scope {
   public:
    explicit Scope(Arena& arena);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Arena& arena_;
    std::size_t piece_, used_;
  };

  // Bytes held, and the most that was ever in use at once.
  std::int64_t held_bytes() const;
  std::int64_t peak_bytes() const { return peak_bytes_; }

 private:
  struct Piece {
    at::Tensor storage;
    std::int64_t used = 0;
  };
  std::int64_t used_bytes() const;
  // When nothing is in use: one piece as large as the most that ever was, instead of several.
  void join_pieces();

  at::Device device_;
  std::vector<Piece> pieces_;
  std::size_t current_ = 0;
  std::int64_t peak_bytes_ = 0;
};

}  // namespace vernier
