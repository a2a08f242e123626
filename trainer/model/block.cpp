#include "model/block.h"

namespace vernier {

namespace {

// x [N, H], compute.
at::Tensor normed(const Pass& pass, const at::Tensor& x, const at::Tensor& weight, at::Tensor* rstd = nullptr) {
  at::Tensor y = pass.take(x.sizes()), scales = pass.take_f32({x.size(0)});
  pass.ops().rms_norm(x, weight, pass.spec.rms_norm_eps, y, scales);
  if (rstd != nullptr) *rstd = scales;
  return y;
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
  at::Tensor gate_up = kept_or_again(pass, block.gate_up, x, saved.gate_up);
  const at::Tensor dy = in_compute_type(pass, d_x);
  at::Tensor h = pass.take({x.size(0), block.down.in()});
  const at::Tensor du = block.down.backward_to_input(pass, dy, &h);
  pass.ops().swiglu_backward(h, gate_up);
  block.down.backward_to_adapters(pass, dy, h, saved.u_down, du);
  at::Tensor d_normed = pass.take(x.sizes());
  block.gate_up.backward(pass, gate_up, x, saved.u_gate_up, &d_normed);
  pass.ops().rms_norm_backward(d_normed, saved.x_mid, block.mlp_norm, rstd, d_x);
}

void attention_part_backward(const Block& block, const Pass& pass, const BlockSaved& saved, bool first,
                             at::Tensor& d_x) {
  const Arena::Scope scope(pass.arena);
  at::Tensor rstd;
  const at::Tensor x = normed(pass, saved.x_in, block.attention_norm, &rstd);
  const at::Tensor qkv = kept_or_again(pass, block.qkv, x, saved.qkv);
  Attended attended = saved.attended;
  if (!attended.out.defined()) {
    attended = take_attended(pass);
    attention_forward(pass, block.head_norms, qkv, attended);
  }
  at::Tensor d_attention = pass.take(attended.out.sizes());
  block.o.backward(pass, in_compute_type(pass, d_x), attended.out, saved.u_o, &d_attention);
  at::Tensor d_qkv = pass.take(qkv.sizes()), d_normed = pass.take(x.sizes());
  attention_backward(pass, block.head_norms, qkv, attended, d_attention, d_qkv);
  block.qkv.backward(pass, d_qkv, x, saved.u_qkv, first ? nullptr : &d_normed);
  if (!first) pass.ops().rms_norm_backward(d_normed, saved.x_in, block.attention_norm, rstd, d_x);
}

// x f32: the stream; x_mid: the same in the compute type.
void mlp_forward(const Block& block, const Pass& pass, const at::Tensor& x_mid, at::Tensor& gate_up,
                 at::Tensor& u_gate_up, at::Tensor& u_down, at::Tensor& x) {
  block.gate_up.forward(pass, normed(pass, x_mid, block.mlp_norm), gate_up, u_gate_up);
  at::Tensor h = pass.take({pass.tokens(), block.down.in()});
  pass.ops().swiglu(gate_up, h);
  block.down.forward_onto(pass, h, x, u_down);
}

}  // namespace

BlockSaved::BlockSaved(const Pass& pass, const Block& block, Keep keep) {
  const std::int64_t n = pass.tokens();
  x_in = pass.take({n, pass.spec.hidden});
  x_mid = pass.take({n, pass.spec.hidden});
  if (keep != Keep::kStream) attended = take_attended(pass);
  if (keep == Keep::kAll) {
    qkv = pass.take({n, block.qkv.out()});
    gate_up = pass.take({n, block.gate_up.out()});
  }
  u_qkv = rank_buffer(pass, block.qkv);
  u_o = rank_buffer(pass, block.o);
  u_gate_up = rank_buffer(pass, block.gate_up);
  u_down = rank_buffer(pass, block.down);
}

void block_forward(const Block& block, const Pass& pass, BlockSaved& saved, at::Tensor& x) {
  pass.ops().convert(x, saved.x_in);
  {
    const Arena::Scope scope(pass.arena);
    at::Tensor qkv = saved.qkv.defined() ? saved.qkv : pass.take({pass.tokens(), block.qkv.out()});
    block.qkv.forward(pass, normed(pass, saved.x_in, block.attention_norm), qkv, saved.u_qkv);
    Attended attended = saved.attended.out.defined() ? saved.attended : take_attended(pass);
    attention_forward(pass, block.head_norms, qkv, attended);
    block.o.forward_onto(pass, attended.out, x, saved.u_o);
  }
  pass.ops().convert(x, saved.x_mid);
  const Arena::Scope scope(pass.arena);
  at::Tensor gate_up = saved.gate_up.defined() ? saved.gate_up : pass.take({pass.tokens(), block.gate_up.out()});
  mlp_forward(block, pass, saved.x_mid, gate_up, saved.u_gate_up, saved.u_down, x);
}

void block_backward(const Block& block, const Pass& pass, const BlockSaved& saved, bool first, at::Tensor& d_x) {
  mlp_backward(block, pass, saved, d_x);
  attention_part_backward(block, pass, saved, first, d_x);
}

void block_cached(const Block& block, const Pass& pass, KvCache& cache, std::int64_t layer, at::Tensor& x) {
  {
    const Arena::Scope scope(pass.arena);
    at::Tensor qkv = pass.take({pass.tokens(), block.qkv.out()}), u = rank_buffer(pass, block.qkv);
    block.qkv.forward(pass, normed(pass, in_compute_type(pass, x), block.attention_norm), qkv, u);
    at::Tensor out = pass.take({pass.tokens(), pass.spec.q_dim()}), u_o = rank_buffer(pass, block.o);
    attention_cached(pass, block.head_norms, qkv, cache, layer, out);
    block.o.forward_onto(pass, out, x, u_o);
  }
  const Arena::Scope scope(pass.arena);
  at::Tensor gate_up = pass.take({pass.tokens(), block.gate_up.out()});
  at::Tensor u_gate_up = rank_buffer(pass, block.gate_up), u_down = rank_buffer(pass, block.down);
  mlp_forward(block, pass, in_compute_type(pass, x), gate_up, u_gate_up, u_down, x);
}

}  // namespace vernier
