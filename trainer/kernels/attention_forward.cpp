#include "base/check.h"
#include "kernels/attention.h"
#include "kernels/attention_scratch.h"
#include "kernels/attention_work.h"

namespace vernier {

namespace {

template <typename T>
struct Scratch {
  T *key_panels, *value_panels, *query, *p;
  float *scores, *sums;
  std::int64_t bytes;

  Scratch(const AttentionShape& shape, void* memory) {
    const std::int64_t keys = rounded_up(longest_keys(shape) + kAttentionUnit, kMostTileColumns);
    const std::int64_t chunks = (keys + kKeyChunk<T> - 1) / kKeyChunk<T>;
    ScratchCutter cut(memory);
    key_panels = cut.take<T>(keys * rounded_up(shape.head_dim, kTileStep<T>));
    value_panels = cut.take<T>(keys * rounded_up(shape.head_dim, kMostTileColumns));
    query = cut.take<T>(kMostTileRows * kTileStride<T>);
    p = cut.take<T>(chunks * kMostTileRows * kTileStride<T>);
    scores = cut.take<float>(kMostTileRows * keys);
    sums = cut.take<float>(kMostTileRows * kMostTileColumns);
    bytes = cut.bytes();
  }
};

template <typename T>
class ForwardPart {
 public:
  ForwardPart(Isa isa, const AttentionShape& shape, const AttentionInputs<T>& inputs, const AttentionOutput<T>& output,
              void* memory)
      : kernels_(isa), shape_(shape), inputs_(inputs), output_(output), scratch_(shape, memory) {}

  void run(const AttentionRun& run) {
    run_ = run;
    first_key_ = run.key_begin() / kAttentionUnit * kAttentionUnit;
    pack();
    for (std::int64_t head = run.first_head; head <= run.last_head; ++head) {
      const std::int64_t end = run.head_end(head);
      for (std::int64_t query = run.head_begin(head); query < end; query += tiles().rows)
        strip(head, query, std::min(tiles().rows, end - query));
    }
  }

 private:
  const TileKernels<T>& tiles() const { return kernels_.tiles; }
  std::int64_t dim() const { return shape_.head_dim; }

  std::int64_t width_of(std::int64_t columns) const {
    return std::min(rounded_up(columns, tiles().lanes), tiles().columns);
  }

  const T* kv_head(const T* of_all) const {
    const std::int64_t keys = run_.row.keys(), stride = shape_.kv_stride > 0 ? shape_.kv_stride : keys * dim();
    return of_all + run_.row.start * shape_.kv_heads * dim() + run_.kv_head * stride;
  }

  // Panels of keys as columns, and of values with the keys as depth, a tile of D after the other.
  void pack() {
    const std::int64_t end = run_.key_end(), tile = tiles().columns;
    const T* keys = kv_head(inputs_.k);
    for (std::int64_t key = first_key_; key < end; key += tile)
      tiles().pack_columns(keys + key * dim(), dim(), std::min(tile, end - key), dim(), tile, key_panel(key));
    const T* values = kv_head(inputs_.v) + first_key_ * dim();
    for (std::int64_t column = 0; column < dim(); column += tile)
      tiles().pack_rows(values + column, dim(), std::min(tile, dim() - column), end - first_key_,
                        width_of(dim() - column), value_panel(column, first_key_));
  }
  T* key_panel(std::int64_t key) const {
    return scratch_.key_panels + (key - first_key_) * rounded_up(dim(), kTileStep<T>);
  }
  T* value_panel(std::int64_t column, std::int64_t key) const {
    const std::int64_t depth = rounded_up(run_.key_end() - first_key_, kTileStep<T>);
    return scratch_.value_panels + column * depth + (key - first_key_) * width_of(dim() - column);
  }

