#include <cmath>
#include <limits>

#include "base/check.h"
#include "kernels/attention.h"
#include "kernels/attention_scratch.h"
#include "kernels/attention_work.h"
#include "kernels/rows.h"

namespace vernier {

namespace {

constexpr std::int64_t kValuesAtOnce = 64;  // stay in the first cache for all heads of a group
constexpr std::int64_t kHeadsAtOnce = 16;

void narrow(const RowKernels&, const float* x, std::int64_t n, float* y) {
  std::copy_n(x, n, y);
}
void narrow(const RowKernels& rows, const float* x, std::int64_t n, std::uint16_t* y) {
  rows.to_bf16(x, n, y);
}

std::int64_t seen_keys(const AttentionShape& shape) {
  return shape.window > 0 ? std::min(shape.window, shape.past + 1) : shape.past + 1;
}

// What one part leaves: the heads' outputs as if its keys were all, and the log-sum-exp of their scores.
struct PartScratch {
  float *scores, *out, *log_sum_exp, *tile;
  void *queries, *keys;  // elements of the product's type: a panel of heads, a strip of keys
  std::int64_t score_stride, bytes;

  PartScratch(const AttentionShape& shape, int part, int parts, void* memory) {
    score_stride = rounded_up(seen_keys(shape) / parts + 1, 16);
    ScratchCutter cut(memory);
    for (int i = 0; i <= part; ++i) {
      scores = cut.take<float>(shape.heads / shape.kv_heads * score_stride);
      out = cut.take<float>(shape.heads * shape.head_dim);
      log_sum_exp = cut.take<float>(shape.heads);
      tile = cut.take<float>(kMostTileRows * kHeadsAtOnce);
      queries = cut.take<float>(kHeadsAtOnce * shape.head_dim);
      keys = cut.take<float>(kMostTileRows * kTileStride<float>);
    }
    bytes = cut.bytes();
  }
};

template <typename T>
class TokenPart {
 public:
  TokenPart(Isa isa, const AttentionShape& shape, const AttentionInputs<T>& inputs, int part, int parts, void* scratch)
      : kernels_(isa), rows_(row_kernels(isa)), shape_(shape), inputs_(inputs), scratch_(shape, part, parts, scratch) {
    const std::int64_t first = shape.past + 1 - seen_keys(shape);
    begin_ = first + seen_keys(shape) * part / parts;
    keys_ = first + seen_keys(shape) * (part + 1) / parts - begin_;
  }

  void run() {
    const std::int64_t dim = shape_.head_dim, group = shape_.heads / shape_.kv_heads;
    std::fill_n(scratch_.out, shape_.heads * dim, 0.0f);
    for (std::int64_t kv_head = 0; kv_head < shape_.kv_heads; ++kv_head) {
      const std::int64_t stride = shape_.kv_stride > 0 ? shape_.kv_stride : (shape_.past + 1) * dim;
      const std::int64_t at = kv_head * stride + begin_ * dim;
      attend(kv_head * group, group, inputs_.k + at, inputs_.v + at);
    }
  }

 private:
  void attend(std::int64_t first_head, std::int64_t group, const T* k, const T* v) {
    const std::int64_t dim = shape_.head_dim, stride = scratch_.score_stride;
    float* out = scratch_.out + first_head * dim;
    for (std::int64_t head = 0; head < group; head += kHeadsAtOnce)
      score(inputs_.q + (first_head + head) * dim, std::min(kHeadsAtOnce, group - head), k,
            scratch_.scores + head * stride);
    for (std::int64_t head = 0; head < group; ++head) {
      float* scores = scratch_.scores + head * stride;
      const bool capped = shape_.softcap > 0;
      if (capped) kernels_.loops.softcap(scores, stride, shape_.scale, shape_.softcap);
      const auto limit = static_cast<std::int32_t>(keys_);
      rows_.softmax(scores, 1, stride, &limit, keys_, capped ? 1.0f : shape_.scale,
                    scratch_.log_sum_exp + first_head + head);
    }
    for (std::int64_t key = 0; key < keys_; key += kValuesAtOnce)
      for (std::int64_t head = 0; head < group; ++head)
        kernels_.loops.weighted_sum(scratch_.scores + head * stride + key, v + key * dim,
                                    std::min(kValuesAtOnce, keys_ - key), dim, out + head * dim);
  }

