// The reference decoder: what the AVX files must equal bit for bit.

#include <algorithm>

#include "base/float_types.h"
#include "kernels/nf4_tables.h"

namespace vernier {
namespace {

float element(const std::uint8_t* codes, float absmax, std::int64_t index) {
  const unsigned byte = codes[index / 2];
  return kNf4Codebook[index % 2 == 0 ? byte >> 4 : byte & 15u] * absmax;
}

void decode_f32(const std::uint8_t* codes, const float* absmax, std::int64_t blocksize, std::int64_t begin,
                std::int64_t end, float* out) {
  for (std::int64_t at = begin; at < end;) {
    const std::int64_t block = at / blocksize, block_end = std::min(end, (block + 1) * blocksize);
    for (; at < block_end; ++at) *out++ = element(codes, absmax[block], at);
  }
}

void decode_bf16(const std::uint8_t* codes, const float* absmax, std::int64_t blocksize, std::int64_t begin,
                 std::int64_t end, std::uint16_t* out) {
  for (std::int64_t at = begin; at < end;) {
    const std::int64_t block = at / blocksize, block_end = std::min(end, (block + 1) * blocksize);
    std::uint16_t scaled[16];
    for (int code = 0; code < 16; ++code) scaled[code] = f32_to_bf16(kNf4Codebook[code] * absmax[block]);
    for (; at < block_end; ++at) {
      const unsigned byte = codes[at / 2];
      *out++ = scaled[at % 2 == 0 ? byte >> 4 : byte & 15u];
    }
  }
}

}  // namespace

const Nf4Kernels kNf4Scalar = {decode_f32, decode_bf16};

}  // namespace vernier
