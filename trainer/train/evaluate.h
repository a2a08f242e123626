#pragma once
// The mean loss of a data set: a running sum, nothing kept.

#include <cstdint>
#include <functional>

#include "data/batches.h"
#include "model/decoder.h"

namespace vernier {

// What the model takes of a data room's micro batch. The spans point into `micro`.
TokenBatch as_token_batch(const MicroBatch& micro);

struct Evaluation {
  double loss = 0;  // mean over the targets, in nats; 0 without targets
  std::int64_t tokens = 0, targets = 0;
};

// Rows are taken `micro_batch_size` at a time, in order. `progress` hears after each; what it throws ends the
// evaluation.
Evaluation evaluate(const Decoder& model, const Device& device, const Dataset& dataset, std::int64_t micro_batch_size,
                    Arena& arena, const std::function<void(std::int64_t rows_done)>& progress = {});

}  // namespace vernier
