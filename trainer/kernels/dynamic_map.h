#pragma once
// The dynamic 8-bit maps of bitsandbytes (Dettmers 2015, "8-Bit Approximations for Parallelism in Deep Learning";
// docs/formats.md): code -> value in [-1, 1] (signed) or [0, 1] (unsigned), and what finds the nearest code.
//
// Codes ascend with their values. From the code of 0 (signed 127, unsigned 0) upwards they are steps of magnitude:
// step k is code 127 + k of a positive value, 127 - k of a negative one, which ends at step 127; or code k.

#include <array>
#include <cstdint>

namespace vernier {

// Magnitudes are looked up by the upper 16 bits of their f32: buckets from 2^-24 to 1, in none of which more than one
// step ends.
inline constexpr std::uint32_t kLowestDynamicBucket = 0x33800000u >> 16;
inline constexpr std::uint32_t kDynamicBuckets = (0x3F800000u >> 16) - kLowestDynamicBucket + 1;

struct DynamicTable {
  float values[256];  // of each code
  float last[256];    // the largest magnitude that is still rounded to step k or below; the last step's is +Inf
  std::uint8_t first[kDynamicBuckets + 3];  // the step of a bucket's smallest magnitude; 3 bytes more than read
};

extern const std::array<float, 256> kDynamicMap;  // the signed map: nested code -> value
extern const DynamicTable kSignedDynamicTable, kUnsignedDynamicTable;

}  // namespace vernier
