#pragma once
// The least memory that a QLoRA step with full gradient checkpointing needs beside the program itself: what measured
// peaks are judged by. It counts what has to exist at once, and nothing for alignment, allocators or caches.

#include <cstdint>

#include "spec/memory_plan.h"

namespace vernier {

struct MemoryFloor {
  // There throughout the step.
  std::int64_t linears = 0;      // NF4 with its scales, or as stored
  std::int64_t embeddings = 0;   // embedding and head; one matrix when tied
  std::int64_t adapters = 0;     // values, gradients, optimizer states in memory
  std::int64_t checkpoints = 0;  // the input of each layer
  // One of the two comes on top.
  std::int64_t layer_phase = 0;  // backward: activations of one layer and a decoded weight
  std::int64_t loss_phase = 0;   // logits of 256 positions, the stream and its gradient

  std::int64_t resident() const { return linears + embeddings + adapters + checkpoints; }
  std::int64_t total() const;
};

// Of the request's largest micro batch. What it says about keeping, threads, rows and the tokenizer does not count.
MemoryFloor memory_floor(const ModelSpec& spec, const MemoryRequest& request);

}  // namespace vernier
