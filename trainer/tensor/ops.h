#pragma once
// What the model computes beyond LibTorch's matrix products, a device's worth of it: each operation takes whole
// operands. The CPU's splits them over the kernel tables (kernels/) with parallel_for.
//
// Shapes: N tokens of the flat stream, H hidden, I intermediate, D head_dim; A = heads * D, K = kv_heads * D.
// "compute" is the type of the products: f32 or bf16.

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/attention.h"
#include "kernels/isa.h"
#include "kernels/optimizer.h"

namespace vernier {

// NF4 codes of one [rows, cols] matrix with plain (absmax) or double-quantized (nested_*) block scales.
struct Nf4View {
  at::Tensor codes;          // u8 [(rows * cols + 1) / 2]
  at::Tensor absmax;         // f32 [blocks], undefined with double quantization
  at::Tensor nested_codes;   // u8 [blocks]
  at::Tensor nested_absmax;  // f32 [ceil(blocks / 256)]
  float offset = 0;
  std::int64_t blocksize = 64;
  std::int64_t rows = 0, cols = 0;
};

// A weight matrix as it is stored: NF4, or dense f32, f16 or bf16 [rows, cols] whose rows may lie apart. `scale`
// multiplies f32 values.
struct WeightView {
  const Nf4View* nf4 = nullptr;
  at::Tensor dense = {};
  float scale = 1;
};

// x [N, k] times a weight [columns, k] (transposed) or [k, columns]; with x_transposed x is [k, N].
struct ProductTerm {
  at::Tensor x;  // compute
  WeightView weight;
  bool transposed = true;
  bool x_transposed = false;
};

// out [N, columns] from the sum of the terms: f32 sums, one rounding.
struct Product {
  enum class Result {
    kStore,          // out, compute or f32
    kAdd,            // out f32 = addend + scale * sum; addend may be out
    kAddTransposed,  // out f32 [columns, N] += scale * sum^T
  };
  std::vector<ProductTerm> terms;
  at::Tensor out;
  Result result = Result::kStore;
  at::Tensor addend = {};
  float scale = 1;
};

// cos and sin of the rotation, f32 [positions, D / 2].
struct RopeTable {
  at::Tensor cos, sin;
};

struct Ops {
  virtual ~Ops() = default;

  // Products that do not depend on each other.
  virtual void products(std::span<const Product> products) const = 0;
  // One of them.
  void product(const Product& one) const { products({&one, 1}); }

  // out [rows, cols] (compute, contiguous): the decoded matrix.
  virtual void decode_nf4(const Nf4View& matrix, at::Tensor& out) const = 0;

  // y f32 [rows] = matrix x, for one token: x f32 [cols]; the matrix dense (f32 or bf16, contiguous), or of NF4 parts
  // one below the other, whose values are decoded as for `compute`.
  virtual void matvec(const at::Tensor& matrix, const at::Tensor& x, at::Tensor& y) const = 0;
  virtual void matvec_nf4(std::span<const Nf4View> parts, at::ScalarType compute, const at::Tensor& x,
                          at::Tensor& y) const = 0;

  // y [N, H] = norm of x times weight (f32), x and y compute; rstd f32 [N].
  virtual void rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, at::Tensor& y,
                        at::Tensor& rstd) const = 0;
  // dx (f32) += gradient through the norm of dy (compute); x as above.
  virtual void rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                                 const at::Tensor& rstd, at::Tensor& dx) const = 0;

  // y (f32) += x (compute).
  virtual void add(const at::Tensor& x, at::Tensor& y) const = 0;
  // y = x in y's type, rounded to nearest even: f32 to bf16, or f16 or bf16 to f32. Rows may lie apart; y may be x's
  // own memory when it is narrower and begins each row where x does.
  virtual void convert(const at::Tensor& x, at::Tensor& y) const = 0;

  // h [N, I] = silu(gate) * up, where gate_up [N, 2 I] holds both, all compute.
  virtual void swiglu(const at::Tensor& gate_up, at::Tensor& h) const = 0;
  // Given dh [N, I]: overwrites gate_up with its gradient and dh with h.
  virtual void swiglu_backward(at::Tensor& dh, at::Tensor& gate_up) const = 0;

  // Heads out of the flat stream: from columns [begin, begin + heads * D) of qkv [N, A + 2 K], a block [heads, T, D] a
  // row, one after the other in `out` [N * heads * D]; or, for one row, `out` [heads, T, D] whose heads may lie apart.
  // All compute; f32 inside: with `norm_weight` (f32 [D]) defined each head is RMS-normalized, with `rope` given then
  // rotated by its position.
  struct HeadSource {
    std::int64_t begin = 0, heads = 0, head_dim = 0;
    at::Tensor norm_weight;
    double norm_eps = 0;
    const RopeTable* rope = nullptr;
  };
  virtual void split_heads(const at::Tensor& qkv, const HeadSource& source, std::span<const std::int32_t> row_starts,
                           std::span<const std::int32_t> positions, at::Tensor& out) const = 0;
  // The gradient of split_heads: `d_heads` (f32, overwritten) back into those columns of d_qkv (compute). qkv is what
  // split_heads read.
  virtual void split_heads_backward(at::Tensor& d_heads, const at::Tensor& qkv, const HeadSource& source,
                                    std::span<const std::int32_t> row_starts, std::span<const std::int32_t> positions,
                                    at::Tensor& d_qkv) const = 0;

  // Causal attention of each row on its own (kernels/attention.h). q [N * A], k, v [N * K] as split_heads writes them,
  // or a cache of one row, of which shape.past says the length before the new tokens; out [N, A], all compute.
  // log_sum_exp f32 [heads, N], for the backward pass; may be undefined.
  virtual void attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionShape& shape,
                         at::Tensor& out, const at::Tensor& log_sum_exp) const = 0;
  // d_q, d_k, d_v (f32) in the layout of q, k, v, given what the forward pass read and wrote, and d_out [N, A].
  virtual void attention_backward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& out,
                                  const at::Tensor& log_sum_exp, const at::Tensor& d_out, const AttentionShape& shape,
                                  at::Tensor& d_q, at::Tensor& d_k, at::Tensor& d_v) const = 0;

  // loss f32 [n] of each row of logits f32 [n, V] against target [n]; with gradient_scale the logits become
  // (softmax - onehot) * gradient_scale, without they stay.
  virtual void cross_entropy(at::Tensor& logits, std::span<const std::int32_t> target, const float* gradient_scale,
                             at::Tensor& loss) const = 0;

  // scale f32 [n] of inverted dropout: 0 or 1 / (1 - p), element i being number first + i of the stream.
  virtual void dropout_scale(std::uint64_t key, std::uint64_t stream, std::uint64_t first, double p,
                             at::Tensor& scale) const = 0;

  virtual double sum_of_squares(const at::Tensor& x) const = 0;
  virtual bool all_finite(const at::Tensor& x) const = 0;

  // One step of the optimizer for the pieces (kernels/optimizer.h) of the flat buffers `values` and `gradients`, f32,
  // whose states lie in `states`. The pieces do not overlap.
  virtual void update(const UpdateStep& step, std::span<const UpdatePiece> pieces, const at::Tensor& gradients,
                      at::Tensor& values, std::byte* states) const = 0;
};

std::unique_ptr<Ops> make_cpu_ops(Isa isa);

}  // namespace vernier
