#include "kernels/attention_loops.inc"
#include "kernels/attention_tables.h"

namespace vernier {

constinit const AttentionLoops<float> kAvx512AttentionF32 = kAttentionLoops<float>;
constinit const AttentionLoops<std::uint16_t> kAvx512AttentionBF16 = kAttentionLoops<std::uint16_t>;

}  // namespace vernier
