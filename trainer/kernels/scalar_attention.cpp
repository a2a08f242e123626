#include "kernels/attention_loops.inc"
#include "kernels/attention_tables.h"

namespace vernier {

constinit const AttentionLoops<float> kScalarAttentionF32 = kAttentionLoops<float>;
constinit const AttentionLoops<std::uint16_t> kScalarAttentionBF16 = kAttentionLoops<std::uint16_t>;

}  // namespace vernier
