#include "optim/adamw.h"

#include <ATen/ops/zeros_like.h>

namespace vernier {

AdamW::AdamW(const at::Tensor& values, const at::Tensor& gradients, const OptimizerConfig& config)
    : values_(values), gradients_(gradients), config_(config) {
  state_.exp_avg = at::zeros_like(values);
  state_.exp_avg_sq = at::zeros_like(values);
}

void AdamW::step(const Device& device, double learning_rate, float gradient_scale) {
  ++state_.steps;
  device.ops->adamw(values_, gradients_, state_.exp_avg, state_.exp_avg_sq,
                    {learning_rate, config_.adam_beta1, config_.adam_beta2, config_.adam_epsilon, config_.weight_decay,
                     gradient_scale, state_.steps});
}

}  // namespace vernier
