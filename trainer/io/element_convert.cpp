#include "io/element_convert.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"

namespace vernier {
namespace {

constexpr std::size_t kChunk = 2048;

template <typename Widen>
void widen_halves(const void* from, std::size_t count, float* out, Widen to_f32) {
  const auto* at = static_cast<const char*>(from);
  for (std::size_t i = 0; i < count; ++i, at += sizeof(std::uint16_t)) {
    std::uint16_t half = 0;
    std::memcpy(&half, at, sizeof half);
    out[i] = to_f32(half);
  }
}

template <typename Narrow>
void narrow_halves(const float* from, std::size_t count, void* out, Narrow to_half) {
  auto* at = static_cast<char*>(out);
  for (std::size_t i = 0; i < count; ++i, at += sizeof(std::uint16_t)) {
    const std::uint16_t half = to_half(from[i]);
    std::memcpy(at, &half, sizeof half);
  }
}

}  // namespace

bool is_weight_type(Dtype dtype) {
  return dtype == Dtype::kF32 || dtype == Dtype::kF16 || dtype == Dtype::kBF16;
}

void widen(Dtype stored, const void* from, std::size_t count, float* out) {
  check(is_weight_type(stored), "not a weight's type");
  if (count == 0) return;
  if (stored == Dtype::kF32)
    std::memcpy(out, from, count * sizeof(float));
  else if (stored == Dtype::kF16)
    widen_halves(from, count, out, [](std::uint16_t half) { return f16_to_f32(half); });
  else
    widen_halves(from, count, out, [](std::uint16_t half) { return bf16_to_f32(half); });
}

void narrow(const float* from, std::size_t count, Dtype as, void* out) {
  check(is_weight_type(as), "not a weight's type");
  if (count == 0) return;
  if (as == Dtype::kF32)
    std::memcpy(out, from, count * sizeof(float));
  else if (as == Dtype::kF16)
    narrow_halves(from, count, out, [](float value) { return f32_to_f16(value); });
  else
    narrow_halves(from, count, out, [](float value) { return f32_to_bf16(value); });
}

void convert_elements(Dtype stored, const void* from, std::size_t count, Dtype as, void* out) {
  if (stored == as) {
    if (count > 0) std::memcpy(out, from, count * dtype_bytes(as));
    return;
  }
  std::array<float, kChunk> chunk;
  const auto* source = static_cast<const char*>(from);
  auto* target = static_cast<char*>(out);
  for (std::size_t done = 0; done < count; done += kChunk) {
    const std::size_t part = std::min(kChunk, count - done);
    widen(stored, source + done * dtype_bytes(stored), part, chunk.data());
    narrow(chunk.data(), part, as, target + done * dtype_bytes(as));
  }
}

}  // namespace vernier
