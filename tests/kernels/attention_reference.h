#pragma once
// Attention and its gradients straight from the formulas, in double, one score at a time: what kernels/attention.h is
// tested against.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/attention.h"

namespace vernier::naive {

struct Attention {
  std::vector<double> out, log_sum_exp;  // [N, A], [heads, N]
  std::vector<double> d_q, d_k, d_v;
};

// d_out may be empty: no gradients.
inline Attention attention(const AttentionShape& shape, const std::vector<float>& q, const std::vector<float>& k,
                           const std::vector<float>& v, const std::vector<float>& d_out) {
  const std::int64_t dim = shape.head_dim, n = shape.row_starts.back(), width = shape.heads * dim;
  const std::int64_t group = shape.heads / shape.kv_heads;
  Attention result{std::vector<double>(static_cast<std::size_t>(n * width)),
                   std::vector<double>(static_cast<std::size_t>(n * shape.heads)), std::vector<double>(q.size()),
                   std::vector<double>(k.size()), std::vector<double>(v.size())};
  const auto dot = [dim](const float* x, const float* y) {
    double sum = 0;
    for (std::int64_t i = 0; i < dim; ++i) sum += static_cast<double>(x[i]) * y[i];
    return sum;
  };
  for (std::size_t row = 0; row + 1 < shape.row_starts.size(); ++row) {
    const std::int64_t start = shape.row_starts[row], queries = shape.row_starts[row + 1] - start;
    const std::int64_t keys = shape.past + queries, kv_stride = shape.kv_stride > 0 ? shape.kv_stride : keys * dim;
    for (std::int64_t head = 0; head < shape.heads; ++head) {
      const std::int64_t kv_at = start * shape.kv_heads * dim + head / group * kv_stride;
      for (std::int64_t i = 0; i < queries; ++i) {
        const std::int64_t q_at = (start * shape.heads + head * queries + i) * dim, last = shape.past + i;
        const std::int64_t first = shape.window > 0 ? std::max<std::int64_t>(0, last + 1 - shape.window) : 0;
        std::vector<double> p, slope;
        double largest = -INFINITY, sum = 0;
        for (std::int64_t j = first; j <= last; ++j) {
          double score = shape.scale * dot(&q[q_at], &k[kv_at + j * dim]);
          double rise = shape.scale;
          if (shape.softcap > 0) {
            const double t = std::tanh(score / shape.softcap);
            score = shape.softcap * t;
            rise *= 1 - t * t;
          }
          p.push_back(score);
          slope.push_back(rise);
          largest = std::max(largest, score);
        }
        for (double& x : p) sum += x = std::exp(x - largest);
        double* out = &result.out[(start + i) * width + head * dim];
        for (std::int64_t j = first; j <= last; ++j) {
          p[j - first] /= sum;
          for (std::int64_t c = 0; c < dim; ++c) out[c] += p[j - first] * v[kv_at + j * dim + c];
        }
        result.log_sum_exp[head * n + start + i] = largest + std::log(sum);
        if (d_out.empty()) continue;
        const float* d = &d_out[(start + i) * width + head * dim];
        double delta = 0;
        for (std::int64_t c = 0; c < dim; ++c) delta += d[c] * out[c];
        for (std::int64_t j = first; j <= last; ++j) {
          const double probability = p[j - first];
          const double d_score = probability * (dot(d, &v[kv_at + j * dim]) - delta) * slope[j - first];
          for (std::int64_t c = 0; c < dim; ++c) {
            result.d_q[q_at + c] += d_score * k[kv_at + j * dim + c];
            result.d_k[kv_at + j * dim + c] += d_score * q[q_at + c];
            result.d_v[kv_at + j * dim + c] += probability * d[c];
          }
        }
      }
    }
  }
  return result;
}

}  // namespace vernier::naive
