#include "model/dropout.h"

#include <ATen/ops/mul.h>

#include "base/random.h"

namespace vernier {

bool dropout_active(const Pass& pass) {
  return pass.training && pass.lora != nullptr && pass.lora->dropout() > 0;
}

at::Tensor apply_dropout(const Pass& pass, const at::Tensor& x, std::uint32_t module) {
  const std::int64_t width = x.size(1);
  at::Tensor scale = pass.take_f32({x.size(0), width}), out = pass.take({x.size(0), width});
  const RandomStream key_stream(pass.seed, RandomPurpose::kDropout, static_cast<std::uint64_t>(pass.batch.step),
                                module);
  const std::uint64_t key = key_stream.at(0) | static_cast<std::uint64_t>(key_stream.at(1)) << 32;
  const auto rows = static_cast<std::int64_t>(pass.batch.row_starts.size()) - 1;
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t begin = pass.batch.row_starts[static_cast<std::size_t>(row)];
    const std::int64_t end = pass.batch.row_starts[static_cast<std::size_t>(row) + 1];
    at::Tensor slice = scale.narrow(0, begin, end - begin).view({-1});
    pass.ops().dropout_scale(key, static_cast<std::uint64_t>(pass.batch.first_row_in_step + row), 0,
                             pass.lora->dropout(), slice);
  }
  at::mul_out(scale, scale, x);
  pass.ops().convert(scale, out);
  return out;
}

}  // namespace vernier
