#pragma once
// NF4 blocks and double quantization, bit for bit as bitsandbytes' CUDA rule
// (docs/formats.md; Dettmers, Pagnoni, Holtzman, Zettlemoyer 2023, "QLoRA").
//
//   byte j of `codes`:  | code[2j] (high nibble) | code[2j+1] (low nibble) |      blocks run flat over the tensor

#include <array>
#include <cstdint>

#include "kernels/dynamic_map.h"
#include "kernels/isa.h"
#include "kernels/nf4_tables.h"

namespace vernier {

extern const std::array<float, 16> kNf4Values;         // code -> value in [-1, 1]
inline constexpr std::int64_t kNestedBlocksize = 256;  // absmax values of one nested absmax

// The decoders of one instruction set; all give the same bits. Precondition: isa_supported(isa).
const Nf4Kernels& nf4_kernels(Isa isa);

// Quantizes n values: codes [(n + 1) / 2] and absmax [ceil(n / blocksize)]. An all-zero block is written as 0x77, the
// padding nibble of an odd n as 7. A block that holds a NaN or an Inf gets a NaN or an Inf as its absmax: the caller
// finds bad weights by looking at absmax alone. Precondition: blocksize a power of two >= 32.
void nf4_quantize(const float* values, std::int64_t n, std::int64_t blocksize, std::uint8_t* codes, float* absmax);

// Double quantization of n absmax values (n > 0): offset = their mean; nested_codes [n], nested_absmax [ceil(n / 256)].
void double_quantize(const float* absmax, std::int64_t n, float* offset, std::uint8_t* nested_codes,
                     float* nested_absmax);
// The same given the offset.
void double_quantize_with_offset(const float* absmax, std::int64_t n, float offset, std::uint8_t* nested_codes,
                                 float* nested_absmax);
// absmax[i] = kDynamicMap[nested_codes[i]] * nested_absmax[i / 256] + offset for i in [begin, end): two rounded f32
// operations, written to out[0 ... end - begin).
void restore_absmax(const std::uint8_t* nested_codes, const float* nested_absmax, float offset, std::int64_t begin,
                    std::int64_t end, float* out);

}  // namespace vernier
