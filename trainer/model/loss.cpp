#include "model/loss.h"

#include <ATen/ops/mm.h>

#include <algorithm>
#include <vector>

#include "spec/step_sizes.h"

namespace vernier {

namespace {

// Calls body(first row of the head matrix, [rows, H] of it in the compute type) slice by slice.
template <typename Body>
void for_each_slice(const Head& head, const Pass& pass, const Body& body) {
  for (std::int64_t begin = 0; begin < head.weight.rows(); begin += kVocabSlice) {
    const Arena::Scope scope(pass.arena);
    const std::int64_t rows = std::min(kVocabSlice, head.weight.rows() - begin);
    body(begin, head.weight.materialize_rows(pass.device, pass.arena, begin, rows));
  }
}

void product(const Head& head, const Pass& pass, const at::Tensor& x, at::Tensor& logits) {
  if (x.size(0) == 1 && !pass.training && head.weight.has_matvec()) {
    at::Tensor input = pass.take_f32({x.size(1)}), flat = logits.view({-1});
    pass.ops().convert(x.view({-1}), input);
    head.weight.matvec(pass.device, input, flat);
    return;
  }
  for_each_slice(head, pass, [&](std::int64_t begin, const at::Tensor& weight) {
    at::Tensor part = pass.take({x.size(0), weight.size(0)});
    at::mm_out(part, x, weight.t());
    logits.narrow(1, begin, weight.size(0)).copy_(part);
  });
}

void product_backward(const Head& head, const Pass& pass, const at::Tensor& d_logits, at::Tensor& d_x) {
  at::Tensor sum = pass.take_f32(d_x.sizes());
  sum.zero_();
  for_each_slice(head, pass, [&](std::int64_t begin, const at::Tensor& weight) {
    at::Tensor d_part = pass.take({d_logits.size(0), weight.size(0)}), through = pass.take(d_x.sizes());
    d_part.copy_(d_logits.narrow(1, begin, weight.size(0)));
    at::mm_out(through, d_part, weight);
    pass.ops().add(through, sum);
  });
  pass.ops().convert(sum, d_x);
}

constexpr std::int64_t kNoRow = -1;

// The rows of the stream that have a target, filled up with rows that have none to a multiple of kLogitsRowMultiple.
struct TargetRows {
  std::vector<std::int64_t> rows;
  std::vector<std::int32_t> targets;
  std::int64_t count = 0;  // of targets

  explicit TargetRows(const TokenBatch& batch) {
    for (std::size_t i = 0; i < batch.targets.size(); ++i) {
      if (batch.targets[i] < 0) continue;
      rows.push_back(static_cast<std::int64_t>(i));
      targets.push_back(batch.targets[i]);
    }
    count = static_cast<std::int64_t>(rows.size());
    while (rows.size() % kLogitsRowMultiple != 0) {
      rows.push_back(kNoRow);
      targets.push_back(-1);
    }
  }
  std::int64_t size() const { return static_cast<std::int64_t>(rows.size()); }
};

at::Tensor gather(const Pass& pass, const at::Tensor& x, std::span<const std::int64_t> rows) {
  const std::int64_t width = x.size(1);
  at::Tensor out = pass.take_f32({static_cast<std::int64_t>(rows.size()), width});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    float* row = static_cast<float*>(out.data_ptr()) + static_cast<std::int64_t>(i) * width;
    if (rows[i] == kNoRow) {
      std::fill_n(row, width, 0.0f);
    } else {
      std::copy_n(static_cast<const float*>(x.data_ptr()) + rows[i] * width, width, row);
    }
  }
  return out;
}

void scatter(const at::Tensor& gathered, std::span<const std::int64_t> rows, at::Tensor& x) {
  const std::int64_t width = x.size(1);
  for (std::size_t i = 0; i < rows.size() && rows[i] != kNoRow; ++i)
    std::copy_n(static_cast<const float*>(gathered.data_ptr()) + static_cast<std::int64_t>(i) * width, width,
                static_cast<float*>(x.data_ptr()) + rows[i] * width);
}

}  // namespace

LossSum head_loss(const Head& head, const Pass& pass, const at::Tensor& x, float gradient_scale, at::Tensor* d_x) {
  const TargetRows selected(pass.batch);
  const std::int64_t vocab = head.weight.rows(), step = logits_rows(vocab);
  LossSum sum{0, selected.count};
  if (d_x != nullptr) d_x->zero_();
  for (std::int64_t begin = 0; begin < selected.size(); begin += step) {
    const Arena::Scope scope(pass.arena);
    const std::int64_t n = std::min(step, selected.size() - begin);
    const std::span rows(selected.rows.data() + begin, static_cast<std::size_t>(n));
    const std::span targets(selected.targets.data() + begin, static_cast<std::size_t>(n));
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
  const at::Tensor stream = x.narrow(0, begin, logits.size(0));
  at::Tensor normed = pass.take(stream.sizes()), rstd = pass.take_f32({stream.size(0)});
  pass.ops().rms_norm(stream, head.norm, pass.spec.rms_norm_eps, normed, rstd);
  product(head, pass, normed, logits);
}

}  // namespace vernier
