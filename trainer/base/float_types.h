#pragma once
// The element types of weights, and the conversions between them, each with round to nearest even.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

namespace vernier {

enum class Dtype : std::uint8_t { kF32, kF16, kBF16, kU8, kI8, kI16, kI32, kI64, kF64, kBool };

// Bytes of one element.
std::size_t dtype_bytes(Dtype dtype);
// safetensors' spelling: "F32", "BF16", "I64", ...
const char* dtype_name(Dtype dtype);

// bf16 is the upper half of an f32; NaN stays a (quiet) NaN.
inline std::uint16_t f32_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}
inline float bf16_to_f32(std::uint16_t value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}

float f16_to_f32(std::uint16_t value);
std::uint16_t f32_to_f16(float value);

}  // namespace vernier
