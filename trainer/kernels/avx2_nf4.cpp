// NF4 decode for AVX2: each block's 16 products form a table, looked up by VPERMPS (f32) and PSHUFB (bf16).

#include <immintrin.h>

#include "kernels/nf4_tables.h"

namespace vernier {
namespace {

std::int64_t smaller(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}

unsigned code_at(const std::uint8_t* codes, std::int64_t index) {
  return index % 2 == 0 ? codes[index / 2] >> 4 : codes[index / 2] & 15u;
}

// Four bytes -> eight indices in 32-bit lanes; only the low four bits of a lane count.
__m256i eight_indices(const std::uint8_t* bytes) {
  std::uint32_t word;
  __builtin_memcpy(&word, bytes, sizeof word);
  const __m256i wide = _mm256_cvtepu8_epi64(_mm_cvtsi32_si128(static_cast<int>(word)));
  return _mm256_or_si256(_mm256_srli_epi64(wide, 4), _mm256_slli_epi64(wide, 32));
}

void decode_f32(const std::uint8_t* codes, const float* absmax, std::int64_t blocksize, std::int64_t begin,
                std::int64_t end, float* out) {
  const int bits = __builtin_ctzll(static_cast<unsigned long long>(blocksize));  // a power of two
  for (std::int64_t at = begin; at < end;) {
    const std::int64_t block = at >> bits, block_end = smaller(end, (block + 1) << bits);
    const __m256 scale = _mm256_set1_ps(absmax[block]);
    const __m256 low = _mm256_mul_ps(_mm256_load_ps(kNf4Codebook), scale);
    const __m256 high = _mm256_mul_ps(_mm256_load_ps(kNf4Codebook + 8), scale);
    for (; at + 8 <= block_end; at += 8, out += 8) {
      const __m256i index = eight_indices(codes + at / 2);
      // Bit 3 of the code, moved to the sign, picks the upper half of the table.
      const __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(index, 28));
      _mm256_storeu_ps(
          out, _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, index), _mm256_permutevar8x32_ps(high, index), upper));
    }
    for (; at < block_end; ++at) *out++ = kNf4Codebook[code_at(codes, at)] * absmax[block];
  }
}

// Eight f32 -> bf16 in the low half of each lane, to nearest even; a NaN stays a quiet NaN.
__m256i round_to_bf16(__m256 value) {
  const __m256i bits = _mm256_castps_si256(value);
  const __m256i top = _mm256_srli_epi32(bits, 16);
  const __m256i odd = _mm256_and_si256(top, _mm256_set1_epi32(1));
  const __m256i rounded =
      _mm256_srli_epi32(_mm256_add_epi32(bits, _mm256_add_epi32(_mm256_set1_epi32(0x7FFF), odd)), 16);
  const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_UNORD_Q));
  return _mm256_blendv_epi8(rounded, _mm256_or_si256(top, _mm256_set1_epi32(0x40)), is_nan);
}

// The 16 products of a block as bf16, and the same split into low and high bytes in both 128-bit lanes.
struct Bf16Table {
  alignas(32) std::uint16_t values[16];
  __m256i low_bytes, high_bytes;
};

void fill_table(float absmax, Bf16Table* table) {
  const __m256 scale = _mm256_set1_ps(absmax);
  const __m256i first = round_to_bf16(_mm256_mul_ps(_mm256_load_ps(kNf4Codebook), scale));
  const __m256i second = round_to_bf16(_mm256_mul_ps(_mm256_load_ps(kNf4Codebook + 8), scale));
  // packus works within 128-bit lanes: 0..3, 8..11 | 4..7, 12..15.
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(first, second), _MM_SHUFFLE(3, 1, 2, 0));
  _mm256_store_si256(reinterpret_cast<__m256i*>(table->values), words);
  const __m256i low = _mm256_and_si256(words, _mm256_set1_epi16(0xFF));
  const __m256i bytes =
      _mm256_permute4x64_epi64(_mm256_packus_epi16(low, _mm256_srli_epi16(words, 8)), _MM_SHUFFLE(3, 1, 2, 0));
  table->low_bytes = _mm256_permute2x128_si256(bytes, bytes, 0x00);
  table->high_bytes = _mm256_permute2x128_si256(bytes, bytes, 0x11);
}

void decode_32(const std::uint8_t* bytes, const Bf16Table& table, std::uint16_t* out) {
  const __m256i wide = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
  const __m256i index =
      _mm256_and_si256(_mm256_or_si256(_mm256_srli_epi16(wide, 4), _mm256_slli_epi16(wide, 8)), _mm256_set1_epi8(15));
  const __m256i low = _mm256_shuffle_epi8(table.low_bytes, index);
  const __m256i high = _mm256_shuffle_epi8(table.high_bytes, index);
  const __m256i even = _mm256_unpacklo_epi8(low, high);  // elements 0..7 | 16..23
  const __m256i odd = _mm256_unpackhi_epi8(low, high);   // elements 8..15 | 24..31
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permute2x128_si256(even, odd, 0x20));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 16), _mm256_permute2x128_si256(even, odd, 0x31));
}

void decode_bf16(const std::uint8_t* codes, const float* absmax, std::int64_t blocksize, std::int64_t begin,
                 std::int64_t end, std::uint16_t* out) {
  Bf16Table table;
  const int bits = __builtin_ctzll(static_cast<unsigned long long>(blocksize));  // a power of two
  for (std::int64_t at = begin; at < end;) {
    const std::int64_t block = at >> bits, block_end = smaller(end, (block + 1) << bits);
    fill_table(absmax[block], &table);
    for (; at + 32 <= block_end; at += 32, out += 32) decode_32(codes + at / 2, table, out);
    for (; at < block_end; ++at) *out++ = table.values[code_at(codes, at)];
  }
}

}  // namespace

const Nf4Kernels kNf4Avx2 = {decode_f32, decode_bf16};

}  // namespace vernier
