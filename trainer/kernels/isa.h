#pragma once
// Which instruction set the inner loops use: chosen once at start, from the CPU or the config key `kernels`.

#include <string>

namespace vernier {

enum class Isa { kScalar, kAvx2, kAvx512 };

const char* isa_name(Isa isa);
bool isa_supported(Isa isa);  // by this CPU (and operating system)
// Whether bf16 products run in hardware (AVX512-BF16).
bool bf16_supported();
// "auto" takes the widest supported. Error(kInput) for an unknown word or a set this CPU lacks.
Isa choose_isa(const std::string& setting);

}  // namespace vernier
