#include "kernels/nf4.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace vernier {
namespace {

// Code i + 1 is chosen over code i only above the i-th threshold. By bits: four of the CUDA literals are one ulp off
// the midpoints, and parsing their decimals by way of a double would round the first one twice.
constexpr std::array<std::uint32_t, 15> kThresholdBits = {
    0xBF591CD9u, 0xBF1C5270u, 0xBEEB8480u, 0xBEADEA76u, 0xBE703CECu, 0xBE0D38BCu, 0xBD3A7871u, 0x3D22FAFFu,
    0x3DF64863u, 0x3E5067E0u, 0x3E9582D4u, 0x3EC753F9u, 0x3F006D03u, 0x3F248DAFu, 0x3F5C89D9u};

constexpr std::int64_t kChunk = 32;  // divides every blocksize

template <std::size_t... I>
inline std::int32_t code_of(float x, std::index_sequence<I...>) {
  return (static_cast<std::int32_t>(x > std::bit_cast<float>(kThresholdBits[I])) + ...);
}

// Packs kChunk scaled values into kChunk / 2 bytes. A NaN is above no threshold: code 0.
void pack_chunk(const float* scaled, std::uint8_t* bytes) {
  std::int32_t codes[kChunk];
  for (std::int64_t i = 0; i < kChunk; ++i) codes[i] = code_of(scaled[i], std::make_index_sequence<15>{});
  for (std::int64_t j = 0; j < kChunk / 2; ++j)
    bytes[j] = static_cast<std::uint8_t>(codes[2 * j] << 4 | codes[2 * j + 1]);
}

// The largest magnitude, compared as integers, where NaN > Inf > finite: a bad value shows in the result.
float largest_magnitude(const float* values, std::int64_t n) {
  std::int32_t largest = 0;
  for (std::int64_t i = 0; i < n; ++i)
    largest = std::max(largest, static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(values[i]) & 0x7FFFFFFFu));
  return std::bit_cast<float>(largest);
}

void quantize_block(const float* values, std::int64_t n, float absmax, std::uint8_t* bytes) {
  if (absmax == 0.0f) {
    std::memset(bytes, 0x77, static_cast<std::size_t>((n + 1) / 2));
    return;
  }
  const float reciprocal = 1.0f / absmax;
  // Below 2^-128 the reciprocal overflows and every implementation goes its own way; dividing keeps the values.
  const bool divide = std::isinf(reciprocal);
  for (std::int64_t at = 0; at < n; at += kChunk) {
    const std::int64_t count = std::min(kChunk, n - at);
    float scaled[kChunk] = {};  // the missing partner of an odd n encodes 0.0
    for (std::int64_t i = 0; i < count; ++i) scaled[i] = divide ? values[at + i] / absmax : values[at + i] * reciprocal;
    if (count == kChunk) {
      pack_chunk(scaled, bytes + at / 2);
    } else {
      std::uint8_t padded[kChunk / 2];
      pack_chunk(scaled, padded);
      std::memcpy(bytes + at / 2, padded, static_cast<std::size_t>((count + 1) / 2));
    }
  }
}

// The nearest code; a value exactly half way between two goes to the even one, a NaN to 0.
std::uint8_t nearest_dynamic_code(float x) {
  if (!(x > kDynamicMap.front())) return 0;
  if (x >= kDynamicMap.back()) return 255;
  const auto above = std::upper_bound(kDynamicMap.begin(), kDynamicMap.end(), x);
  const auto upper = static_cast<std::size_t>(above - kDynamicMap.begin()), lower = upper - 1;
  const float middle = (kDynamicMap[lower] + kDynamicMap[upper]) * 0.5f;
  const bool up = x > middle || (x == middle && upper % 2 == 0);
  return static_cast<std::uint8_t>(up ? upper : lower);
}

}  // namespace

constinit const std::array<float, 16> kNf4Values = std::to_array(kNf4Codebook);

const Nf4Kernels& nf4_kernels(Isa isa) {
  check(isa_supported(isa), "nf4_kernels: this CPU lacks the instruction set");
  switch (isa) {
    case Isa::kAvx512:
      return kNf4Avx512;
    case Isa::kAvx2:
      return kNf4Avx2;
    case Isa::kScalar:
      break;
  }
  return kNf4Scalar;
}

void nf4_quantize(const float* values, std::int64_t n, std::int64_t blocksize, std::uint8_t* codes, float* absmax) {
  check(n >= 0, "nf4_quantize: negative n");
  check(blocksize >= 32 && std::has_single_bit(static_cast<std::uint64_t>(blocksize)),
        "nf4_quantize: blocksize must be a power of two >= 32");
  for (std::int64_t begin = 0, block = 0; begin < n; begin += blocksize, ++block) {
    const std::int64_t count = std::min(blocksize, n - begin);
    absmax[block] = largest_magnitude(values + begin, count);
    quantize_block(values + begin, count, absmax[block], codes + begin / 2);
  }
}

void double_quantize(const float* absmax, std::int64_t n, float* offset, std::uint8_t* nested_codes,
                     float* nested_absmax) {
  check(n > 0, "double_quantize: no values");
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(absmax[i]);
  *offset = static_cast<float>(sum / static_cast<double>(n));
  double_quantize_with_offset(absmax, n, *offset, nested_codes, nested_absmax);
}

void double_quantize_with_offset(const float* absmax, std::int64_t n, float offset, std::uint8_t* nested_codes,
                                 float* nested_absmax) {
  check(n >= 0, "double_quantize_with_offset: negative n");
  for (std::int64_t begin = 0; begin < n; begin += kNestedBlocksize) {
    const std::int64_t count = std::min(kNestedBlocksize, n - begin);
    float centred[kNestedBlocksize];
    for (std::int64_t i = 0; i < count; ++i) centred[i] = absmax[begin + i] - offset;
    const float largest = largest_magnitude(centred, count);
    nested_absmax[begin / kNestedBlocksize] = largest;
    // All equal to the offset: 0 * inf, whose code is 0 and decodes to the offset again.
    const float reciprocal = largest == 0.0f ? 0.0f : 1.0f / largest;
    for (std::int64_t i = 0; i < count; ++i)
      nested_codes[begin + i] = largest == 0.0f ? std::uint8_t{0} : nearest_dynamic_code(centred[i] * reciprocal);
  }
}

void restore_absmax(const std::uint8_t* nested_codes, const float* nested_absmax, float offset, std::int64_t begin,
                    std::int64_t end, float* out) {
  for (std::int64_t i = begin; i < end; ++i) {
    const float product = kDynamicMap[nested_codes[i]] * nested_absmax[i / kNestedBlocksize];
    *out++ = product + offset;
  }
}

}  // namespace vernier
