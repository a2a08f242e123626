#include "tensor/timed_ops.h"

#include <chrono>
#include <utility>

namespace vernier {

namespace {

double flops_of(const Product& product) {
  double depth = 0;
  for (const ProductTerm& term : product.terms) depth += static_cast<double>(term.x.size(term.x_transposed ? 0 : 1));
  return 2 * static_cast<double>(product.out.numel()) * depth;
}

// Of the forward pass, counted as in spec/step_cost.
double flops_of(const AttentionShape& shape) {
  double squares = 0;
  for (std::size_t row = 1; row < shape.row_starts.size(); ++row) {
    const double tokens = shape.row_starts[row] - shape.row_starts[row - 1];
    squares += tokens * tokens;
  }
  return 2 * static_cast<double>(shape.heads * shape.head_dim) * squares;
}

}  // namespace

const char* step_part_name(StepPart part) {
  static constexpr std::array<const char*, kStepParts> kNames = {"base_forward",
                                                                 "base_recomputed",
                                                                 "base_backward",
                                                                 "head_forward",
                                                                 "head_backward",
                                                                 "adapters",
                                                                 "attention_forward",
                                                                 "attention_backward",
                                                                 "norms",
                                                                 "heads",
                                                                 "swiglu",
                                                                 "loss",
                                                                 "optimizer",
                                                                 "stream",
                                                                 "dropout"};
  return kNames[static_cast<std::size_t>(part)];
}

TimedOps::TimedOps(std::unique_ptr<Ops> ops, at::Tensor head, at::Tensor adapters)
    : ops_(std::move(ops)), head_(std::move(head)), adapters_(std::move(adapters)) {}

StepWorks TimedOps::take() {
  settle(StepPart::kBaseForward);
  return std::exchange(works_, {});
}

template <typename Work>
double TimedOps::timed(const Work& work) const {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <typename Work>
void TimedOps::timed(StepPart part, const Work& work, double flops) const {
  const double seconds = timed(work);
  this->part(part).seconds += seconds;
  this->part(part).flops += flops;
}

void TimedOps::settle(StepPart as) const {
  part(as).seconds += undecided_.seconds;
  part(as).flops += undecided_.flops;
  undecided_ = {};
}

StepPart TimedOps::part_of(const Product& product) const {
  const ProductTerm& term = product.terms.front();
  if (term.x_transposed) return StepPart::kAdapters;
  if (term.weight.nf4 == nullptr) {
    if (term.weight.dense.is_alias_of(adapters_)) return StepPart::kAdapters;
    if (term.weight.dense.is_alias_of(head_)) return term.transposed ? StepPart::kHeadForward : StepPart::kHeadBackward;
  }
  return term.transposed ? StepPart::kBaseForward : StepPart::kBaseBackward;
}

void TimedOps::products(std::span<const Product> products) const {
  const double seconds = timed([&] { ops_->products(products); });
  double all = 0;
  for (const Product& product : products) all += flops_of(product);
  for (const Product& product : products) {
    const double flops = flops_of(product);
    const StepPart belongs = part_of(product);
    PartWork& work = belongs == StepPart::kBaseForward ? undecided_ : part(belongs);
    work.flops += flops;
    work.seconds += all > 0 ? seconds * flops / all : 0;
  }
}

void TimedOps::decode_nf4(const Nf4View& matrix, at::Tensor& out) const {
  ops_->decode_nf4(matrix, out);
}
void TimedOps::matvec(const at::Tensor& matrix, const at::Tensor& x, at::Tensor& y) const {
  ops_->matvec(matrix, x, y);
}
void TimedOps::matvec_nf4(std::span<const Nf4View> parts, at::ScalarType compute, const at::Tensor& x,
                          at::Tensor& y) const {
  ops_->matvec_nf4(parts, compute, x, y);
}

void TimedOps::rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, at::Tensor& y,
                        at::Tensor& rstd) const {
  timed(StepPart::kNorms, [&] { ops_->rms_norm(x, weight, eps, y, rstd); });
}
void TimedOps::rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                                 const at::Tensor& rstd, at::Tensor& dx) const {
  settle(StepPart::kBaseRecomputed);
  timed(StepPart::kNorms, [&] { ops_->rms_norm_backward(dy, x, weight, rstd, dx); });
}

