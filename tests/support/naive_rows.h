#pragma once
// The obvious double-precision versions of kernels/rows.h, one element at a time: what the row loops are tested
// against.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace vernier::naive {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

inline double logistic(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

struct Normed {
  Doubles y, rstd;
};
inline Normed rms_norm(const Floats& x, const Floats& weight, double eps, std::size_t rows, std::size_t dim) {
  Normed out{Doubles(rows * dim), Doubles(rows)};
  for (std::size_t r = 0; r < rows; ++r) {
    double squares = 0;
    for (std::size_t i = 0; i < dim; ++i) squares += static_cast<double>(x[r * dim + i]) * x[r * dim + i];
    out.rstd[r] = 1.0 / std::sqrt(squares / static_cast<double>(dim) + eps);
    for (std::size_t i = 0; i < dim; ++i) out.y[r * dim + i] = x[r * dim + i] * out.rstd[r] * weight[i];
  }
  return out;
}

// The gradient alone (without the dx that the loop adds it to), by the definition: each output's derivative for each
// input.
inline Doubles rms_norm_backward(const Floats& dy, const Floats& x, const Floats& weight, double eps, std::size_t rows,
                                 std::size_t dim) {
  const Doubles rstd = rms_norm(x, weight, eps, rows, dim).rstd;
  Doubles dx(rows * dim, 0.0);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t i = 0; i < dim; ++i) {
      for (std::size_t j = 0; j < dim; ++j) {
        const double xi = x[r * dim + i], xj = x[r * dim + j];
        const double dxhat = (i == j ? rstd[r] : 0.0) - xi * xj * std::pow(rstd[r], 3) / static_cast<double>(dim);
        dx[r * dim + i] += static_cast<double>(dy[r * dim + j]) * weight[j] * dxhat;
      }
    }
  }
  return dx;
}

inline Doubles rope(const Floats& x, const std::vector<std::int32_t>& position, const Floats& cos, const Floats& sin,
                    std::size_t heads, std::size_t head_dim, bool inverse) {
  Doubles y(x.size());
  const std::size_t half = head_dim / 2;
  for (std::size_t at = 0; at < x.size(); ++at) {
    const std::size_t row = at / (heads * head_dim), i = at % head_dim, pair = i % half;
    const std::size_t line = static_cast<std::size_t>(position[row]) * half + pair;
    const double c = cos[line], s = inverse ? -sin[line] : sin[line];
    y[at] = i < half ? x[at] * c - x[at + half] * s : x[at] * c + x[at - half] * s;
  }
  return y;
}

inline Doubles swiglu(const Floats& gate, const Floats& up) {
  Doubles h(gate.size());
  for (std::size_t i = 0; i < h.size(); ++i) h[i] = gate[i] * logistic(gate[i]) * up[i];
  return h;
}

struct SwigluGradients {
  Doubles gate, up;
};
inline SwigluGradients swiglu_backward(const Floats& dh, const Floats& gate, const Floats& up) {
  SwigluGradients d{Doubles(dh.size()), Doubles(dh.size())};
  for (std::size_t i = 0; i < dh.size(); ++i) {
    const double g = gate[i], s = logistic(g), complement = logistic(-g);
    d.gate[i] = static_cast<double>(dh[i]) * up[i] * s * (1.0 + g * complement);
    d.up[i] = dh[i] * g * s;
  }
  return d;
}

struct Softmaxed {
  Doubles p;
  double log_sum_exp;
};
// One row over its first `limit` columns; the rest is 0.
inline Softmaxed softmax(const float* x, std::size_t columns, std::size_t limit, double scale) {
  Softmaxed out{Doubles(columns, 0.0), -std::numeric_limits<double>::infinity()};
  if (limit == 0) return out;
  double largest = scale * x[0], sum = 0;
  for (std::size_t i = 0; i < limit; ++i) largest = std::max(largest, scale * x[i]);
  for (std::size_t i = 0; i < limit; ++i) sum += std::exp(scale * x[i] - largest);
  for (std::size_t i = 0; i < limit; ++i) out.p[i] = std::exp(scale * x[i] - largest) / sum;
  out.log_sum_exp = largest + std::log(sum);
  return out;
}

struct AdamState {
  double parameter, exp_avg, exp_avg_sq;
};
inline AdamState adamw(AdamState s, double g, double rate, double beta1, double beta2, double eps, double decay,
                       int step) {
  s.parameter *= 1.0 - rate * decay;
  s.exp_avg = beta1 * s.exp_avg + (1.0 - beta1) * g;
  s.exp_avg_sq = beta2 * s.exp_avg_sq + (1.0 - beta2) * g * g;
  const double m = s.exp_avg / (1.0 - std::pow(beta1, step)), v = s.exp_avg_sq / (1.0 - std::pow(beta2, step));
  s.parameter -= rate * m / (std::sqrt(v) + eps);
  return s;
}

}  // namespace vernier::naive
