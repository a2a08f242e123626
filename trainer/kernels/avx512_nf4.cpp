// NF4 decode for AVX-512: each block's 16 products fill one register, looked up by VPERMPS (f32) and VPERMW (bf16),
// both of which ignore the index bits above the table's size.

// GCC 12 takes the deliberately undefined operand inside its own AVX-512 intrinsics for a mistake of the caller.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>

#include "kernels/nf4_tables.h"

namespace vernier {
namespace {

std::int64_t smaller(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}

// Up to 8 bytes -> 16 indices in 32-bit lanes.
__m512i sixteen_indices(__m128i bytes) {
  const __m512i wide = _mm512_cvtepu8_epi64(bytes);
  return _mm512_or_si512(_mm512_srli_epi64(wide, 4), _mm512_slli_epi64(wide, 32));
}

// Up to 16 bytes -> 32 indices in 16-bit lanes.
__m512i thirty_two_indices(__m128i bytes) {
  const __m512i wide = _mm512_cvtepu8_epi32(bytes);
  return _mm512_or_si512(_mm512_srli_epi32(wide, 4), _mm512_slli_epi32(wide, 16));
}

// The first `count` bytes, the rest 0; reads nothing beyond.
__m128i load_bytes(const std::uint8_t* bytes, std::int64_t count) {
  return _mm_maskz_loadu_epi8(static_cast<__mmask16>((1u << count) - 1u), bytes);
}

void decode_f32(const std::uint8_t* codes, const float* absmax, std::int64_t blocksize, std::int64_t begin,
                std::int64_t end, float* out) {
  const __m512 codebook = _mm512_load_ps(kNf4Codebook);
  const int bits = __builtin_ctzll(static_cast<unsigned long long>(blocksize));  // a power of two
  for (std::int64_t at = begin; at < end;) {
    const std::int64_t block = at >> bits, block_end = smaller(end, (block + 1) << bits);
    const __m512 table = _mm512_mul_ps(codebook, _mm512_set1_ps(absmax[block]));
    for (; at + 16 <= block_end; at += 16, out += 16) {
      const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes + at / 2));
      _mm512_storeu_ps(out, _mm512_permutexvar_ps(sixteen_indices(bytes), table));
    }
    const std::int64_t rest = block_end - at;
    if (rest == 0) continue;
    const __m128i bytes = load_bytes(codes + at / 2, (rest + 1) / 2);
    _mm512_mask_storeu_ps(out, static_cast<__mmask16>((1u << rest) - 1u),
                          _mm512_permutexvar_ps(sixteen_indices(bytes), table));
    at += rest;
    out += rest;
  }
}

// The 16 products of a block as bf16 (to nearest even, a NaN stays a quiet NaN), twice.
__m512i bf16_table(__m512 codebook, float absmax) {
  const __m512 value = _mm512_mul_ps(codebook, _mm512_set1_ps(absmax));
  const __m512i bits = _mm512_castps_si512(value);
  const __m512i top = _mm512_srli_epi32(bits, 16);
  const __m512i odd = _mm512_and_si512(top, _mm512_set1_epi32(1));
  __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(_mm512_set1_epi32(0x7FFF), odd)), 16);
  const __mmask16 is_nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
  rounded = _mm512_mask_or_epi32(rounded, is_nan, top, _mm512_set1_epi32(0x40));
  return _mm512_broadcast_i64x4(_mm512_cvtepi32_epi16(rounded));
}

void decode_bf16(const std::uint8_t* codes, const float* absmax, std::int64_t blocksize, std::int64_t begin,
                 std::int64_t end, std::uint16_t* out) {
  const __m512 codebook = _mm512_load_ps(kNf4Codebook);
  const int bits = __builtin_ctzll(static_cast<unsigned long long>(blocksize));  // a power of two
  for (std::int64_t at = begin; at < end;) {
    const std::int64_t block = at >> bits, block_end = smaller(end, (block + 1) << bits);
    const __m512i table = bf16_table(codebook, absmax[block]);
    for (; at + 32 <= block_end; at += 32, out += 32) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + at / 2));
      _mm512_storeu_si512(out, _mm512_permutexvar_epi16(thirty_two_indices(bytes), table));
    }
    const std::int64_t rest = block_end - at;
    if (rest == 0) continue;
    const __m128i bytes = load_bytes(codes + at / 2, (rest + 1) / 2);
    _mm512_mask_storeu_epi16(out, static_cast<__mmask32>((1u << rest) - 1u),
                             _mm512_permutexvar_epi16(thirty_two_indices(bytes), table));
    at += rest;
    out += rest;
  }
}

}  // namespace

const Nf4Kernels kNf4Avx512 = {decode_f32, decode_bf16};

}  // namespace vernier
