#include "tensor/cpu_attention.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "spec/step_sizes.h"
#include "tensor/parallel.h"

namespace vernier {

namespace {

at::Tensor matrix(const float* data, std::int64_t rows, std::int64_t columns) {
  return at::from_blob(const_cast<float*>(data), {rows, columns}, at::kFloat);
}

// Copies f32 [rows, dim] into columns [column, column + dim) of `out` from row `first` on, in out's type; and back.
void store_block(const RowKernels& kernels, const float* block, std::int64_t first, std::int64_t rows,
                 std::int64_t column, std::int64_t dim, const at::Tensor& out) {
  const std::int64_t stride = out.stride(0);
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t at = (first + r) * stride + column;
    if (out.scalar_type() == at::kFloat) {
      std::copy_n(block + r * dim, dim, static_cast<float*>(out.data_ptr()) + at);
    } else {
      kernels.to_bf16(block + r * dim, dim, static_cast<std::uint16_t*>(out.data_ptr()) + at);
    }
  }
}

void load_block(const RowKernels& kernels, const at::Tensor& in, std::int64_t first, std::int64_t rows,
                std::int64_t column, std::int64_t dim, float* block) {
  const std::int64_t stride = in.stride(0);
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t at = (first + r) * stride + column;
    if (in.scalar_type() == at::kFloat) {
      std::copy_n(static_cast<const float*>(in.data_ptr()) + at, dim, block + r * dim);
    } else {
      kernels.to_f32(static_cast<const std::uint16_t*>(in.data_ptr()) + at, dim, block + r * dim);
    }
  }
}

// A block of queries [begin, end) of one head that has `past` keys before its first query.
struct QueryBlock {
  std::int64_t begin, rows, keys;
  std::vector<std::int32_t> limits;

  QueryBlock(std::int64_t block, std::int64_t queries, std::int64_t past)
      : begin(block * kQueryBlock), rows(std::min(kQueryBlock, queries - begin)), keys(past + begin + rows) {
    for (std::int64_t r = 0; r < rows; ++r) limits.push_back(static_cast<std::int32_t>(past + begin + r + 1));
  }
};

std::int64_t query_blocks(std::int64_t queries) {
  return (queries + kQueryBlock - 1) / kQueryBlock;
}

struct Scratch {
  at::Tensor scores, d_scores, block, log_sum_exp;

  Scratch(std::int64_t queries, std::int64_t keys, std::int64_t dim, bool backward) {
    const std::int64_t rows = std::min(kQueryBlock, queries);
    scores = at::empty({rows * keys}, at::kFloat);
    if (backward) d_scores = at::empty({rows * keys}, at::kFloat);
    block = at::empty({rows * dim}, at::kFloat);
    log_sum_exp = at::empty({rows}, at::kFloat);
  }
};

float* data(const at::Tensor& tensor) {
  return static_cast<float*>(tensor.data_ptr());
}

// softmax(scale * Q K^T) of one block, into scratch.scores as [rows, keys].
at::Tensor probabilities(const RowKernels& kernels, const QueryBlock& block, const at::Tensor& q_block,
                         const at::Tensor& k_all, float scale, Scratch& scratch) {
  at::Tensor scores = matrix(data(scratch.scores), block.rows, block.keys);
  at::mm_out(scores, q_block, k_all.narrow(0, 0, block.keys).t());
  kernels.softmax(data(scores), block.rows, block.keys, block.limits.data(), block.keys, scale,
                  data(scratch.log_sum_exp));
  return scores;
}

struct Task {
  std::int64_t row, kv_head;
};

// Calls body(row's first token, tokens, kv head) for every row and kv head, in parallel.
template <typename Body>
void for_each_row_and_head(const AttentionShape& shape, const Body& body) {
  const auto rows = static_cast<std::int64_t>(shape.row_starts.size()) - 1;
  parallel_for(rows * shape.kv_heads, 1, [&](std::int64_t begin, std::int64_t end) {
    const c10::InferenceMode no_autograd;
    for (std::int64_t task = begin; task < end; ++task) {
      const auto row = static_cast<std::size_t>(task / shape.kv_heads);
      const std::int64_t start = shape.row_starts[row], tokens = shape.row_starts[row + 1] - start;
      if (tokens > 0) body(start, tokens, task % shape.kv_heads);
    }
  });
}

}  // namespace

