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
    : r_(r), scaling_(scaling), dropout_(dropout), targets_(targets), pairs_(targets.size()) {
  values_ = at::zeros({lora_parameters(spec, targets, r)}, at::kFloat);
  gradients_ = at::zeros_like(values_);
  std::int64_t used = 0;
  for (std::size_t begin = 0, end = 0; begin < targets.size(); begin = end) {
    while (end < targets.size() && targets[end].layer == targets[begin].layer &&
           first_reader(targets[end].linear) == first_reader(targets[begin].linear))
      ++end;
    place_group(spec, begin, end, seed, used);
  }
  for (const LoraPair& pair : pairs_) {
    const std::string prefix = "base_model.model." + module_path(pair.target.layer, pair.target.linear);
    tensors_.push_back({prefix + ".lora_A.weight", pair.a, pair.grad_a});
    tensors_.push_back({prefix + ".lora_B.weight", pair.b, pair.grad_b});
  }
}

void LoraParameters::place_group(const ModelSpec& spec, std::size_t begin, std::size_t end, std::uint64_t seed,
                                 std::int64_t& used) {
  const auto take = [&](std::int64_t rows, std::int64_t columns) {
    const std::int64_t at = used;
    used += rows * columns;
    return std::pair(values_.narrow(0, at, rows * columns).view({rows, columns}),
                     gradients_.narrow(0, at, rows * columns).view({rows, columns}));
  };
  LoraGroup group;
  std::tie(group.a, group.grad_a) =
      take(static_cast<std::int64_t>(end - begin) * r_, linear_in(spec, targets_[begin].linear));
  for (std::size_t i = begin; i < end; ++i) {
    LoraPair& pair = pairs_[i];
    pair.target = targets_[i];
    pair.module = static_cast<std::uint32_t>(pair.target.layer) * static_cast<std::uint32_t>(kLinears.size()) +
                  static_cast<std::uint32_t>(pair.target.linear);
    const std::int64_t row = static_cast<std::int64_t>(i - begin) * r_;
    pair.a = group.a.narrow(0, row, r_);
    pair.grad_a = group.grad_a.narrow(0, row, r_);
    std::tie(pair.b, pair.grad_b) = take(linear_out(spec, pair.target.linear), r_);
    draw_uniform(pair.a, seed, pair.module);
    group.pairs.push_back(&pair);
  }
  groups_.push_back(std::move(group));
}

const LoraPair* LoraParameters::find(std::int64_t layer, Linear linear) const {
  for (const LoraPair& pair : pairs_)
    if (pair.target.layer == layer && pair.target.linear == linear) return &pair;
  return nullptr;
}

const LoraGroup& LoraParameters::group(std::int64_t layer, Linear linear) const {
  static const LoraGroup kNone;
  for (const LoraGroup& group : groups_) {
    const LoraTarget& target = group.pairs.front()->target;
    if (target.layer == layer && first_reader(target.linear) == first_reader(linear)) return group;
  }
  return kNone;
}

}  // namespace vernier
