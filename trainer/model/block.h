#pragma once
// One decoder layer: norm, attention, residual, norm, SwiGLU MLP, residual; its backward pass written down.
// The residual stream is f32. What a forward pass leaves for the backward one is the keep policy; what is not kept is
// computed again by the same operations, so that every policy gives the same bits.

#include <ATen/core/Tensor.h>

#include "model/attention.h"
#include "model/linear_group.h"
#include "model/pass.h"

namespace vernier {

enum class Keep {
  kStream,     // both residuals stay; qkv, attention and gate/up are computed again
  kAttention,  // the attention's output stays, too
  kAll,        // qkv and gate/up stay, too; only norms and SwiGLU are computed again
};

struct Block {
  at::Tensor attention_norm, mlp_norm;  // f32 [H]
  HeadNorms head_norms;
  LinearGroup qkv, o, gate_up, down;
};

// What the backward pass of a block needs, in the arena. The stream is f32 while it flows; what is kept of it is in the
// compute type, and only norms read it again.
struct BlockSaved {
  at::Tensor x_in, x_mid;                    // [N, H]: the stream before the attention, before the MLP
  Attended attended;                         // undefined with kStream
  at::Tensor qkv, gate_up;                   // [N, A + 2 K], [N, 2 I]; undefined but with kAll
  at::Tensor u_qkv, u_o, u_gate_up, u_down;  // [N, R of the group]

  BlockSaved(const Pass& pass, const Block& block, Keep keep);
};

// Takes the stream x f32 [N, H] through the block, in place; fills `saved`.
void block_forward(const Block& block, const Pass& pass, BlockSaved& saved, at::Tensor& x);

// d_x f32 [N, H]: in, the gradient of the output; out, that of the input (left half-way when `first`: nothing below the
// first block is trained). Adds to the adapters' gradients. What was kept is overwritten.
void block_backward(const Block& block, const Pass& pass, const BlockSaved& saved, bool first, at::Tensor& d_x);

// Forward alone with a cache, in place on x f32 [T, H].
void block_cached(const Block& block, const Pass& pass, KvCache& cache, std::int64_t layer, at::Tensor& x);

}  // namespace vernier
