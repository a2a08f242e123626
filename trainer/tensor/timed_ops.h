#pragma once
// The operations of a device with the time that each takes, by the part of a training step that it belongs to: for
// `vernier bench`. It reads two clocks an operation and changes no number.

#include <array>
#include <cstdint>
#include <memory>

#include "tensor/ops.h"

namespace vernier {

enum class StepPart {
  kBaseForward,     // y = x W^T with the adapters' columns in the same sum
  kBaseRecomputed,  // the same again in the backward pass
  kBaseBackward,    // dx = dy W
  kHeadForward,
  kHeadBackward,
  kAdapters,  // u, du, dA, dB
  kAttentionForward,
  kAttentionBackward,
  kNorms,
  kHeads,  // split off, rotated, laid back
  kSwiGlu,
  kLoss,
  kOptimizer,  // with the gradient norm
  kStream,     // additions to the residual stream, and changes of type
  kDropout,
};
inline constexpr std::size_t kStepParts = 15;

// "base_forward": the key in `vernier bench --json`.
const char* step_part_name(StepPart part);

struct PartWork {
  double seconds = 0;
  double flops = 0;  // of products and attention
};
using StepWorks = std::array<PartWork, kStepParts>;

class TimedOps final : public Ops {
 public:
  // `head`: the head's matrix; `adapters`: the flat buffer that all A and B are views of. They tell products apart.
  TimedOps(std::unique_ptr<Ops> ops, at::Tensor head, at::Tensor adapters);

  // What was done since the last call of this.
  StepWorks take();

  void products(std::span<const Product> products) const override;
  void decode_nf4(const Nf4View& matrix, at::Tensor& out) const override;
  void matvec(const at::Tensor& matrix, const at::Tensor& x, at::Tensor& y) const override;
  void matvec_nf4(std::span<const Nf4View> parts, at::ScalarType compute, const at::Tensor& x,
                  at::Tensor& y) const override;
  void rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, at::Tensor& y,
                at::Tensor& rstd) const override;
  void rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& rstd,
                         at::Tensor& dx) const override;
  void add(const at::Tensor& x, at::Tensor& y) const override;
  void convert(const at::Tensor& x, at::Tensor& y) const override;
  void swiglu(const at::Tensor& gate_up, at::Tensor& h) const override;
  void swiglu_backward(at::Tensor& dh, at::Tensor& gate_up) const override;
  void split_heads(const at::Tensor& qkv, const HeadSource& source, std::span<const std::int32_t> row_starts,
                   std::span<const std::int32_t> positions, at::Tensor& out) const override;
  void split_heads_backward(at::Tensor& d_heads, const at::Tensor& qkv, const HeadSource& source,
                            std::span<const std::int32_t> row_starts, std::span<const std::int32_t> positions,
                            at::Tensor& d_qkv) const override;
  void attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionShape& shape,
                 at::Tensor& out, const at::Tensor& log_sum_exp) const override;
  void attention_backward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& out,
                          const at::Tensor& log_sum_exp, const at::Tensor& d_out, const AttentionShape& shape,
                          at::Tensor& d_q, at::Tensor& d_k, at::Tensor& d_v) const override;
  void cross_entropy(at::Tensor& logits, std::span<const std::int32_t> target, const float* gradient_scale,
                     at::Tensor& loss) const override;
  void dropout_scale(std::uint64_t key, std::uint64_t stream, std::uint64_t first, double p,
                     at::Tensor& scale) const override;
  double sum_of_squares(const at::Tensor& x) const override;
  bool all_finite(const at::Tensor& x) const override;
  void update(const UpdateStep& step, std::span<const UpdatePiece> pieces, const at::Tensor& gradients,
              at::Tensor& values, std::byte* states) const override;

 private:
  template <typename Work>
  double timed(const Work& work) const;
  template <typename Work>
  void timed(StepPart part, const Work& work, double flops = 0) const;
  PartWork& part(StepPart part) const { return works_[static_cast<std::size_t>(part)]; }
  StepPart part_of(const Product& product) const;
  // Base products forward wait here until the next operation tells whether they belonged to the forward pass.
  void settle(StepPart as) const;

  std::unique_ptr<Ops> ops_;
  at::Tensor head_, adapters_;
  mutable StepWorks works_{};
  mutable PartWork undecided_;
};

}  // namespace vernier
