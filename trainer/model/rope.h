#pragma once
// The table of the rotary embedding (Su et al. 2021): angles in f32 as transformers computes them.

#include <cstdint>

#include "spec/model_spec.h"
#include "tensor/ops.h"

namespace vernier {

// cos and sin f32 [positions, head_dim / 2].
RopeTable make_rope_table(const ModelSpec& spec, std::int64_t positions);

}  // namespace vernier
