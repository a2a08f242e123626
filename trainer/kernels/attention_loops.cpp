#include "kernels/attention_loops.h"

#include "base/check.h"
#include "kernels/attention_tables.h"

namespace vernier {

template <>
const AttentionLoops<float>& attention_loops(Isa isa) {
  check(isa_supported(isa), "attention_loops: this CPU lacks the instruction set");
  if (isa == Isa::kAvx512) return kAvx512AttentionF32;
  return isa == Isa::kAvx2 ? kAvx2AttentionF32 : kScalarAttentionF32;
}

template <>
const AttentionLoops<std::uint16_t>& attention_loops(Isa isa) {
  check(isa_supported(isa) && (isa != Isa::kAvx512 || bf16_supported()),
        "attention_loops: this CPU lacks the instruction set");
  if (isa == Isa::kAvx512) return kAvx512AttentionBF16;
  return isa == Isa::kAvx2 ? kAvx2AttentionBF16 : kScalarAttentionBF16;
}

}  // namespace vernier
