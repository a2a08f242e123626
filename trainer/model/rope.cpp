#include "model/rope.h"

#include <ATen/ops/empty.h>

#include <cmath>

namespace vernier {

RopeTable make_rope_table(const ModelSpec& spec, std::int64_t positions) {
  const std::vector<float> frequencies = rope_inverse_frequencies(spec.rope, spec.head_dim);
  const auto half = static_cast<std::int64_t>(frequencies.size());
  RopeTable table{at::empty({positions, half}, at::kFloat), at::empty({positions, half}, at::kFloat)};
  auto* cosines = static_cast<float*>(table.cos.data_ptr());
  auto* sines = static_cast<float*>(table.sin.data_ptr());
  for (std::int64_t p = 0; p < positions; ++p)
    for (std::int64_t i = 0; i < half; ++i) {
      const float angle = static_cast<float>(p) * frequencies[static_cast<std::size_t>(i)];
      cosines[p * half + i] = std::cos(angle);
      sines[p * half + i] = std::sin(angle);
    }
  return table;
}

}  // namespace vernier