  // Queries [query, query + rows) of one head.
  void strip(std::int64_t head, std::int64_t query, std::int64_t rows) {
    const AttentionRow& row = run_.row;
    const std::int64_t first = row.key_begin(query) / kAttentionUnit * kAttentionUnit;
    const std::int64_t columns = row.key_end(query + rows) - first;
    const T* q = inputs_.q + (row.start * shape_.heads + head * row.queries + query) * dim();
    copy_tile_rows(q, dim(), rows, dim(), scratch_.query);
    scores(first, rows, columns);
    float inverse_sum[kMostTileRows], log_sum_exp[kMostTileRows];
    kernels_.loops.softmax(scratch_.scores, rows, columns, row.key_end(query + 1) - first, shape_.window, kMostTileRows,
                           shape_.softcap > 0 ? 1.0f : shape_.scale, scratch_.p, inverse_sum, log_sum_exp);
    values(first, rows, columns, inverse_sum, output_.out + (row.start + query) * shape_.heads * dim() + head * dim());
    if (output_.log_sum_exp != nullptr)
      std::copy_n(log_sum_exp, rows, output_.log_sum_exp + head * shape_.row_starts.back() + row.start + query);
  }

  // Q K^T against keys [first, first + columns).
  void scores(std::int64_t first, std::int64_t rows, std::int64_t columns) {
    const std::int64_t depth = rounded_up(dim(), kTileStep<T>), tile = tiles().columns;
    float* to = scratch_.scores;
    for (std::int64_t column = 0; column < columns; column += tile, to += rows * tile)
      tiles().multiply(scratch_.query, key_panel(first + column), depth, rows, tile, false, to);
    if (shape_.softcap > 0) kernels_.loops.softcap(scratch_.scores, to - scratch_.scores, shape_.scale, shape_.softcap);
  }

  void values(std::int64_t first, std::int64_t rows, std::int64_t columns, const float* inverse_sum, T* out) {
    for (std::int64_t column = 0; column < dim(); column += tiles().columns) {
      const std::int64_t width = width_of(dim() - column);
      const T* p = scratch_.p;
      for (std::int64_t key = 0; key < columns; key += kKeyChunk<T>, p += kMostTileRows * kTileStride<T>) {
        const std::int64_t depth = rounded_up(std::min(kKeyChunk<T>, columns - key), kTileStep<T>);
        tiles().multiply(p, value_panel(column, first + key), depth, rows, width, key > 0, scratch_.sums);
      }
      kernels_.loops.store_scaled(scratch_.sums, rows, width, std::min(tiles().columns, dim() - column), inverse_sum,
                                  out + column, shape_.heads * dim());
    }
  }

  const AttentionKernels<T> kernels_;
  const AttentionShape& shape_;
  const AttentionInputs<T>& inputs_;
  const AttentionOutput<T>& output_;
  const Scratch<T> scratch_;
  AttentionRun run_;
  std::int64_t first_key_ = 0;
};

}  // namespace

template <typename T>
std::int64_t attention_scratch_bytes(const AttentionShape& shape) {
  return Scratch<T>(shape, nullptr).bytes;
}

template <typename T>
void attention_part(Isa isa, const AttentionShape& shape, const AttentionInputs<T>& inputs,
                    const AttentionOutput<T>& output, int part, int parts, void* scratch) {
  check(shape.head_dim <= kPanelDepth<T>, "a head that one panel holds");
  ForwardPart<T> forward(isa, shape, inputs, output, scratch);
  AttentionWork work(shape, part, parts);
  for (AttentionRun run; work.next(run);) forward.run(run);
}

template std::int64_t attention_scratch_bytes<float>(const AttentionShape&);
template std::int64_t attention_scratch_bytes<std::uint16_t>(const AttentionShape&);
template void attention_part(Isa, const AttentionShape&, const AttentionInputs<float>&, const AttentionOutput<float>&,
                             int, int, void*);
template void attention_part(Isa, const AttentionShape&, const AttentionInputs<std::uint16_t>&,
                             const AttentionOutput<std::uint16_t>&, int, int, void*);

}  // namespace vernier
