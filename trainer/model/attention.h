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

// out [N, A] and log_sum_exp f32 [heads, N] (kernels/attention.h) from qkv [N, A + 2 K].
void attention_forward(const Pass& pass, const HeadNorms& norms, const at::Tensor& qkv, at::Tensor& out,
                       at::Tensor& log_sum_exp);

// d_qkv [N, A + 2 K] from d_out [N, A]; qkv, out and log_sum_exp as in the forward pass.
void attention_backward(const Pass& pass, const HeadNorms& norms, const at::Tensor& qkv, const at::Tensor& out,
                        const at::Tensor& log_sum_exp, const at::Tensor& d_out, at::Tensor& d_qkv);

// The same forward for one row whose earlier tokens are in the cache of `layer`: the new ones are appended behind
// cache.length (which the caller advances once all layers are done). Precondition: they fit.
void attention_cached(const Pass& pass, const HeadNorms& norms, const at::Tensor& qkv, KvCache& cache,
                      std::int64_t layer, at::Tensor& out);

}  // namespace vernier
