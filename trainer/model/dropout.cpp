#include "model/dropout.h"

#include <ATen/ops/mul.h>

#include "base/random.h"

namespace vernier {

namespace {

// f32 [N, width], in the arena.
at::Tensor mask(const Pass& pass, std::int64_t width, std::uint32_t module) {
  at::Tensor scale = pass.take_f32({pass.tokens(), width});
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
  return scale;
}

}  // namespace

bool dropout_active(const Pass& pass) {
  return pass.training && pass.lora != nullptr && pass.lora->dropout() > 0;
}

at::Tensor apply_dropout(const Pass& pass, const at::Tensor& x, std::uint32_t module) {
  at::Tensor scale = mask(pass, x.size(1), module), out = pass.take(x.sizes());
  at::mul_out(scale, scale, x);
  pass.ops().convert(scale, out);
  return out;
}

void add_dropped(const Pass& pass, const at::Tensor& gradient, std::uint32_t module, at::Tensor& sum) {
  sum.addcmul_(gradient, mask(pass, gradient.size(1), module));
}

}  // namespace vernier
