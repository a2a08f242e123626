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
  // The first that is NaN or Inf; may be empty. A loss comes from the output of a module: "model.layers.3". Else it is
  // the gradient of a trained tensor, by PEFT's name.
  std::string tensor;
  std::vector<std::int64_t> rows;  // of the data set, that the step or its bad part is made of
  bool bad_numbers = true;         // false: the step had no target
  bool is_output = false;          // of `tensor`
};

// Rows whose loss is NaN or Inf, and where in the forward pass it began (model/decoder's first_bad_output).
struct BadLoss {
  std::vector<std::int64_t> rows;
  std::string output;
};

// `bad_loss`: of the first micro batch that has one. `rows`: all of the step. nullopt when loss, gradients and the
// squares of the clipped gradients are finite in f32.
std::optional<SkippedStep> find_bad_numbers(double loss, double gradient_norm, float clip_factor,
                                            const LoraParameters& lora, const Device& device, const BadLoss& bad_loss,
                                            const std::vector<std::int64_t>& rows);

// "the loss is NaN; first bad output: model.layers.3; rows: data.jsonl:3, data.jsonl:17": at most eight rows.
std::string explain(const SkippedStep& skipped, const Dataset& dataset);

}  // namespace vernier
