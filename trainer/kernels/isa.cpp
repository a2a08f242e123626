#include "kernels/isa.h"

#include <cpuid.h>

#include <array>
#include <cstdint>

#include "base/error.h"
#include "base/text.h"

namespace vernier {
namespace {

struct CpuFeatures {
  bool avx2 = false;
  bool avx512 = false;
  bool avx512_bf16 = false;
};

struct CpuidAnswer {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

bool bit(unsigned word, unsigned index) {
  return (word >> index & 1u) != 0;
}

CpuidAnswer cpuid(unsigned leaf, unsigned subleaf) {
  CpuidAnswer answer;
  if (__get_cpuid_count(leaf, subleaf, &answer.eax, &answer.ebx, &answer.ecx, &answer.edx) == 0) return {};
  return answer;
}

// Which register files the operating system saves (XCR0). Precondition: CPUID says OSXSAVE.
std::uint64_t enabled_state() {
  std::uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<std::uint64_t>(high) << 32 | low;
}

CpuFeatures detect() {
  constexpr std::uint64_t kYmmState = 0x06;  // SSE, upper YMM
  constexpr std::uint64_t kZmmState = 0xE6;  // and opmask, upper ZMM, ZMM16 to 31
  CpuFeatures found;
  const CpuidAnswer basic = cpuid(1, 0);
  if (!bit(basic.ecx, 27)) return found;  // OSXSAVE
  const std::uint64_t state = enabled_state();
  const CpuidAnswer extended = cpuid(7, 0);
  const bool avx = bit(basic.ecx, 28), fma = bit(basic.ecx, 12), f16c = bit(basic.ecx, 29);
  found.avx2 = (state & kYmmState) == kYmmState && avx && fma && f16c && bit(extended.ebx, 5);

  const bool f = bit(extended.ebx, 16), dq = bit(extended.ebx, 17), bw = bit(extended.ebx, 30);
  const bool vl = bit(extended.ebx, 31), vbmi = bit(extended.ecx, 1);
  found.avx512 = found.avx2 && (state & kZmmState) == kZmmState && f && dq && bw && vl && vbmi;
  if (extended.eax >= 1) found.avx512_bf16 = found.avx512 && bit(cpuid(7, 1).eax, 5);
  return found;
}

const CpuFeatures& features() {
  static const CpuFeatures found = detect();
  return found;
}

}  // namespace

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return "scalar";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
  }
  return "unknown";
}

bool isa_supported(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return true;
    case Isa::kAvx2:
      return features().avx2;
    case Isa::kAvx512:
      return features().avx512;
  }
  return false;
}

bool bf16_supported() {
  return features().avx512_bf16;
}

Isa choose_isa(const std::string& setting) {
  constexpr std::array<Isa, 3> kWidestFirst = {Isa::kAvx512, Isa::kAvx2, Isa::kScalar};
  const auto widest = [&] {
    for (const Isa isa : kWidestFirst)
      if (isa_supported(isa)) return isa;
    return Isa::kScalar;
  };
  if (setting == "auto") return widest();
  for (const Isa isa : kWidestFirst) {
    if (setting != isa_name(isa)) continue;
    if (isa_supported(isa)) return isa;
    throw Error(ErrorKind::kInput, str("this CPU (or its operating system) lacks the instruction set '", setting, "'"),
                "kernels", str("use 'auto', which takes '", isa_name(widest()), "' here"));
  }
  const std::array<std::string, 4> words = {"auto", "scalar", "avx2", "avx512"};
  const std::string near = nearest_name(setting, words);
  throw Error(ErrorKind::kInput, str("unknown instruction set '", setting, "'"), "kernels",
              str(near.empty() ? "" : str("did you mean '", near, "'? "), "known: auto, scalar, avx2, avx512"));
}

}  // namespace vernier
