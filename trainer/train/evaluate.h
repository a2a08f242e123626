#pragma once
// The loss over a data set: a running sum, nothing kept.

#include <cstdint>
#include <functional>

#include "data/batches.h"
#include "model/decoder.h"
#include "train/evaluation.h"

namespace vernier {

// What the model takes of a data room's micro batch. The spans point into `micro`.
TokenBatch as_token_batch(const MicroBatch& micro);

// Adds the rows behind the first `evaluation.rows` to it, `micro_batch_size` at a time, in order. `progress` is called
// after each; what it throws ends the evaluation, which can go on from there.
void evaluate(const Decoder& model, const Device& device, const Dataset& dataset, std::int64_t micro_batch_size,
              Arena& arena, Evaluation& evaluation, const std::function<void()>& progress = {});

}  // namespace vernier
