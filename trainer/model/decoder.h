#pragma once
// The whole model as a value: embedding, blocks, head, and the adapters that are trained. const functions; the working
// memory comes with the call.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/block.h"
#include "model/lora.h"
#include "model/loss.h"

namespace vernier {

struct Decoder {
  ModelSpec spec;
  FrozenMatrix embedding;  // [V, H], the base's type
  std::vector<Block> blocks;
  Head head;  // its matrix is the embedding's when tied
  RopeTable rope;
  std::unique_ptr<LoraParameters> lora;  // nullptr: the base alone
  std::uint64_t seed = 0;                // of the dropout masks

  // Bytes of frozen weights.
  std::int64_t frozen_bytes() const;
};

// Longest row that the rotation's table serves. Precondition of every call below: no row is longer.
std::int64_t max_row_tokens(const Decoder& model);

// Sum of the token losses; adds gradient_scale * its gradient to the adapters' gradients.
// What layers do not keep for their backward pass, they compute again.
// `progress` hears after each layer, forward and backward, what share of the work is done, above 0 and at most 1. What
// it throws ends the call: the gradients are then unspecified, the arena is as before.
LossSum loss_and_gradients(const Decoder& model, const Device& device, const TokenBatch& batch, float gradient_scale,
                           const KeptLayers& kept, Arena& arena,
                           const std::function<void(double share)>& progress = {});

// Sum of the token losses alone, without dropout.
LossSum evaluate_loss(const Decoder& model, const Device& device, const TokenBatch& batch, Arena& arena);

// f32 [N, V]: the logits of every position.
at::Tensor all_logits(const Decoder& model, const Device& device, const TokenBatch& batch, Arena& arena);

// Appends the batch's one row to the cache (positions go on from cache.length) and gives the logits after its last
// token, f32 [V].
at::Tensor next_logits(const Decoder& model, const Device& device, std::span<const std::int32_t> input_ids,
                       KvCache& cache, Arena& arena);

// Where the forward pass of training first gives a NaN or Inf, by the name of the module whose output it is:
// "model.embed_tokens", "model.layers.3"; "lm_head" when the stream stays finite up to there.
std::string first_bad_output(const Decoder& model, const Device& device, const TokenBatch& batch, Arena& arena);

// The stream after the embedding and after each block, f32 [N, H] each: for tests against other libraries.
std::vector<at::Tensor> hidden_states(const Decoder& model, const Device& device, const TokenBatch& batch,
                                      Arena& arena);

}  // namespace vernier
