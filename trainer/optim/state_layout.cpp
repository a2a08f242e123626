#include "optim/state_layout.h"

#include <algorithm>

#include "base/check.h"
#include "base/round_up.h"

namespace vernier {

namespace {

constexpr std::int64_t kAlignment = 64;     // of a piece's states
constexpr std::int64_t kLeastCoded = 4096;  // elements of a tensor with 8-bit states: bitsandbytes' min_8bit_size

}  // namespace

const char* optimizer_name(OptimizerKind kind) {
  switch (kind) {
    case OptimizerKind::kAdamwTorch:
      return "adamw_torch";
    case OptimizerKind::kAdamw8bit:
      return "adamw_8bit";
    case OptimizerKind::kLion32bit:
      return "lion_32bit";
    case OptimizerKind::kLion8bit:
      return "lion_8bit";
    case OptimizerKind::kSgd:
      break;
  }
  return "sgd";
}

UpdateRule update_rule(OptimizerKind kind, std::int64_t count) {
  const bool coded = count >= kLeastCoded;
  switch (kind) {
    case OptimizerKind::kAdamwTorch:
      return UpdateRule::kAdamwTorch;
    case OptimizerKind::kAdamw8bit:
      return coded ? UpdateRule::kAdamw8bit : UpdateRule::kAdamw32bit;
    case OptimizerKind::kLion32bit:
      return UpdateRule::kLion32bit;
    case OptimizerKind::kLion8bit:
      return coded ? UpdateRule::kLion8bit : UpdateRule::kLion32bit;
    case OptimizerKind::kSgd:
      break;
  }
  return UpdateRule::kSgd;
}

StateLayout::StateLayout(OptimizerKind kind, std::vector<OptimizedTensor> tensors, std::int64_t page_bytes)
    : tensors_(std::move(tensors)), page_bytes_(page_bytes) {
  check(page_bytes == 0 || page_bytes >= kLeastPageBytes, "pages that hold a piece");
  std::sort(tensors_.begin(), tensors_.end(),
            [](const OptimizedTensor& a, const OptimizedTensor& b) { return a.first < b.first; });
  std::int64_t used = 0;  // of the page
  page_begin_.push_back(0);
  for (const OptimizedTensor& tensor : tensors_) {
    tensor_begin_.push_back(pieces_.size());
    const UpdateRule rule = update_rule(kind, tensor.count);
    for (std::int64_t done = 0; done < tensor.count; done += kPieceElements) {
      const std::int64_t count = std::min(kPieceElements, tensor.count - done);
      const std::int64_t bytes = rounded_up(vernier::state_bytes(rule, count), kAlignment);
      if (page_bytes > 0 && used + bytes > page_bytes) {
        page_begin_.push_back(pieces_.size());
        used = 0;
      }
      pieces_.push_back({rule, tensor.first + done, count, used});
      used += bytes;
      state_bytes_ += bytes;
    }
  }
  page_begin_.push_back(pieces_.size());
  tensor_begin_.push_back(pieces_.size());
  if (page_bytes == 0) page_bytes_ = state_bytes_;
}

std::span<const UpdatePiece> StateLayout::page(std::int64_t page) const {
  const auto at = static_cast<std::size_t>(page);
  return std::span(pieces_).subspan(page_begin_[at], page_begin_[at + 1] - page_begin_[at]);
}

std::span<const UpdatePiece> StateLayout::pieces(std::size_t tensor) const {
  return std::span(pieces_).subspan(tensor_begin_[tensor], tensor_begin_[tensor + 1] - tensor_begin_[tensor]);
}

std::int64_t StateLayout::page_of(const UpdatePiece& piece) const {
  const auto index = static_cast<std::size_t>(&piece - pieces_.data());
  return std::upper_bound(page_begin_.begin(), page_begin_.end() - 1, index) - page_begin_.begin() - 1;
}

}  // namespace vernier
