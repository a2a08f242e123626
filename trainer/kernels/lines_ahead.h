#pragma once
// Memory that is needed next, asked for a few cache lines at a time while something else computes, so that reading it
// does not wait. For gemm.cpp alone.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace vernier {

class LinesAhead {
 public:
  void clear() { *this = {}; }

  // `runs` runs of `bytes` bytes, `stride` bytes from one to the next. More than there is room for is left out.
  void add(const void* first, std::int64_t stride, std::int64_t bytes, std::int64_t runs) {
    if (count_ == areas_.size() || bytes <= 0) return;
    const std::int64_t lines = (bytes + kLine - 1) / kLine;
    areas_[count_++] = {static_cast<const char*>(first), stride, lines, runs};
    lines_ += lines * runs;
  }

  // All lines that were added.
  std::int64_t lines() const { return lines_; }

  // Asks for the next `lines` of them.
  void ask(std::int64_t lines) {
    while (lines > 0 && area_ < count_) {
      const Area& area = areas_[area_];
      const std::int64_t end = std::min(area.lines, line_ + lines);
      const char* at = area.first + run_ * area.stride;
      lines -= end - line_;
      for (; line_ < end; ++line_) __builtin_prefetch(at + line_ * kLine, 0, 2);
      if (line_ < area.lines) return;
      line_ = 0;
      if (++run_ < area.runs) continue;
      run_ = 0;
      ++area_;
    }
  }

 private:
  static constexpr std::int64_t kLine = 64;
  struct Area {
    const char* first = nullptr;
    std::int64_t stride = 0, lines = 0, runs = 0;
  };
  std::array<Area, 12> areas_;
  std::size_t count_ = 0, area_ = 0;
  std::int64_t run_ = 0, line_ = 0, lines_ = 0;
};

}  // namespace vernier
