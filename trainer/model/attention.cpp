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
  AttentionShape shape;
  shape.heads = spec.heads;
  shape.kv_heads = spec.kv_heads;
  shape.head_dim = spec.head_dim;
  shape.row_starts = pass.batch.row_starts;
  shape.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(spec.head_dim)));
  return shape;
}

at::Tensor split(const Pass& pass, const at::Tensor& qkv, const Ops::HeadSource& source) {
  at::Tensor heads = pass.take({pass.tokens() * source.heads * source.head_dim});
  pass.ops().split_heads(qkv, source, pass.batch.row_starts, pass.batch.positions, heads);
  return heads;
}

}  // namespace

Attended take_attended(const Pass& pass) {
  return {pass.take({pass.tokens(), pass.spec.q_dim()}), pass.take_f32({pass.spec.heads, pass.tokens()})};
}

void attention_forward(const Pass& pass, const HeadNorms& norms, const at::Tensor& qkv, Attended& attended) {
  const Arena::Scope scope(pass.arena);
  const Heads heads = head_sources(pass, norms);
  const at::Tensor q = split(pass, qkv, heads.q), k = split(pass, qkv, heads.k), v = split(pass, qkv, heads.v);
  pass.ops().attention(q, k, v, attention_shape(pass), attended.out, attended.log_sum_exp);
}

void attention_backward(const Pass& pass, const HeadNorms& norms, const at::Tensor& qkv, const Attended& attended,
                        const at::Tensor& d_out, at::Tensor& d_qkv) {
  const Arena::Scope scope(pass.arena);
  const Heads heads = head_sources(pass, norms);
  const at::Tensor q = split(pass, qkv, heads.q), k = split(pass, qkv, heads.k), v = split(pass, qkv, heads.v);
  at::Tensor d_q = pass.take_f32(q.sizes()), d_k = pass.take_f32(k.sizes()), d_v = pass.take_f32(v.sizes());
  pass.ops().attention_backward(q, k, v, attended.out, attended.log_sum_exp, d_out, attention_shape(pass), d_q, d_k,
                                d_v);
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
  const std::int64_t tokens = pass.tokens(), length = cache.length + tokens;
  at::Tensor& keys = cache.keys[static_cast<std::size_t>(layer)];
  at::Tensor& values = cache.values[static_cast<std::size_t>(layer)];
  check(pass.batch.row_starts.size() == 2 && length <= keys.size(1), "one row that fits into the cache");
  const Heads heads = head_sources(pass, norms);
  const at::Tensor q = split(pass, qkv, heads.q);
  const auto append = [&](const Ops::HeadSource& source, const at::Tensor& cached) {
    at::Tensor behind = cached.narrow(1, cache.length, tokens);
    pass.ops().split_heads(qkv, source, pass.batch.row_starts, pass.batch.positions, behind);
  };
  append(heads.k, keys);
  append(heads.v, values);
  AttentionShape shape = attention_shape(pass);
  shape.past = cache.length;
  shape.kv_stride = keys.stride(0);
  pass.ops().attention(q, keys, values, shape, out, {});
}

}  // namespace vernier
