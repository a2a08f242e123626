#include "model/linear_group.h"

#include <utility>

#include "model/dropout.h"

namespace vernier {

namespace {

// scaling * B.
WeightView scaled_b(const Pass& pass, const LoraPair& pair) {
  return {nullptr, pair.b, static_cast<float>(pass.lora->scaling())};
}

}  // namespace

LinearGroup::LinearGroup(std::int64_t layer, std::vector<Linear> linears, FrozenMatrix weight)
    : layer_(layer), linears_(std::move(linears)), weight_(std::move(weight)) {}

std::vector<LinearGroup::Placed> LinearGroup::placed(const Pass& pass) const {
  std::vector<Placed> all;
  std::int64_t column = 0, first = 0;
  const LoraGroup* group = pass.lora == nullptr ? nullptr : &pass.lora->group(layer_, linears_.front());
  for (const Linear linear : linears_) {
    Placed one{column, linear_out(pass.spec, linear), nullptr, first};
    if (group != nullptr)
      for (const LoraPair* pair : group->pairs)
        if (pair->target.linear == linear) one.pair = pair;
    if (one.pair != nullptr) first += pass.lora->rank();
    column += one.width;
    all.push_back(one);
  }
  return all;
}

std::int64_t LinearGroup::rank(const Pass& pass) const {
  if (pass.lora == nullptr) return 0;
  return static_cast<std::int64_t>(pass.lora->group(layer_, linears_.front()).pairs.size()) * pass.lora->rank();
}

void LinearGroup::adapter_inputs(const Pass& pass, const at::Tensor& x, at::Tensor& u) const {
  const LoraGroup& group = pass.lora->group(layer_, linears_.front());
  if (!dropout_active(pass)) {
    pass.ops().product({{{x, {nullptr, group.a}}}, u});
    return;
  }
  const std::int64_t r = pass.lora->rank();
  std::int64_t first = 0;
  for (const LoraPair* pair : group.pairs) {
    const Arena::Scope masked(pass.arena);
    pass.ops().product({{{apply_dropout(pass, x, pair->module), {nullptr, pair->a}}}, u.narrow(1, first, r)});
    first += r;
  }
}

std::vector<Product> LinearGroup::base_products(const Pass& pass, const at::Tensor& x, const at::Tensor& u,
                                                at::Tensor& y) const {
  std::vector<Product> products;
  for (const Placed& one : placed(pass)) {
    Product product{{{x, weight_.view(one.column, one.width)}}, y.narrow(1, one.column, one.width)};
    if (one.pair != nullptr)
      product.terms.push_back({u.narrow(1, one.first, pass.lora->rank()), scaled_b(pass, *one.pair)});
    products.push_back(std::move(product));
  }
  return products;
}

void LinearGroup::forward(const Pass& pass, const at::Tensor& x, at::Tensor& y, at::Tensor& u) const {
  const Arena::Scope scope(pass.arena);
  if (is_token(pass, x)) {
    at::Tensor flat = y.view({-1});
    pass.ops().convert(token_output(pass, x), flat);
    return;
  }
  if (u.size(1) > 0) adapter_inputs(pass, x, u);
  pass.ops().products(base_products(pass, x, u, y));
}

void LinearGroup::forward_onto(const Pass& pass, const at::Tensor& x, at::Tensor& stream, at::Tensor& u) const {
  const Arena::Scope scope(pass.arena);
  if (is_token(pass, x)) {
    at::Tensor flat = stream.view({-1});
    pass.ops().add(token_output(pass, x), flat);
    return;
  }
  if (u.size(1) > 0) adapter_inputs(pass, x, u);
  std::vector<Product> products = base_products(pass, x, u, stream);
  for (Product& product : products) {
    product.result = Product::Result::kAdd;
    product.addend = product.out;
  }
  pass.ops().products(products);
}

bool LinearGroup::is_token(const Pass& pass, const at::Tensor& x) const {
  return x.size(0) == 1 && !pass.training && weight_.has_matvec();
}

at::Tensor LinearGroup::token_output(const Pass& pass, const at::Tensor& x) const {
  at::Tensor sum = pass.take_f32({out()}), input = pass.take_f32({in()});
  pass.ops().convert(x.view({-1}), input);
  weight_.matvec(pass.device, input, sum);
  for (const Placed& one : placed(pass)) {
    if (one.pair == nullptr) continue;
    at::Tensor u = pass.take_f32({pass.lora->rank()}), delta = pass.take_f32({one.width});
    pass.ops().matvec(one.pair->a, input, u);
    pass.ops().matvec(one.pair->b, u, delta);
    sum.narrow(0, one.column, one.width).add_(delta, pass.lora->scaling());
  }
  return sum;
}

void LinearGroup::backward(const Pass& pass, const at::Tensor& dy, const at::Tensor& x, const at::Tensor& u,
                           at::Tensor* dx) const {
  const Arena::Scope scope(pass.arena);
  backward_to_adapters(pass, dy, x, u, backward_to_input(pass, dy, dx));
}

at::Tensor LinearGroup::backward_to_input(const Pass& pass, const at::Tensor& dy, at::Tensor* dx) const {
  at::Tensor du = pass.take({dy.size(0), rank(pass)});
  std::vector<Product> products;
  for (const Placed& one : placed(pass))
    if (one.pair != nullptr)
      products.push_back({{{dy.narrow(1, one.column, one.width), scaled_b(pass, *one.pair), false}},
                          du.narrow(1, one.first, pass.lora->rank())});
  pass.ops().products(products);
  if (dx != nullptr) input_gradient(pass, dy, du, *dx);
  return du;
}

void LinearGroup::backward_to_adapters(const Pass& pass, const at::Tensor& dy, const at::Tensor& x, const at::Tensor& u,
                                       const at::Tensor& du) const {
  if (du.size(1) == 0) return;
  const LoraGroup& group = pass.lora->group(layer_, linears_.front());
  const std::int64_t r = pass.lora->rank();
  const auto scaling = static_cast<float>(pass.lora->scaling());
  std::vector<Product> products;
  for (const Placed& one : placed(pass)) {
    if (one.pair == nullptr) continue;
    const WeightView columns{nullptr, dy.narrow(1, one.column, one.width)};
    products.push_back({{{u.narrow(1, one.first, r), columns, false, true}},
                        one.pair->grad_b,
                        Product::Result::kAddTransposed,
                        {},
                        scaling});
    if (!dropout_active(pass)) continue;
    const Arena::Scope masked(pass.arena);
    const WeightView dropped{nullptr, apply_dropout(pass, x, one.pair->module)};
    pass.ops().product({{{du.narrow(1, one.first, r), dropped, false, true}},
                        one.pair->grad_a,
                        Product::Result::kAdd,
                        one.pair->grad_a});
  }
  if (!dropout_active(pass))
    products.push_back({{{du, {nullptr, x}, false, true}}, group.grad_a, Product::Result::kAdd, group.grad_a});
  pass.ops().products(products);
}

void LinearGroup::input_gradient(const Pass& pass, const at::Tensor& dy, const at::Tensor& du, at::Tensor& dx) const {
  const bool dropout = dropout_active(pass);
  Product product{{}, dx};
  for (const Placed& one : placed(pass)) {
    product.terms.push_back({dy.narrow(1, one.column, one.width), weight_.view(one.column, one.width), false});
    if (one.pair != nullptr && !dropout)
      product.terms.push_back({du.narrow(1, one.first, pass.lora->rank()), {nullptr, one.pair->a}, false});
  }
  if (!dropout || du.size(1) == 0) {
    pass.ops().product(product);
    return;
  }
  // Each adapter's own mask lies between its part and the sum.
  at::Tensor sum = pass.take_f32(dx.sizes());
  sum.zero_();
  for (const Placed& one : placed(pass)) {
    if (one.pair == nullptr) continue;
    const Arena::Scope masked(pass.arena);
    at::Tensor through = pass.take_f32(dx.sizes());
    pass.ops().product({{{du.narrow(1, one.first, pass.lora->rank()), {nullptr, one.pair->a}, false}}, through});
    add_dropped(pass, through, one.pair->module, sum);
  }
  product.out = sum;
  product.result = Product::Result::kAdd;
  product.addend = sum;
  pass.ops().product(product);
  pass.ops().convert(sum, dx);
}

}  // namespace vernier
