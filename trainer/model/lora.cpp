#include "model/lora.h"

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "base/random.h"

namespace vernier {

namespace {

void draw_uniform(const at::Tensor& a, std::uint64_t seed, std::uint32_t module) {
  const RandomStream stream(seed, RandomPurpose::kLoraInit, module);
  const double bound = 1 / std::sqrt(static_cast<double>(a.size(1)));
  auto* values = static_cast<float*>(a.data_ptr());
  for (std::int64_t i = 0; i < a.numel(); ++i)
    values[i] = static_cast<float>(bound * (2.0 * stream.uniform(static_cast<std::uint64_t>(i)) - 1.0));
}

}  // namespace

LoraParameters::LoraParameters(const ModelSpec& spec, const std::vector<LoraTarget>& targets, std::int64_t r,
                               double scaling, double dropout, std::uint64_t seed)
    : r_(r), scaling_(scaling), dropout_(dropout), targets_(targets) {
  values_ = at::zeros({lora_parameters(spec, targets, r)}, at::kFloat);
  gradients_ = at::zeros_like(values_);
  std::int64_t used = 0;
  const auto take = [&](std::int64_t rows, std::int64_t columns) {
    const std::int64_t at = used;
    used += rows * columns;
    return std::pair(values_.narrow(0, at, rows * columns).view({rows, columns}),
                     gradients_.narrow(0, at, rows * columns).view({rows, columns}));
  };
  for (const auto& [layer, linear] : targets) {
    LoraPair pair;
    pair.module = static_cast<std::uint32_t>(layer) * static_cast<std::uint32_t>(kLinears.size()) +
                  static_cast<std::uint32_t>(linear);
    std::tie(pair.a, pair.grad_a) = take(r, linear_in(spec, linear));
    std::tie(pair.b, pair.grad_b) = take(linear_out(spec, linear), r);
    draw_uniform(pair.a, seed, pair.module);
    const std::string prefix = "base_model.model." + module_path(layer, linear);
    tensors_.push_back({prefix + ".lora_A.weight", pair.a, pair.grad_a});
    tensors_.push_back({prefix + ".lora_B.weight", pair.b, pair.grad_b});
    pairs_.push_back(std::move(pair));
  }
}

const LoraPair* LoraParameters::find(std::int64_t layer, Linear linear) const {
  for (std::size_t i = 0; i < targets_.size(); ++i)
    if (targets_[i].layer == layer && targets_[i].linear == linear) return &pairs_[i];
  return nullptr;
}

}  // namespace vernier
