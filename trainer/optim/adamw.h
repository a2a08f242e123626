#pragma once
// AdamW (Loshchilov, Hutter 2019) with f32 states over the flat buffer of trained tensors, as torch.optim.AdamW.

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "config/config.h"
#include "tensor/device.h"

namespace vernier {

class AdamW {
 public:
  // `values` and `gradients` are f32 [n] and are shared, not copied.
  AdamW(const at::Tensor& values, const at::Tensor& gradients, const OptimizerConfig& config);

  // One update with the gradients times `gradient_scale`.
  void step(const Device& device, double learning_rate, float gradient_scale);

  // All of its state: what a checkpoint holds.
  struct State {
    at::Tensor exp_avg, exp_avg_sq;  // f32 [n]
    std::int64_t steps = 0;          // updates done
  };
  const State& state() const { return state_; }
  State& state() { return state_; }

 private:
  at::Tensor values_, gradients_;
  OptimizerConfig config_;
  State state_;
};

}  // namespace vernier
