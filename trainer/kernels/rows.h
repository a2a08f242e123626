#pragma once
// The elementwise and row-wise loops of a decoder layer, each over a range of rows, so that the caller can split them
// among threads. bf16 values are std::uint16_t. Reductions run over 16 lanes in a fixed order and exp is our own
// polynomial, so that every ISA's table gives the same bits; `-ffp-contract=off` holds everywhere.

#include <cstdint>

#include "kernels/isa.h"

namespace vernier {

struct RowKernels {
  // ---- RMS norm (Zhang, Sennrich 2019): y = x * rsqrt(mean(x^2) + eps) * weight; x, y [rows, dim], rstd f32 [rows]
  void (*rms_norm_f32)(const float* x, const float* weight, float eps, std::int64_t rows, std::int64_t dim, float* y,
                       float* rstd);
  void (*rms_norm_bf16)(const std::uint16_t* x, const float* weight, float eps, std::int64_t rows, std::int64_t dim,
                        std::uint16_t* y, float* rstd);
  // dx += d(norm): dx[i] += rstd * (dy*w - xhat * mean(dy*w*xhat)). dy, x [rows, dim], dx f32.
  void (*rms_norm_backward_f32)(const float* dy, const float* x, const float* weight, const float* rstd,
                                std::int64_t rows, std::int64_t dim, float* dx);
  void (*rms_norm_backward_bf16)(const std::uint16_t* dy, const std::uint16_t* x, const float* weight,
                                 const float* rstd, std::int64_t rows, std::int64_t dim, float* dx);

  // ---- Rotary embedding (Su et al. 2021), halves rotated as in Hugging Face: x [rows, heads, head_dim] in place.
  // cos, sin f32 [positions, head_dim / 2]; position[row] picks the line. inverse: rotates back (the backward pass).
  void (*rope)(float* x, const std::int32_t* position, const float* cos, const float* sin, std::int64_t rows,
               std::int64_t heads, std::int64_t head_dim, bool inverse);

  // ---- SwiGLU (Shazeer 2020): h = silu(gate) * up, all [n]
  void (*swiglu_f32)(const float* gate, const float* up, std::int64_t n, float* h);
  void (*swiglu_bf16)(const std::uint16_t* gate, const std::uint16_t* up, std::int64_t n, std::uint16_t* h);
  // d_gate = dh * up * silu'(gate), d_up = dh * silu(gate), and h again; may write over dh, gate and up.
  void (*swiglu_backward_f32)(const float* dh, const float* gate, const float* up, std::int64_t n, float* h,
                              float* d_gate, float* d_up);
  void (*swiglu_backward_bf16)(const std::uint16_t* dh, const std::uint16_t* gate, const std::uint16_t* up,
                               std::int64_t n, std::uint16_t* h, std::uint16_t* d_gate, std::uint16_t* d_up);

  // ---- Softmax of each row over its first limit[row] columns; the rest becomes 0. x f32 [rows, columns], row stride
  // `stride`, in place, after multiplying by `scale`. log_sum_exp[row] = log(sum(exp(scale * x))). A limit of 0 gives
  // zeros and -Inf; a row that is all -Inf, or has NaN or +Inf, gives NaN.
  void (*softmax)(float* x, std::int64_t rows, std::int64_t stride, const std::int32_t* limit, std::int64_t columns,
                  float scale, float* log_sum_exp);

  // ---- Cross entropy of each row of logits f32 [rows, vocab] against target[row] < vocab: loss[row] = log_sum_exp -
  // logit[target] and, in place, logits = (softmax - onehot) * gradient_scale. A negative target is none: loss and
  // gradient are 0.
  void (*cross_entropy)(float* logits, const std::int32_t* target, std::int64_t rows, std::int64_t vocab,
                        float gradient_scale, float* loss);
  // The loss alone; the logits stay.
  void (*cross_entropy_loss)(const float* logits, const std::int32_t* target, std::int64_t rows, std::int64_t vocab,
                             float* loss);

  // ---- Types and sums
  void (*to_bf16)(const float* x, std::int64_t n, std::uint16_t* y);
  void (*to_f32)(const std::uint16_t* x, std::int64_t n, float* y);
  void (*f16_to_f32)(const std::uint16_t* x, std::int64_t n, float* y);  // IEEE half
  void (*add_f32)(const float* x, std::int64_t n, float* y);             // y += x
  void (*add_bf16)(const std::uint16_t* x, std::int64_t n, float* y);    // y += x, in f32
  // Sum of squares in double, by 16 lanes in a fixed order.
  double (*sum_of_squares)(const float* x, std::int64_t n);
  // True when every value is finite.
  bool (*all_finite)(const float* x, std::int64_t n);

  // ---- Inverted dropout: scale[i] = 0 (dropped) or 1 / (1 - drop_probability) for elements first ... first + n of a
  // stream. Element e draws word e % 4 of philox(counter {e / 4 low, high, stream low, high}, key {low, high}), and is
  // dropped when its upper 24 bits, as a fraction of 2^24, are below drop_probability (0 <= drop_probability < 1).
  void (*dropout_scale)(std::uint64_t key, std::uint64_t stream, std::uint64_t first, std::int64_t n,
                        float drop_probability, float* scale);

  // ---- y [rows] = w [rows, width] x [width], each row's products summed in f32 over 16 lanes.
  void (*matvec_f32)(const float* x, const float* w, std::int64_t rows, std::int64_t width, float* y);
  void (*matvec_bf16)(const float* x, const std::uint16_t* w, std::int64_t rows, std::int64_t width, float* y);
  // The same of NF4 codes (kernels/nf4.h) whose rows begin with a block, decoded to f32 or rounded to bf16: x_even and
  // x_odd [width / 2] hold x's even and odd elements; each half is summed by fused multiply-add over 16 lanes.
  // absmax: one scale a block, of these rows. Precondition: width a multiple of blocksize.
  void (*matvec_nf4_f32)(const float* x_even, const float* x_odd, const std::uint8_t* codes, const float* absmax,
                         std::int64_t blocksize, std::int64_t rows, std::int64_t width, float* y);
  void (*matvec_nf4_bf16)(const float* x_even, const float* x_odd, const std::uint8_t* codes, const float* absmax,
                          std::int64_t blocksize, std::int64_t rows, std::int64_t width, float* y);
};
const RowKernels& row_kernels(Isa isa);

}  // namespace vernier
