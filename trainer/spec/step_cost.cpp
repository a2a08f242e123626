#include "spec/step_cost.h"

namespace vernier {

StepWork& StepWork::operator+=(const StepWork& other) {
  tokens += other.tokens;
  targets += other.targets;
  squared_row_tokens += other.squared_row_tokens;
  return *this;
}

double StepFlops::model() const {
  return linears_forward + linears_backward + head_forward + head_backward + attention_forward + attention_backward +
         adapters_forward + adapters_backward;
}

double StepFlops::with_checkpointing() const {
  return model() + linears_forward + attention_forward + adapters_forward;
}

StepFlops step_flops(const ModelSpec& spec, std::int64_t lora_parameters, const StepWork& work) {
  std::int64_t layer = 0;
  for (const Linear linear : kLinears) layer += linear_in(spec, linear) * linear_out(spec, linear);
  const auto tokens = static_cast<double>(work.tokens), targets = static_cast<double>(work.targets);
  const auto weights = static_cast<double>(spec.layers * layer), head = static_cast<double>(spec.vocab * spec.hidden);
  const auto adapters = static_cast<double>(lora_parameters);
  StepFlops flops;
  flops.linears_forward = flops.linears_backward = 2 * weights * tokens;
  flops.head_forward = flops.head_backward = 2 * head * targets;
  // Scores and values are 4 operations for each query, key and column of the heads, and a query sees half the keys;
  // backward there are five such products instead of two.
  flops.attention_forward = static_cast<double>(spec.layers) * layer_attention_flops(spec, work);
  flops.attention_backward = 2.5 * flops.attention_forward;
  flops.adapters_forward = 2 * adapters * tokens;
  flops.adapters_backward = 4 * adapters * tokens;
  return flops;
}

double layer_recompute_flops(const ModelSpec& spec, const StepWork& work) {
  std::int64_t weights = 0;
  for (const Linear linear : kLinears)
    if (linear != Linear::kO && linear != Linear::kDown) weights += linear_in(spec, linear) * linear_out(spec, linear);
  return 2 * static_cast<double>(weights) * static_cast<double>(work.tokens);
}

double layer_attention_flops(const ModelSpec& spec, const StepWork& work) {
  return 2 * static_cast<double>(spec.q_dim()) * work.squared_row_tokens;
}

}  // namespace vernier
