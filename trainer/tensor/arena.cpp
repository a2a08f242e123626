#include "tensor/arena.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>

#include "base/check.h"
#include "base/round_up.h"

namespace vernier {

namespace {

constexpr std::int64_t kAlignment = 64;
constexpr std::int64_t kSmallestPiece = std::int64_t{4} << 20;

std::int64_t aligned(std::int64_t bytes) {
  return rounded_up(bytes, kAlignment);
}

}  // namespace

at::Tensor Arena::take(at::IntArrayRef shape, at::ScalarType dtype) {
  const std::int64_t bytes =
      aligned(c10::multiply_integers(shape) * static_cast<std::int64_t>(c10::elementSize(dtype)));
  while (current_ < pieces_.size() && pieces_[current_].used + bytes > pieces_[current_].storage.numel()) ++current_;
  if (current_ == pieces_.size())
    pieces_.push_back({at::empty({std::max(bytes, kSmallestPiece)}, at::TensorOptions(device_).dtype(at::kByte)), 0});
  Piece& piece = pieces_[current_];
  void* data = static_cast<std::uint8_t*>(piece.storage.data_ptr()) + piece.used;
  piece.used += bytes;
  peak_bytes_ = std::max(peak_bytes_, used_bytes());
  return at::from_blob(data, shape, at::TensorOptions(device_).dtype(dtype));
}

Arena::Scope::Scope(Arena& arena)
    : arena_(arena),
      piece_(arena.current_),
      used_(arena.current_ < arena.pieces_.size() ? static_cast<std::size_t>(arena.pieces_[arena.current_].used) : 0) {}

Arena::Scope::~Scope() {
  for (std::size_t i = piece_; i < arena_.pieces_.size(); ++i)
    arena_.pieces_[i].used = i == piece_ ? static_cast<std::int64_t>(used_) : 0;
  arena_.current_ = piece_;
  if (piece_ == 0 && used_ == 0) arena_.join_pieces();
}

void Arena::reserve(std::int64_t bytes) {
  check(used_bytes() == 0, "an arena is reserved before it is used");
  pieces_.clear();  // before the new one, so that both never exist together
  pieces_.push_back({at::empty({aligned(bytes)}, at::TensorOptions(device_).dtype(at::kByte)), 0});
}

void Arena::join_pieces() {
  if (pieces_.size() > 1) reserve(peak_bytes_);
}

std::int64_t Arena::used_bytes() const {
  std::int64_t total = 0;
  for (const Piece& piece : pieces_) total += piece.used;
  return total;
}

std::int64_t Arena::held_bytes() const {
  std::int64_t total = 0;
  for (const Piece& piece : pieces_) total += piece.storage.numel();
  return total;
}

}  // namespace vernier
