#include "model/attention.h"

#include <cmath>

#include "base/check.h"

namespace vernier {

namespace {

struct Heads {
  Ops::HeadSource q, k, v;
};

Heads head_sources(const Pass& pass, const HeadNorms& norms) {
  const ModelSpec& spec = pass.spec;
  return {{0, spec.heads, spec.head_dim, norms.q, spec.rms_norm_eps, &pass.rope},
          {spec.q_dim(), spec.kv_heads, spec.head_dim, norms.k, spec.rms_norm_eps, &pass.rope},
          {spec.q_dim() + spec.kv_dim(), spec.kv_heads, spec.head_dim, {}, 0, nullptr}};
}

AttentionShape attention_shape(const Pass& pass) {
  const ModelSpec& spec = pass.spec;
  return {spec.heads, spec.kv_heads, spec.head_dim, pass.batch.row_starts,
          static_cast<float>(1 / std::sqrt(static_cast<double>(spec.head_dim)))};
}

at::Tensor split(const Pass& pass, const at::Tensor& qkv, const Ops::HeadSource& source) {
  at::Tensor heads = pass.take_f32({pass.tokens() * source.heads * source.head_dim});
  pass.ops().split_heads(qkv, source, pass.batch.row_starts, pass.batch.positions, heads);
  return heads;
}

}  // namespace

void attention_forward(const Pass& pass, const HeadNorms& norms, const at::Tensor& qkv, at::Tensor& out) {
  const Arena::Scope scope(pass.arena);
  const Heads heads = head_sources(pass, norms);
  const at::Tensor q = split(pass, qkv, heads.q), k = split(pass, qkv, heads.k), v = split(pass, qkv, heads.v);
  pass.ops().attention(q, k, v, attention_shape(pass), out);
}

void attention_backward(const Pass& pass, const HeadNorms& norms, const at::Tensor& qkv, const at::Tensor& d_out,
                        at::Tensor& d_qkv) {
  const Arena::Scope scope(pass.arena);
  const Heads heads = head_sources(pass, norms);
  const at::Tensor q = split(pass, qkv, heads.q), k = split(pass, qkv, heads.k), v = split(pass, qkv, heads.v);
  at::Tensor d_q = pass.take_f32(q.sizes()), d_k = pass.take_f32(k.sizes()), d_v = pass.take_f32(v.sizes());
  pass.ops().attention_backward(q, k, v, d_out, attention_shape(pass), d_q, d_k, d_v);
  const auto merge = [&](at::Tensor& gradient, const Ops::HeadSource& source) {
    pass.ops().split_heads_backward(gradient, qkv, source, pass.batch.row_starts, pass.batch.positions, d_qkv);
  };
  merge(d_q, heads.q);
  merge(d_k, heads.k);
  merge(d_v, heads.v);
}

void attention_cached(const Pass& pass, const HeadNorms& norms, const at::Tensor& qkv, KvCache& cache,
                      std::int64_t layer, at::Tensor& out) {
  const Arena::Scope scope(pass.arena);
  const ModelSpec& spec = pass.spec;
  const std::int64_t tokens = pass.tokens(), length = cache.length + tokens;
  at::Tensor& keys = cache.keys[static_cast<std::size_t>(layer)];
  at::Tensor& values = cache.values[static_cast<std::size_t>(layer)];
  check(pass.batch.row_starts.size() == 2 && length <= keys.size(1), "one row that fits into the cache");
  const Heads heads = head_sources(pass, norms);
  const at::Tensor q = split(pass, qkv, heads.q).view({spec.heads, tokens, spec.head_dim});
  keys.narrow(1, cache.length, tokens).copy_(split(pass, qkv, heads.k).view({spec.kv_heads, tokens, spec.head_dim}));
  values.narrow(1, cache.length, tokens).copy_(split(pass, qkv, heads.v).view({spec.kv_heads, tokens, spec.head_dim}));
  pass.ops().cached_attention(q, keys, values, length, attention_shape(pass).scale, out);
}

}  // namespace vernier
