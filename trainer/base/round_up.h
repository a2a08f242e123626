#pragma once
// Sizes in whole units.

#include <cstdint>

namespace vernier {

// The least multiple that is not below `value`. Precondition: value >= 0, multiple > 0.
constexpr std::int64_t rounded_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace vernier
