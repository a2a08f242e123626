#pragma once
// The dynamic 8-bit maps of bitsandbytes (Dettmers 2015, "8-Bit Approximations for Parallelism in Deep Learning";
// docs/formats.md): code -> value in [-1, 1] (signed) or [0, 1] (unsigned), and what finds the nearest code.
//
// Codes ascend with their values. From the code of 0 (signed 127, unsigned 0) upwards they are steps of magnitude:
// step k is code 127 + k of a positive value, 127 - k of a negative one, which ends at step 127; or code k.

#include <array>
#include <cstdint>

namespace vernier {

// In each of seven decades the steps are equally long, and denser the lower it is: the step of a magnitude lies near
// the least of seven lines.
inline constexpr int kDynamicDecades = 7;

struct DynamicTable {
  float values[256];  // of each code
  float last[256];    // the largest magnitude that is still rounded to step k or below; the last step's is +Inf
  // min over d of slope[d] * m + offset[d], its fraction dropped: the step of the magnitude m in [0, 1], or the one
  // below it; 127 or 254 at most.
  float slope[kDynamicDecades], offset[kDynamicDecades];
};

extern const std::array<float, 256> kDynamicMap;  // the signed map: nested code -> value
extern const DynamicTable kSignedDynamicTable, kUnsignedDynamicTable;

}  // namespace vernier
