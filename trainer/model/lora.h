#pragma once
// The trained tensors: every adapter's A and B (Hu et al. 2021, "LoRA") as views into one flat f32 buffer, with their
// gradients in another. Optimizer, checkpoint, PEFT files and merge all walk `tensors()`.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "spec/lora_targets.h"

namespace vernier {

struct LoraPair {
  at::Tensor a, b;            // f32 [r, in], [out, r]
  at::Tensor grad_a, grad_b;  // the same shapes
  std::uint32_t module = 0;   // which linear of the model, for the dropout mask
};

// A trained tensor under PEFT's name: "base_model.model.<module path>.lora_A.weight".
struct TrainedTensor {
  std::string name;
  at::Tensor value, gradient;
};

class LoraParameters {
 public:
  // A from U(-1/sqrt(in), 1/sqrt(in)) (PEFT's default: kaiming_uniform with a = sqrt(5)), keyed by (seed, module); B
  // zero.
  LoraParameters(const ModelSpec& spec, const std::vector<LoraTarget>& targets, std::int64_t r, double scaling,
                 double dropout, std::uint64_t seed);

  // nullptr when that linear has no adapter.
  const LoraPair* find(std::int64_t layer, Linear linear) const;

  const std::vector<TrainedTensor>& tensors() const { return tensors_; }
  const std::vector<LoraTarget>& targets() const { return targets_; }
  const at::Tensor& values() const { return values_; }        // f32 [parameters]
  const at::Tensor& gradients() const { return gradients_; }  // f32 [parameters]
  std::int64_t rank() const { return r_; }
  double scaling() const { return scaling_; }
  double dropout() const { return dropout_; }

 private:
  std::int64_t r_;
  double scaling_, dropout_;
  std::vector<LoraTarget> targets_;
  std::vector<LoraPair> pairs_;  // as targets_
  std::vector<TrainedTensor> tensors_;
  at::Tensor values_, gradients_;
};

}  // namespace vernier
