#pragma once
// Keys and values of the tokens already seen, for generation: per layer [kv_heads, capacity, head_dim] in the compute
// type, the keys normalized and rotated as attention reads them.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cstdint>
#include <vector>

#include "spec/model_spec.h"

namespace vernier {

struct KvCache {
  KvCache(const ModelSpec& spec, at::ScalarType compute, std::int64_t capacity) {
    for (std::int64_t layer = 0; layer < spec.layers; ++layer) {
      keys.push_back(at::empty({spec.kv_heads, capacity, spec.head_dim}, compute));
      values.push_back(at::empty({spec.kv_heads, capacity, spec.head_dim}, compute));
    }
  }

  std::vector<at::Tensor> keys, values;
  std::int64_t length = 0;  // filled positions
};

}  // namespace vernier
