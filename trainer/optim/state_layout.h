#pragma once
// Where the states of an optimizer lie: each trained tensor is cut into pieces of whole blocks, each piece has its
// states beside each other, and pages of equal size hold as many pieces as fit. All work is done piece by piece, so
// that neither pages nor threads change a bit.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "kernels/optimizer.h"

namespace vernier {

// One trained tensor: elements [first, first + count) of the flat buffers of values and gradients.
struct OptimizedTensor {
  std::string name;
  std::int64_t first = 0, count = 0;
};

// "adamw_8bit": what computes, whether paged or not.
const char* optimizer_name(OptimizerKind kind);

// The rule for a tensor of `count` elements: 8-bit states begin at 4096 elements.
UpdateRule update_rule(OptimizerKind kind, std::int64_t count);

inline constexpr std::int64_t kPieceElements = 4096;  // most elements of a piece, a multiple of kStateBlock
inline constexpr std::int64_t kPageBytes = std::int64_t{1} << 20;  // of a paged optimizer
inline constexpr std::int64_t kLeastPageBytes = 8 * kPieceElements;

class StateLayout {
 public:
  // `page_bytes` 0: one page that holds everything. Precondition: 0 or at least kLeastPageBytes.
  StateLayout(OptimizerKind kind, std::vector<OptimizedTensor> tensors, std::int64_t page_bytes);

  const std::vector<OptimizedTensor>& tensors() const { return tensors_; }  // in the order of the flat buffers
  std::int64_t pages() const { return static_cast<std::int64_t>(page_begin_.size()) - 1; }
  std::int64_t page_bytes() const { return page_bytes_; }
  std::int64_t state_bytes() const { return state_bytes_; }  // that the pieces take

  // Offsets are in the page.
  std::span<const UpdatePiece> page(std::int64_t page) const;
  // The pieces of tensors()[tensor], which may reach over several pages.
  std::span<const UpdatePiece> pieces(std::size_t tensor) const;
  // The page that holds a piece of this layout.
  std::int64_t page_of(const UpdatePiece& piece) const;

 private:
  std::vector<OptimizedTensor> tensors_;
  std::int64_t page_bytes_, state_bytes_ = 0;
  std::vector<UpdatePiece> pieces_;
  std::vector<std::size_t> page_begin_, tensor_begin_;  // indices in pieces_, with its size as the last
};

}  // namespace vernier
