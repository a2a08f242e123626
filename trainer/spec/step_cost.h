#pragma once
// What a QLoRA step must compute, in floating-point operations (a multiplication and an addition are two), from sizes
// alone: what speeds are judged by. Frozen weights get no gradient, so that a product of theirs costs two passes and
// not three; norms, softmax and all else that walks rows are not counted.

#include <cstdint>

#include "spec/model_spec.h"

namespace vernier {

// How much of it a step, or a micro batch, has.
struct StepWork {
  std::int64_t tokens = 0, targets = 0;
  double squared_row_tokens = 0;  // the sum over its rows of tokens * tokens: attention grows with it

  StepWork& operator+=(const StepWork& other);
};

struct StepFlops {
  double linears_forward = 0, linears_backward = 0;      // y = x W^T; dx = dy W
  double head_forward = 0, head_backward = 0;            // of positions with a target
  double attention_forward = 0, attention_backward = 0;  // causal: what a query sees
  double adapters_forward = 0, adapters_backward = 0;    // u and its way on; du, dA, dB and the way through

  // All of it once: what the model asks for, however it is computed.
  double model() const;
  // With every layer's forward pass again, as full gradient checkpointing does; the head is not.
  double with_checkpointing() const;
};

// lora_parameters: of all adapters.
StepFlops step_flops(const ModelSpec& spec, std::int64_t lora_parameters, const StepWork& work);

// Of one layer whose backward pass computes q, k, v, gate and up again, without the adapters.
double layer_recompute_flops(const ModelSpec& spec, const StepWork& work);
// Of one layer's attention, forward.
double layer_attention_flops(const ModelSpec& spec, const StepWork& work);

}  // namespace vernier
