#include "optim/optimizer.h"

#include <charconv>

#include "base/error.h"
#include "base/text.h"

namespace vernier {

namespace {

constexpr const char *kOptimizer = "optimizer", *kSteps = "steps";

std::int64_t steps_of(const std::string& text, const std::string& path) {
  std::int64_t steps = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), steps);
  if (error != std::errc() || end != text.data() + text.size() || steps < 0)
    throw Error(ErrorKind::kIntegrity, str("not a count of steps: \"", text, "\""), path);
  return steps;
}

}  // namespace

Optimizer::Optimizer(const at::Tensor& values, const at::Tensor& gradients, std::vector<OptimizedTensor> tensors,
                     const OptimizerConfig& config, const StatePaging& paging)
    : values_(values),
      gradients_(gradients),
      config_(config),
      state_(config.optimizer.kind, std::move(tensors), paging) {}

void Optimizer::step(const Device& device, double learning_rate, float gradient_scale) {
  ++steps_;
  const UpdateStep step{
      learning_rate, config_.adam_beta1, config_.adam_beta2, config_.adam_epsilon, config_.weight_decay, gradient_scale,
      steps_};
  state_.update_pages([&](std::span<const UpdatePiece> pieces, std::byte* states) {
    device.ops->update(step, pieces, gradients_, values_, states);
  });
}

void Optimizer::save(const std::string& path, FileSystem& files) const {
  state_.save(path, {{kOptimizer, optimizer_name(config_.optimizer.kind)}, {kSteps, str(steps_)}}, files);
}

void Optimizer::restore(const std::string& path) {
  const SafetensorsFile file(path);
  const auto kept = [&](const char* key) {
    const auto it = file.metadata().find(key);
    if (it == file.metadata().end())
      throw Error(ErrorKind::kIntegrity, str("not an optimizer's state: no ", key), path);
    return it->second;
  };
  const std::string saved = kept(kOptimizer), ours = optimizer_name(config_.optimizer.kind);
  if (saved != ours)
    throw Error(ErrorKind::kInput, str("this is the state of the optimizer ", saved, ", and the run has ", ours), path,
                str("set optimizer: ", saved));
  state_.restore(file);
  steps_ = steps_of(kept(kSteps), path);
}

}  // namespace vernier
