#pragma once
// What the ISA files of nf4 share with the rest: the codebook and the table of functions each of them exports. Includes
// nothing that defines functions, and the arrays have internal linkage: an inline function compiled with AVX flags
// could be picked by the linker for the whole program.

#include <cstdint>

namespace vernier {

// Decodes elements [begin, end) of a flat tensor: value = kNf4Values[code] * absmax[i / blocksize], one f32 product,
// and for bf16 one rounding to nearest even. Preconditions: begin even, blocksize a power of two >= 32.
// out[0] is element `begin`; codes and absmax are those of the whole tensor.
struct Nf4Kernels {
  void (*decode_f32)(const std::uint8_t* codes, const float* absmax, std::int64_t blocksize, std::int64_t begin,
                     std::int64_t end, float* out);
  void (*decode_bf16)(const std::uint8_t* codes, const float* absmax, std::int64_t blocksize, std::int64_t begin,
                      std::int64_t end, std::uint16_t* out);
};

extern const Nf4Kernels kNf4Scalar;
extern const Nf4Kernels kNf4Avx2;
extern const Nf4Kernels kNf4Avx512;

// Decimals that give the 16 f32 values exactly (docs/formats.md, "NF4").
alignas(64) constexpr float kNf4Codebook[16] = {
    -1.0f,       -0.69619280f, -0.52507305f, -0.39491749f, -0.28444138f, -0.18477343f, -0.0910500363f, 0.0f,
    0.07958030f, 0.16093020f,  0.24611230f,  0.33791524f,  0.44070983f,  0.56261700f,  0.72295684f,    1.0f};

}  // namespace vernier
