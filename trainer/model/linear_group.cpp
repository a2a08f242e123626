#include "model/linear_group.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mul.h>

#include "model/dropout.h"

namespace vernier {

namespace {

// A of all adapters one below the other, in the compute type: [R, in].
at::Tensor stacked_a(const Pass& pass, const auto& adapters, std::int64_t rank, std::int64_t in) {
  at::Tensor a = pass.take({rank, in});
  std::int64_t row = 0;
  for (const auto& adapter : adapters) {
    at::Tensor slice = a.narrow(0, row, adapter.pair->a.size(0));
    pass.ops().convert(adapter.pair->a, slice);
    row += slice.size(0);
  }
  return a;
}

// scaling * B of all adapters on the diagonal, in the compute type: [out, R].
at::Tensor diagonal_b(const Pass& pass, const auto& adapters, std::int64_t rank, std::int64_t out) {
  at::Tensor b = pass.take({out, rank});
  b.zero_();
  std::int64_t column = 0;
  for (const auto& adapter : adapters) {
    const std::int64_t r = adapter.pair->b.size(1);
    b.narrow(0, adapter.column, adapter.width)
        .narrow(1, column, r)
        .copy_(at::mul(adapter.pair->b, pass.lora->scaling()));
    column += r;
  }
  return b;
}

}  // namespace

LinearGroup::LinearGroup(std::int64_t layer, std::vector<Linear> linears, FrozenMatrix weight)
    : layer_(layer), linears_(std::move(linears)), weight_(std::move(weight)) {}

std::vector<LinearGroup::Placed> LinearGroup::adapters(const Pass& pass) const {
  std::vector<Placed> placed;
  if (pass.lora == nullptr) return placed;
  std::int64_t column = 0;
  for (const Linear linear : linears_) {
    const std::int64_t width = linear_out(pass.spec, linear);
    if (const LoraPair* pair = pass.lora->find(layer_, linear)) placed.push_back({pair, column, width});
    column += width;
  }
  return placed;
}

std::int64_t LinearGroup::rank(const Pass& pass) const {
  return static_cast<std::int64_t>(adapters(pass).size()) * (pass.lora == nullptr ? 0 : pass.lora->rank());
}

void LinearGroup::forward(const Pass& pass, const at::Tensor& x, at::Tensor& y, at::Tensor& u) const {
  if (pass.tokens() == 1 && !pass.training && weight_.has_matvec()) {
    forward_token(pass, x, y);
    return;
  }
  const Arena::Scope scope(pass.arena);
  const auto placed = adapters(pass);
  const at::Tensor weight = weight_.materialize(pass.device, pass.arena);
  if (placed.empty()) {
    at::mm_out(y, x, weight.t());
    return;
  }
  const std::int64_t r = pass.lora->rank(), rank = u.size(1);
  const at::Tensor a = stacked_a(pass, placed, rank, in());
  if (dropout_active(pass)) {
    for (std::size_t i = 0; i < placed.size(); ++i) {
      const Arena::Scope masked(pass.arena);
      const at::Tensor dropped = apply_dropout(pass, x, placed[i].pair->module);
      const auto first = static_cast<std::int64_t>(i) * r;
      u.narrow(1, first, r).copy_(at::mm(dropped, a.narrow(0, first, r).t()));
    }
  } else {
    at::mm_out(u, x, a.t());
  }
  at::mm_out(y, u, diagonal_b(pass, placed, rank, out()).t());
  at::addmm_out(y, y, x, weight.t());
}

void LinearGroup::forward_token(const Pass& pass, const at::Tensor& x, at::Tensor& y) const {
  const Arena::Scope scope(pass.arena);
  at::Tensor input = pass.take_f32({in()}), sum = pass.take_f32({out()});
  pass.ops().convert(x.view({-1}), input);
  weight_.matvec(pass.device, input, sum);
  for (const Placed& adapter : adapters(pass)) {
    at::Tensor u = pass.take_f32({pass.lora->rank()}), delta = pass.take_f32({adapter.width});
    pass.ops().matvec(adapter.pair->a, input, u);
    pass.ops().matvec(adapter.pair->b, u, delta);
    sum.narrow(0, adapter.column, adapter.width).add_(delta, pass.lora->scaling());
  }
  at::Tensor flat = y.view({-1});
  pass.ops().convert(sum, flat);
}

void LinearGroup::backward(const Pass& pass, const at::Tensor& dy, const at::Tensor& x, const at::Tensor& u,
                           at::Tensor* dx) const {
  const Arena::Scope scope(pass.arena);
  const auto placed = adapters(pass);
  if (placed.empty()) {
    if (dx != nullptr) at::mm_out(*dx, dy, weight_.materialize(pass.device, pass.arena));
    return;
  }
  const std::int64_t r = pass.lora->rank(), rank = u.size(1);
  const at::Tensor b = diagonal_b(pass, placed, rank, out());
  at::Tensor du = pass.take({pass.tokens(), rank}), db = pass.take({out(), rank}), da = pass.take({rank, in()});
  at::mm_out(du, dy, b);
  at::mm_out(db, dy.t(), u);
  const bool dropout = dropout_active(pass);
  if (!dropout) at::mm_out(da, du.t(), x);
  const at::Tensor a = stacked_a(pass, placed, rank, in());
  if (dx != nullptr && !dropout) at::mm_out(*dx, du, a);
  for (std::size_t i = 0; i < placed.size(); ++i) {
    const LoraPair& pair = *placed[i].pair;
    const auto first = static_cast<std::int64_t>(i) * r;
    at::Tensor da_part = da.narrow(0, first, r);
    if (dropout) {
      const Arena::Scope masked(pass.arena);
      const at::Tensor du_part = du.narrow(1, first, r);
      at::mm_out(da_part, du_part.t(), apply_dropout(pass, x, pair.module));
      if (dx != nullptr) {
        const at::Tensor through = at::mm(du_part, a.narrow(0, first, r));
        const at::Tensor kept = apply_dropout(pass, through, pair.module);
        if (i == 0) {
          dx->copy_(kept);
        } else {
          dx->add_(kept);
        }
      }
    }
    pair.grad_a.add_(da_part);
    pair.grad_b.add_(db.narrow(0, placed[i].column, placed[i].width).narrow(1, first, r), pass.lora->scaling());
  }
  if (dx != nullptr) at::addmm_out(*dx, *dx, dy, weight_.materialize(pass.device, pass.arena));
}

}  // namespace vernier
