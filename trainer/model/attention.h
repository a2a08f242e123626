#pragma once
// Causal self-attention between the qkv product and the output product: heads split off, normalized (Qwen3), rotated,
// attended, laid back into the stream.

#include <ATen/core/Tensor.h>

#include "model/kv_cache.h"
#include "model/pass.h"

namespace vernier {

// RMS norm of each head of q and k; undefined where the model has none. f32 [head_dim].
struct HeadNorms {
  at::Tensor q, k;
};

struct Attended {
  at::Tensor out;          // [N, A]
  at::Tensor log_sum_exp;  // f32 [heads, N], of the scores (kernels/attention.h)
};
// Room for it in the arena.
Attended take_attended(const Pass& pass);

// Fills `attended` from qkv [N, A + 2 K].
void attention_forward(const Pass& pass, const HeadNorms& norms, const at::Tensor& qkv, Attended& attended);

// d_qkv [N, A + 2 K] from d_out [N, A]; qkv and `attended` as in the forward pass.
void attention_backward(const Pass& pass, const HeadNorms& norms, const at::Tensor& qkv, const Attended& attended,
                        const at::Tensor& d_out, at::Tensor& d_qkv);

// The same forward for one row whose earlier tokens are in the cache of `layer`: the new ones are appended behind
// cache.length (which the caller advances once all layers are done). Precondition: they fit.
void attention_cached(const Pass& pass, const HeadNorms& norms, const at::Tensor& qkv, KvCache& cache,
                      std::int64_t layer, at::Tensor& out);

}  // namespace vernier