void cpu_attention(const RowKernels& kernels, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                   const AttentionShape& shape, at::Tensor& out) {
  const std::int64_t dim = shape.head_dim, group = shape.heads / shape.kv_heads;
  for_each_row_and_head(shape, [&](std::int64_t start, std::int64_t tokens, std::int64_t kv_head) {
    Scratch scratch(tokens, tokens, dim, false);
    const std::int64_t kv_at = (start * shape.kv_heads + kv_head * tokens) * dim;
    const at::Tensor k_all = matrix(data(k) + kv_at, tokens, dim), v_all = matrix(data(v) + kv_at, tokens, dim);
    for (std::int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
      const at::Tensor q_all = matrix(data(q) + (start * shape.heads + head * tokens) * dim, tokens, dim);
      for (std::int64_t b = 0; b < query_blocks(tokens); ++b) {
        const QueryBlock block(b, tokens, 0);
        const at::Tensor p =
            probabilities(kernels, block, q_all.narrow(0, block.begin, block.rows), k_all, shape.scale, scratch);
        at::Tensor result = matrix(data(scratch.block), block.rows, dim);
        at::mm_out(result, p, v_all.narrow(0, 0, block.keys));
        store_block(kernels, data(result), start + block.begin, block.rows, head * dim, dim, out);
      }
    }
  });
}

void cpu_attention_backward(const RowKernels& kernels, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const at::Tensor& d_out, const AttentionShape& shape, at::Tensor& d_q, at::Tensor& d_k,
                            at::Tensor& d_v) {
  const std::int64_t dim = shape.head_dim, group = shape.heads / shape.kv_heads;
  for_each_row_and_head(shape, [&](std::int64_t start, std::int64_t tokens, std::int64_t kv_head) {
    Scratch scratch(tokens, tokens, dim, true);
    const std::int64_t kv_at = (start * shape.kv_heads + kv_head * tokens) * dim;
    const at::Tensor k_all = matrix(data(k) + kv_at, tokens, dim), v_all = matrix(data(v) + kv_at, tokens, dim);
    at::Tensor dk_all = matrix(data(d_k) + kv_at, tokens, dim).zero_();
    at::Tensor dv_all = matrix(data(d_v) + kv_at, tokens, dim).zero_();
    for (std::int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
      const std::int64_t q_at = (start * shape.heads + head * tokens) * dim;
      const at::Tensor q_all = matrix(data(q) + q_at, tokens, dim), dq_all = matrix(data(d_q) + q_at, tokens, dim);
      for (std::int64_t b = 0; b < query_blocks(tokens); ++b) {
        const QueryBlock block(b, tokens, 0);
        const at::Tensor q_block = q_all.narrow(0, block.begin, block.rows);
        const at::Tensor p = probabilities(kernels, block, q_block, k_all, shape.scale, scratch);
        at::Tensor d_block = matrix(data(scratch.block), block.rows, dim);
        load_block(kernels, d_out, start + block.begin, block.rows, head * dim, dim, data(d_block));
        at::Tensor dk_seen = dk_all.narrow(0, 0, block.keys), dv_seen = dv_all.narrow(0, 0, block.keys);
        at::addmm_out(dv_seen, dv_seen, p.t(), d_block);
        at::Tensor d_scores = matrix(data(scratch.d_scores), block.rows, block.keys);
        at::mm_out(d_scores, d_block, v_all.narrow(0, 0, block.keys).t());
        kernels.softmax_backward(data(p), data(d_scores), block.rows, block.keys, block.limits.data(), block.keys,
                                 shape.scale);
        at::Tensor dq_block = dq_all.narrow(0, block.begin, block.rows);
        at::mm_out(dq_block, d_scores, k_all.narrow(0, 0, block.keys));
        at::addmm_out(dk_seen, dk_seen, d_scores.t(), q_block);
      }
    }
  });
}

void cpu_cached_attention(const RowKernels& kernels, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          std::int64_t length, float scale, at::Tensor& out) {
  const std::int64_t heads = q.size(0), tokens = q.size(1), dim = q.size(2), kv_heads = k.size(0);
  check(length >= tokens && length <= k.size(1), "a cache shorter than its length");
  const std::int64_t group = heads / kv_heads, past = length - tokens;
  parallel_for(heads, 1, [&](std::int64_t begin, std::int64_t end) {
    const c10::InferenceMode no_autograd;
    Scratch scratch(tokens, length, dim, false);
    for (std::int64_t head = begin; head < end; ++head) {
      const std::int64_t kv_at = head / group * k.size(1) * dim;
      const at::Tensor k_all = matrix(data(k) + kv_at, length, dim), v_all = matrix(data(v) + kv_at, length, dim);
      const at::Tensor q_all = matrix(data(q) + head * tokens * dim, tokens, dim);
      for (std::int64_t b = 0; b < query_blocks(tokens); ++b) {
        const QueryBlock block(b, tokens, past);
        const at::Tensor p =
            probabilities(kernels, block, q_all.narrow(0, block.begin, block.rows), k_all, scale, scratch);
        at::Tensor result = matrix(data(scratch.block), block.rows, dim);
        at::mm_out(result, p, v_all.narrow(0, 0, block.keys));
        store_block(kernels, data(result), block.begin, block.rows, head * dim, dim, out);
      }
    }
  });
}

}  // namespace vernier
