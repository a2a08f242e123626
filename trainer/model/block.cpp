#include "model/block.h"

namespace vernier {

namespace {

at::Tensor normed(const Pass& pass, const at::Tensor& x, const at::Tensor& weight, at::Tensor* rstd = nullptr) {
  at::Tensor y = pass.take(x.sizes()), scales = pass.take_f32({x.size(0)});
  pass.ops().rms_norm(x, weight, pass.spec.rms_norm_eps, y, scales);
  if (rstd != nullptr) *rstd = scales;
  return y;
}

// y = group(x) added to the f32 stream.
void add_product(const Pass& pass, const LinearGroup& group, const at::Tensor& x, at::Tensor& u, at::Tensor& stream) {
  const Arena::Scope scope(pass.arena);
  at::Tensor y = pass.take({x.size(0), group.out()});
  group.forward(pass, x, y, u);
  pass.ops().add(y, stream);
}

at::Tensor rank_buffer(const Pass& pass, const LinearGroup& group) {
  return pass.take({pass.tokens(), group.rank(pass)});
}

at::Tensor in_compute_type(const Pass& pass, const at::Tensor& x) {
  at::Tensor y = pass.take(x.sizes());
  pass.ops().convert(x, y);
  return y;
}

// The given product again, unless it was kept.
at::Tensor kept_or_again(const Pass& pass, const LinearGroup& group, const at::Tensor& x, const at::Tensor& kept) {
  if (kept.defined()) return kept;
  at::Tensor y = pass.take({x.size(0), group.out()}), u = rank_buffer(pass, group);
  group.forward(pass, x, y, u);
  return y;
}

void mlp_backward(const Block& block, const Pass& pass, const BlockSaved& saved, at::Tensor& d_x) {
  const Arena::Scope scope(pass.arena);
  at::Tensor rstd;
  const at::Tensor x = normed(pass, saved.x_mid, block.mlp_norm, &rstd);
  // Its own copy: the gradient of SwiGLU is written over gate and up.
  at::Tensor gate_up = kept_or_again(pass, block.gate_up, x, saved.gate_up);
  at::Tensor h = pass.take({x.size(0), block.down.in()}), d_h = pass.take(h.sizes());
  pass.ops().swiglu(gate_up, h);
  block.down.backward(pass, in_compute_type(pass, d_x), h, saved.u_down, &d_h);
  pass.ops().swiglu_backward(d_h, gate_up);
  at::Tensor d_normed = pass.take(x.sizes());
  block.gate_up.backward(pass, gate_up, x, saved.u_gate_up, &d_normed);
  pass.ops().rms_norm_backward(d_normed, saved.x_mid, block.mlp_norm, rstd, d_x);
}

void attention_part_backward(const Block& block, const Pass& pass, const BlockSaved& saved, bool first,
                             at::Tensor& d_x) {
  const Arena::Scope scope(pass.arena);
  at::Tensor rstd, d_attention = pass.take(saved.attention_out.sizes());
  block.o.backward(pass, in_compute_type(pass, d_x), saved.attention_out, saved.u_o, &d_attention);
  const at::Tensor x = normed(pass, saved.x_in, block.attention_norm, &rstd);
  const at::Tensor qkv = kept_or_again(pass, block.qkv, x, saved.qkv);
  at::Tensor d_qkv = pass.take(qkv.sizes()), d_normed = pass.take(x.sizes());
  attention_backward(pass, block.head_norms, qkv, d_attention, d_qkv);
  block.qkv.backward(pass, d_qkv, x, saved.u_qkv, first ? nullptr : &d_normed);
  if (!first) pass.ops().rms_norm_backward(d_normed, saved.x_in, block.attention_norm, rstd, d_x);
}

}  // namespace

BlockSaved::BlockSaved(const Pass& pass, const Block& block, const at::Tensor& block_input, Keep keep)
    : x_in(block_input), x_mid(pass.take_f32(block_input.sizes())) {
  const std::int64_t n = pass.tokens();
  attention_out = pass.take({n, pass.spec.q_dim()});
  if (keep == Keep::kAll) {
    qkv = pass.take({n, block.qkv.out()});
    gate_up = pass.take({n, block.gate_up.out()});
  }
  u_qkv = rank_buffer(pass, block.qkv);
  u_o = rank_buffer(pass, block.o);
  u_gate_up = rank_buffer(pass, block.gate_up);
  u_down = rank_buffer(pass, block.down);
}

void block_forward(const Block& block, const Pass& pass, BlockSaved& saved, at::Tensor& x_out) {
  {
    const Arena::Scope scope(pass.arena);
    at::Tensor qkv = saved.qkv.defined() ? saved.qkv : pass.take({pass.tokens(), block.qkv.out()});
    block.qkv.forward(pass, normed(pass, saved.x_in, block.attention_norm), qkv, saved.u_qkv);
    attention_forward(pass, block.head_norms, qkv, saved.attention_out);
    saved.x_mid.copy_(saved.x_in);
    add_product(pass, block.o, saved.attention_out, saved.u_o, saved.x_mid);
  }
  const Arena::Scope scope(pass.arena);
  at::Tensor gate_up = saved.gate_up.defined() ? saved.gate_up : pass.take({pass.tokens(), block.gate_up.out()});
  block.gate_up.forward(pass, normed(pass, saved.x_mid, block.mlp_norm), gate_up, saved.u_gate_up);
  at::Tensor h = pass.take({pass.tokens(), block.down.in()});
  pass.ops().swiglu(gate_up, h);
  x_out.copy_(saved.x_mid);
  add_product(pass, block.down, h, saved.u_down, x_out);
}

void block_backward(const Block& block, const Pass& pass, const BlockSaved& saved, bool first, at::Tensor& d_x) {
  mlp_backward(block, pass, saved, d_x);
  attention_part_backward(block, pass, saved, first, d_x);
}

void block_cached(const Block& block, const Pass& pass, KvCache& cache, std::int64_t layer, at::Tensor& x) {
  {
    const Arena::Scope scope(pass.arena);
    at::Tensor qkv = pass.take({pass.tokens(), block.qkv.out()}), u = rank_buffer(pass, block.qkv);
    block.qkv.forward(pass, normed(pass, x, block.attention_norm), qkv, u);
    at::Tensor out = pass.take({pass.tokens(), pass.spec.q_dim()}), u_o = rank_buffer(pass, block.o);
    attention_cached(pass, block.head_norms, qkv, cache, layer, out);
    add_product(pass, block.o, out, u_o, x);
  }
  const Arena::Scope scope(pass.arena);
  at::Tensor gate_up = pass.take({pass.tokens(), block.gate_up.out()}), u = rank_buffer(pass, block.gate_up);
  block.gate_up.forward(pass, normed(pass, x, block.mlp_norm), gate_up, u);
  at::Tensor h = pass.take({pass.tokens(), block.down.in()}), u_down = rank_buffer(pass, block.down);
  pass.ops().swiglu(gate_up, h);
  add_product(pass, block.down, h, u_down, x);
}

}  // namespace vernier
