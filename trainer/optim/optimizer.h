#pragma once
// What turns gradients into an update of the trained parameters, with all the state that this needs. Which rule is
// computed (kernels/optimizer.h) and where the states live (optim/paged_state.h) are its own business.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"
#include "optim/paged_state.h"
#include "tensor/device.h"

namespace vernier {

class Optimizer {
 public:
  // `values` and `gradients` are f32 [n] and are shared, not copied; the tensors are parts of both. Errors as
  // PagedState's.
  Optimizer(const at::Tensor& values, const at::Tensor& gradients, std::vector<OptimizedTensor> tensors,
            const OptimizerConfig& config, const StatePaging& paging);

  // One update with the gradients times `gradient_scale`. Error(kResource) when the pages' disk fails: states and
  // parameters are then partly updated and of no more use.
  void step(const Device& device, double learning_rate, float gradient_scale);

  std::int64_t steps() const { return steps_; }  // updates done
  std::int64_t state_bytes() const { return state_.state_bytes(); }
  std::int64_t resident_bytes() const { return state_.resident_bytes(); }  // of them in memory

  // All of its state as a safetensors file (docs/formats.md). Error(kResource) on a full or failing disk.
  void save(const std::string& path, FileSystem& files = local_file_system()) const;
  // Goes on from such a file. Error(kInput) when it is another optimizer's or of other tensors, Error(kIntegrity) when
  // it is damaged.
  void restore(const std::string& path);

 private:
  at::Tensor values_, gradients_;
  OptimizerConfig config_;
  PagedState state_;
  std::int64_t steps_ = 0;
};

}  // namespace vernier
