#pragma once
// What makes a step unfit for an update, looked for before the update: adapter and optimizer stay as they are, bit for
// bit, and the step is skipped.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "model/lora.h"
#include "tensor/device.h"

namespace vernier {

struct SkippedStep {
  std::string reason;  // "the loss is NaN"
  std::string tensor;  // the first trained tensor whose gradient is NaN or Inf, by PEFT's name; may be empty
  std::vector<std::int64_t> rows;  // of the data set, that the step or its bad part is made of
  bool bad_numbers = true;         // false: the step had no target
};

// `rows`: those of the first micro batch whose loss is NaN or Inf, else all of the step. nullopt when loss, gradients
// and the squares of the clipped gradients are finite in f32.
std::optional<SkippedStep> find_bad_numbers(double loss, double gradient_norm, float clip_factor,
                                            const LoraParameters& lora, const Device& device,
                                            const std::vector<std::int64_t>& rows);

// "the loss is NaN; first bad gradient: base_model...; rows: data.jsonl:3, data.jsonl:17": at most eight rows.
std::string explain(const SkippedStep& skipped, const Dataset& dataset);

}  // namespace vernier
