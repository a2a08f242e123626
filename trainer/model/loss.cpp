#include "model/loss.h"

#include <algorithm>
#include <span>

#include "spec/step_sizes.h"

namespace vernier {

namespace {

// logits f32 [n, V].
void product(const Head& head, const Pass& pass, const at::Tensor& x, at::Tensor& logits) {
  if (x.size(0) == 1 && !pass.training && head.weight.has_matvec()) {
    at::Tensor input = pass.take_f32({x.size(1)}), flat = logits.view({-1});
    pass.ops().convert(x.view({-1}), input);
    head.weight.matvec(pass.device, input, flat);
    return;
  }
  pass.ops().product({{{x, head.weight.view(0, head.weight.rows())}}, logits});
}

// The gradient of the logits in the compute type, written over their own memory: rows twice as far apart as wide.
at::Tensor narrowed(const Pass& pass, const at::Tensor& d_logits) {
  if (pass.device.compute == at::kFloat) return d_logits;
  at::Tensor narrow = d_logits.view(pass.device.compute).narrow(1, 0, d_logits.size(1));
  pass.ops().convert(d_logits, narrow);
  return narrow;
}

void product_backward(const Head& head, const Pass& pass, const at::Tensor& d_logits, at::Tensor& d_x) {
  pass.ops().product({{{narrowed(pass, d_logits), head.weight.view(0, head.weight.rows()), false}}, d_x});
}

// The rows of the stream that have a target, in the arena.
struct TargetRows {
  std::span<std::int64_t> rows;
  std::span<std::int32_t> targets;

  explicit TargetRows(const Pass& pass) {
    const std::span<const std::int32_t> all = pass.batch.targets;
    const auto count = std::count_if(all.begin(), all.end(), [](std::int32_t target) { return target >= 0; });
    rows = {static_cast<std::int64_t*>(pass.arena.take({count}, at::kLong).data_ptr()),
            static_cast<std::size_t>(count)};
    targets = {static_cast<std::int32_t*>(pass.arena.take({count}, at::kInt).data_ptr()),
               static_cast<std::size_t>(count)};
    std::size_t used = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i] < 0) continue;
      rows[used] = static_cast<std::int64_t>(i);
      targets[used++] = all[i];
    }
  }
  std::int64_t size() const { return static_cast<std::int64_t>(rows.size()); }
};

// Those rows of the stream x f32, in the compute type.
at::Tensor gather(const Pass& pass, const at::Tensor& x, std::span<const std::int64_t> rows) {
  at::Tensor out = pass.take({static_cast<std::int64_t>(rows.size()), x.size(1)});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    at::Tensor row = out.narrow(0, static_cast<std::int64_t>(i), 1);
    pass.ops().convert(x.narrow(0, rows[i], 1), row);
  }
  return out;
}

void scatter(const at::Tensor& gathered, std::span<const std::int64_t> rows, at::Tensor& x) {
  const std::int64_t width = x.size(1);
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::copy_n(static_cast<const float*>(gathered.data_ptr()) + static_cast<std::int64_t>(i) * width, width,
                static_cast<float*>(x.data_ptr()) + rows[i] * width);
}

}  // namespace

LossSum head_loss(const Head& head, const Pass& pass, const at::Tensor& x, float gradient_scale, at::Tensor* d_x) {
  const Arena::Scope scope(pass.arena);
  const TargetRows selected(pass);
  const std::int64_t vocab = head.weight.rows(), step = logits_rows(vocab, selected.size(), pass.most_logits_rows);
  LossSum sum{0, selected.size()};
  if (d_x != nullptr) d_x->zero_();
  for (std::int64_t begin = 0; begin < selected.size(); begin += step) {
    const Arena::Scope chunk(pass.arena);
    const std::int64_t n = std::min(step, selected.size() - begin);
    const auto rows = selected.rows.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(n));
    const auto targets = selected.targets.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(n));
    const at::Tensor stream = gather(pass, x, rows);
    at::Tensor normed = pass.take(stream.sizes()), rstd = pass.take_f32({n});
    pass.ops().rms_norm(stream, head.norm, pass.spec.rms_norm_eps, normed, rstd);
    at::Tensor logits = pass.take_f32({n, vocab}), losses = pass.take_f32({n});
    product(head, pass, normed, logits);
    pass.ops().cross_entropy(logits, targets, d_x == nullptr ? nullptr : &gradient_scale, losses);
    for (std::int64_t i = 0; i < n; ++i) sum.loss += static_cast<const float*>(losses.data_ptr())[i];
    if (d_x == nullptr) continue;
    product_backward(head, pass, logits, normed);
    at::Tensor d_stream = pass.take_f32(stream.sizes());
    d_stream.zero_();
    pass.ops().rms_norm_backward(normed, stream, head.norm, rstd, d_stream);
    scatter(d_stream, rows, *d_x);
  }
  return sum;
}

void head_logits(const Head& head, const Pass& pass, const at::Tensor& x, std::int64_t begin, at::Tensor& logits) {
  const Arena::Scope scope(pass.arena);
  at::Tensor stream = pass.take({logits.size(0), x.size(1)});
  pass.ops().convert(x.narrow(0, begin, logits.size(0)), stream);
  at::Tensor normed = pass.take(stream.sizes()), rstd = pass.take_f32({stream.size(0)});
  pass.ops().rms_norm(stream, head.norm, pass.spec.rms_norm_eps, normed, rstd);
  product(head, pass, normed, logits);
}

}  // namespace vernier
