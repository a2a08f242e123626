#include <array>
#include <cstring>

#include "base/check.h"
#include "base/float_types.h"
#include "io/gguf.h"

// The 32-element blocks of ggml, little-endian. d and m are f16; nibble j of qs is element j, nibble j + 16 the high
// half:
//
//   Q8_0  d  i8 q[32]                 y = d * q
//   Q4_0  d  u8 qs[16]                y = d * (q - 8)
//   Q4_1  d  m  u8 qs[16]             y = d * q + m
//   Q5_0  d  u32 qh  u8 qs[16]        y = d * (q - 16), bit j of qh is bit 4 of element j
//   Q5_1  d  m  u32 qh  u8 qs[16]     y = d * q + m
//
// Products and sums are rounded one by one in f32: the tree is compiled with -ffp-contract=off.

namespace vernier {
namespace {

constexpr std::int64_t kBlock = 32;
using Codes = std::array<int, kBlock>;

float load_f16(const unsigned char* at) {
  std::uint16_t half = 0;
  std::memcpy(&half, at, sizeof half);
  return f16_to_f32(half);
}

Codes nibbles(const unsigned char* qs) {
  Codes codes{};
  for (std::size_t j = 0; j < 16; ++j) {
    codes[j] = qs[j] & 15;
    codes[j + 16] = qs[j] >> 4;
  }
  return codes;
}

Codes five_bits(const unsigned char* high, const unsigned char* qs) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, high, sizeof bits);
  Codes codes = nibbles(qs);
  for (std::size_t j = 0; j < kBlock; ++j) codes[j] |= static_cast<int>(bits >> j & 1u) << 4;
  return codes;
}

void scaled(float d, const Codes& codes, int zero, float* out) {
  for (std::size_t j = 0; j < kBlock; ++j) out[j] = d * static_cast<float>(codes[j] - zero);
}

void scaled_plus(float d, const Codes& codes, float m, float* out) {
  for (std::size_t j = 0; j < kBlock; ++j) out[j] = d * static_cast<float>(codes[j]) + m;
}

void decode_block(GgmlType type, const unsigned char* block, float* out) {
  const float d = load_f16(block);
  switch (type) {
    case GgmlType::kQ8_0:
      for (std::size_t j = 0; j < kBlock; ++j) out[j] = d * static_cast<float>(static_cast<signed char>(block[2 + j]));
      return;
    case GgmlType::kQ4_0:
      return scaled(d, nibbles(block + 2), 8, out);
    case GgmlType::kQ4_1:
      return scaled_plus(d, nibbles(block + 4), load_f16(block + 2), out);
    case GgmlType::kQ5_0:
      return scaled(d, five_bits(block + 2, block + 6), 16, out);
    case GgmlType::kQ5_1:
      return scaled_plus(d, five_bits(block + 4, block + 8), load_f16(block + 2), out);
    default:
      check(false, "not a block type");
  }
}

}  // namespace

GgmlBlock ggml_block(GgmlType type) {
  switch (type) {
    case GgmlType::kF32:
      return {1, 4};
    case GgmlType::kF16:
    case GgmlType::kBF16:
      return {1, 2};
    case GgmlType::kQ8_0:
      return {kBlock, 34};
    case GgmlType::kQ4_0:
      return {kBlock, 18};
    case GgmlType::kQ4_1:
      return {kBlock, 20};
    case GgmlType::kQ5_0:
      return {kBlock, 22};
    case GgmlType::kQ5_1:
      return {kBlock, 24};
  }
  check(false, "an unknown ggml type");
  return {};
}

void ggml_dequantize(GgmlType type, const void* blocks, std::int64_t count, float* out) {
  const auto [elements, bytes] = ggml_block(type);
  check(count >= 0 && count % elements == 0, "the count is not a multiple of the block");
  const auto* at = static_cast<const unsigned char*>(blocks);
  if (type == GgmlType::kF32) {
    if (count > 0) std::memcpy(out, at, static_cast<std::size_t>(count) * bytes);
    return;
  }
  for (std::int64_t i = 0; i < count; i += elements, at += bytes) {
    std::uint16_t half = 0;
    std::memcpy(&half, at, sizeof half);
    if (type == GgmlType::kF16)
      out[i] = f16_to_f32(half);
    else if (type == GgmlType::kBF16)
      out[i] = bf16_to_f32(half);
    else
      decode_block(type, at, out + i);
  }
}

}  // namespace vernier
