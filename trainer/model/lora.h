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
  LoraTarget target;
  at::Tensor a, b;            // f32 [r, in], [out, r]
  at::Tensor grad_a, grad_b;  // the same shapes
  std::uint32_t module = 0;   // which linear of the model, for the dropout mask
};

// The adapters of linears that read the same input (q, k, v; gate, up), whose A lie one below the other.
struct LoraGroup {
  std::vector<const LoraPair*> pairs;
  at::Tensor a, grad_a;  // f32 [pairs * r, in]
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

  // The adapters on linears of that layer which read what `linear` reads; empty when none of them has one.
  const LoraGroup& group(std::int64_t layer, Linear linear) const;

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
  // Places the adapters of targets [begin, end), which read the same input, at `used` of the flat buffers.
  void place_group(const ModelSpec& spec, std::size_t begin, std::size_t end, std::uint64_t seed, std::int64_t& used);

  std::vector<LoraTarget> targets_;
  std::vector<LoraPair> pairs_;    // as targets_
  std::vector<LoraGroup> groups_;  // in the order of the layers
  std::vector<TrainedTensor> tensors_;
  at::Tensor values_, gradients_;
};

}  // namespace vernier