  // Scores of a few heads, as a product with keys in its rows: a column a head.
  void score(const T* q, std::int64_t heads, const T* k, float* scores) {
    const std::int64_t dim = shape_.head_dim, depth = rounded_up(dim, kTileStep<T>), most = kernels_.tiles.rows;
    T *queries = static_cast<T*>(scratch_.queries), *keys = static_cast<T*>(scratch_.keys);
    kernels_.tiles.pack_columns(q, dim, heads, dim, kHeadsAtOnce, queries);
    for (std::int64_t key = 0; key < keys_; key += most) {
      const std::int64_t rows = std::min(most, keys_ - key);
      copy_tile_rows(k + key * dim, dim, rows, dim, keys);
      kernels_.tiles.multiply(keys, queries, depth, rows, kHeadsAtOnce, false, scratch_.tile);
      for (std::int64_t head = 0; head < heads; ++head)
        for (std::int64_t r = 0; r < rows; ++r)
          scores[head * scratch_.score_stride + key + r] = scratch_.tile[r * kHeadsAtOnce + head];
    }
  }

  const AttentionKernels<T> kernels_;
  const RowKernels& rows_;
  const AttentionShape& shape_;
  const AttentionInputs<T>& inputs_;
  const PartScratch scratch_;
  std::int64_t begin_ = 0, keys_ = 0;
};

}  // namespace

int attention_token_parts(const AttentionShape& shape, int threads) {
  constexpr std::int64_t kLeastKeys = 64;
  return static_cast<int>(std::clamp<std::int64_t>(seen_keys(shape) / kLeastKeys, 1, threads));
}

std::int64_t attention_token_scratch_bytes(const AttentionShape& shape, int parts) {
  return PartScratch(shape, parts - 1, parts, nullptr).bytes;
}

template <typename T>
void attention_token_part(Isa isa, const AttentionShape& shape, const AttentionInputs<T>& inputs, int part, int parts,
                          void* scratch) {
  check(shape.row_starts.size() == 2 && shape.row_starts[1] - shape.row_starts[0] == 1, "one row with one query");
  TokenPart<T>(isa, shape, inputs, part, parts, scratch).run();
}

template <typename T>
void attention_token_join(Isa isa, const AttentionShape& shape, int parts, const void* scratch, T* out) {
  void* memory = const_cast<void*>(scratch);
  const PartScratch first(shape, 0, parts, memory);
  for (std::int64_t head = 0; head < shape.heads; ++head) {
    float* sum = first.out + head * shape.head_dim;
    double largest = -std::numeric_limits<double>::infinity(), total = 0;
    for (int part = 0; part < parts; ++part)
      largest = std::fmax(largest, PartScratch(shape, part, parts, memory).log_sum_exp[head]);
    for (int part = 0; part < parts; ++part)
      total += std::exp(PartScratch(shape, part, parts, memory).log_sum_exp[head] - largest);
    for (int part = 0; part < parts; ++part) {
      const PartScratch of_part(shape, part, parts, memory);
      const auto weight = static_cast<float>(std::exp(of_part.log_sum_exp[head] - largest) / total);
      const float* from = of_part.out + head * shape.head_dim;
      for (std::int64_t i = 0; i < shape.head_dim; ++i) sum[i] = weight * from[i] + (part > 0 ? sum[i] : 0.0f);
    }
  }
  narrow(row_kernels(isa), first.out, shape.heads * shape.head_dim, out);
}

template void attention_token_part(Isa, const AttentionShape&, const AttentionInputs<float>&, int, int, void*);
template void attention_token_part(Isa, const AttentionShape&, const AttentionInputs<std::uint16_t>&, int, int, void*);
template void attention_token_join(Isa, const AttentionShape&, int, const void*, float*);
template void attention_token_join(Isa, const AttentionShape&, int, const void*, std::uint16_t*);

}  // namespace vernier
