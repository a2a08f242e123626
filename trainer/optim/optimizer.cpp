#include "optim/optimizer.h"

#include <ATen/ops/zeros_like.h>

#include "base/error.h"
#include "base/text.h"
#include "tensor/tensor_files.h"

namespace vernier {

Optimizer::Optimizer(const at::Tensor& values, const at::Tensor& gradients, std::vector<OptimizedTensor> tensors,
                     const OptimizerConfig& config)
    : values_(values), gradients_(gradients), tensors_(std::move(tensors)), config_(config) {
  exp_avg_ = at::zeros_like(values);
  exp_avg_sq_ = at::zeros_like(values);
}

void Optimizer::step(const Device& device, double learning_rate, float gradient_scale) {
  ++steps_;
  device.ops->adamw(values_, gradients_, exp_avg_, exp_avg_sq_,
                    {learning_rate, config_.adam_beta1, config_.adam_beta2, config_.adam_epsilon, config_.weight_decay,
                     gradient_scale, steps_});
}

std::int64_t Optimizer::state_bytes() const {
  return static_cast<std::int64_t>(exp_avg_.nbytes() + exp_avg_sq_.nbytes());
}

void Optimizer::save(const std::string& path) const {
  NamedTensors state;
  for (const OptimizedTensor& tensor : tensors_) {
    state.emplace_back(tensor.name + ".exp_avg", exp_avg_.narrow(0, tensor.first, tensor.count));
    state.emplace_back(tensor.name + ".exp_avg_sq", exp_avg_sq_.narrow(0, tensor.first, tensor.count));
  }
  write_tensors(path, state, {{"steps", str(steps_)}});
}

void Optimizer::restore(const std::string& path) {
  const SafetensorsFile file(path);
  for (const OptimizedTensor& tensor : tensors_) {
    read_f32_into(file, tensor.name + ".exp_avg", exp_avg_.narrow(0, tensor.first, tensor.count));
    read_f32_into(file, tensor.name + ".exp_avg_sq", exp_avg_sq_.narrow(0, tensor.first, tensor.count));
  }
  const auto steps = file.metadata().find("steps");
  if (steps == file.metadata().end()) throw Error(ErrorKind::kIntegrity, "not an optimizer's state: no steps", path);
  steps_ = std::stoll(steps->second);
}

}  // namespace vernier
