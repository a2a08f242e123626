#pragma once
// What turns gradients into an update of the trained parameters, with all the state that this needs. Which rule is
// computed and where the states live are its own business: a run knows only this.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"
#include "tensor/device.h"

namespace vernier {

// One trained tensor: elements [first, first + count) of the flat buffers of values and gradients.
struct OptimizedTensor {
  std::string name;
  std::int64_t first = 0, count = 0;
};

class Optimizer {
 public:
  // `values` and `gradients` are f32 [n] and are shared, not copied. The tensors cover both.
  Optimizer(const at::Tensor& values, const at::Tensor& gradients, std::vector<OptimizedTensor> tensors,
            const OptimizerConfig& config);

  // One update with the gradients times `gradient_scale`.
  void step(const Device& device, double learning_rate, float gradient_scale);

  std::int64_t steps() const { return steps_; }  // updates done
  std::int64_t state_bytes() const;

  // All of its state as a safetensors file (docs/formats.md). Error(kResource) on a full or failing disk.
  void save(const std::string& path) const;
  // Goes on from such a file. Error(kInput) when it is of other tensors, Error(kIntegrity) when it is damaged.
  void restore(const std::string& path);

 private:
  at::Tensor values_, gradients_;
  std::vector<OptimizedTensor> tensors_;
  OptimizerConfig config_;
  at::Tensor exp_avg_, exp_avg_sq_;  // f32 [n]
  std::int64_t steps_ = 0;
};

}  // namespace vernier