void TimedOps::add(const at::Tensor& x, at::Tensor& y) const {
  timed(StepPart::kStream, [&] { ops_->add(x, y); });
}
void TimedOps::convert(const at::Tensor& x, at::Tensor& y) const {
  timed(StepPart::kStream, [&] { ops_->convert(x, y); });
}

void TimedOps::swiglu(const at::Tensor& gate_up, at::Tensor& h) const {
  timed(StepPart::kSwiGlu, [&] { ops_->swiglu(gate_up, h); });
}
void TimedOps::swiglu_backward(at::Tensor& dh, at::Tensor& gate_up) const {
  settle(StepPart::kBaseRecomputed);
  timed(StepPart::kSwiGlu, [&] { ops_->swiglu_backward(dh, gate_up); });
}

void TimedOps::split_heads(const at::Tensor& qkv, const HeadSource& source, std::span<const std::int32_t> row_starts,
                           std::span<const std::int32_t> positions, at::Tensor& out) const {
  timed(StepPart::kHeads, [&] { ops_->split_heads(qkv, source, row_starts, positions, out); });
}
void TimedOps::split_heads_backward(at::Tensor& d_heads, const at::Tensor& qkv, const HeadSource& source,
                                    std::span<const std::int32_t> row_starts, std::span<const std::int32_t> positions,
                                    at::Tensor& d_qkv) const {
  timed(StepPart::kHeads, [&] { ops_->split_heads_backward(d_heads, qkv, source, row_starts, positions, d_qkv); });
}

void TimedOps::attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionShape& shape,
                         at::Tensor& out, const at::Tensor& log_sum_exp) const {
  settle(StepPart::kBaseForward);
  timed(
      StepPart::kAttentionForward, [&] { ops_->attention(q, k, v, shape, out, log_sum_exp); }, flops_of(shape));
}
void TimedOps::attention_backward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& out,
                                  const at::Tensor& log_sum_exp, const at::Tensor& d_out, const AttentionShape& shape,
                                  at::Tensor& d_q, at::Tensor& d_k, at::Tensor& d_v) const {
  settle(StepPart::kBaseRecomputed);
  timed(
      StepPart::kAttentionBackward,
      [&] { ops_->attention_backward(q, k, v, out, log_sum_exp, d_out, shape, d_q, d_k, d_v); }, 2.5 * flops_of(shape));
}

void TimedOps::cross_entropy(at::Tensor& logits, std::span<const std::int32_t> target, const float* gradient_scale,
                             at::Tensor& loss) const {
  settle(StepPart::kBaseForward);
  timed(StepPart::kLoss, [&] { ops_->cross_entropy(logits, target, gradient_scale, loss); });
}

void TimedOps::dropout_scale(std::uint64_t key, std::uint64_t stream, std::uint64_t first, double p,
                             at::Tensor& scale) const {
  timed(StepPart::kDropout, [&] { ops_->dropout_scale(key, stream, first, p, scale); });
}

double TimedOps::sum_of_squares(const at::Tensor& x) const {
  double sum = 0;
  timed(StepPart::kOptimizer, [&] { sum = ops_->sum_of_squares(x); });
  return sum;
}
bool TimedOps::all_finite(const at::Tensor& x) const {
  return ops_->all_finite(x);
}
void TimedOps::update(const UpdateStep& step, std::span<const UpdatePiece> pieces, const at::Tensor& gradients,
                      at::Tensor& values, std::byte* states) const {
  timed(StepPart::kOptimizer, [&] { ops_->update(step, pieces, gradients, values, states); });
}

}  // namespace vernier
