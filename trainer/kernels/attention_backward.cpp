#include <limits>

#include "base/check.h"
#include "kernels/attention.h"
#include "kernels/attention_key_sums.h"
#include "kernels/attention_scratch.h"
#include "kernels/attention_work.h"

namespace vernier {

namespace {

constexpr std::int64_t kBlock = 64;                    // queries of one head at a time
constexpr std::int64_t kMostQueryTiles = kBlock / 16;  // of the narrowest table

// How the rows of K and V lie as left operands: strips of `rows` rows, side by side as far as a tile's rows reach.
template <typename T>
struct StripLayout {
  std::int64_t rows, depth;

  std::int64_t offset(std::int64_t strip) const {
    const std::int64_t side_by_side = kPanelDepth<T> / depth;
    return strip / side_by_side * rows * kTileStride<T> + strip % side_by_side * depth;
  }
  // For any table.
  static std::int64_t elements(std::int64_t keys, std::int64_t depth) {
    return (keys / (kPanelDepth<T> / depth) + 2 * kMostTileRows) * kTileStride<T>;
  }
};

template <typename T>
struct Scratch {
  KeyGradients shared, own;  // `shared` stays for attention_add_shared
  T *key_strips, *value_strips, *keys_transposed;
  T *q_columns, *d_out_columns, *q_rows, *d_out_rows;  // panels of the block
  T *p, *d_s, *d_s_panels;
  float *scores, *d_p, *log_sum_exp, *delta, *d_q, *d_q_rows;
  std::int64_t bytes;

  Scratch(const AttentionShape& shape, void* memory) {
    const std::int64_t keys = longest_keys(shape) + kMostTileRows, depth = rounded_up(shape.head_dim, kTileStep<T>);
    const std::int64_t wide = rounded_up(shape.head_dim, kMostTileColumns);
    ScratchCutter cut(memory);
    for (KeyGradients* sums : {&shared, &own}) {
      sums->k = cut.take<float>(keys * wide);
      sums->v = cut.take<float>(keys * wide);
    }
    for (T** strips : {&key_strips, &value_strips}) *strips = cut.take<T>(StripLayout<T>::elements(keys, depth));
    keys_transposed = cut.take<T>((keys + kKeyChunk<T> - 1) / kKeyChunk<T> * shape.head_dim * kTileStride<T>);
    for (T** panel : {&q_columns, &d_out_columns, &q_rows, &d_out_rows}) *panel = cut.take<T>(kBlock * wide);
    for (T** operand : {&p, &d_s}) *operand = cut.take<T>(kMostTileRows * kTileStride<T>);
    d_s_panels = cut.take<T>(kBlock * kKeyChunk<T>);
    for (float** tile : {&scores, &d_p}) *tile = cut.take<float>(kMostTileRows * kMostTileColumns);
    for (float** row : {&log_sum_exp, &delta}) *row = cut.take<float>(kBlock);
    for (float** block : {&d_q, &d_q_rows}) *block = cut.take<float>(kBlock * wide);
    bytes = cut.bytes();
  }
};

// The block's queries in tiles, and which keys of the chunk at hand each tile sees: whole strips.
struct QueryTiles {
  std::int64_t head = 0, begin = 0, queries = 0, count = 0;
  std::int64_t key_begin[kMostQueryTiles] = {}, key_end[kMostQueryTiles] = {};
};

template <typename T>
class BackwardPart {
 public:
  BackwardPart(Isa isa, const AttentionShape& shape, const AttentionInputs<T>& inputs, const AttentionOutput<T>& output,
               const AttentionGradients<T>& gradients, void* memory)
      : kernels_(isa),
        transposing_(tile_kernels<float>(isa)),
        shape_(shape),
        inputs_(inputs),
        output_(output),
        gradients_(gradients),
        scratch_(shape, memory),
        strips_{kernels_.tiles.rows, rounded_up(shape.head_dim, kTileStep<T>)} {}

  void run(const AttentionRun& run) {
    row_ = run.row;
    const KeySums<T> keys(tiles(), shape_, run);
    base_ = keys.base();
    sums_ = run.from_start ? scratch_.own : scratch_.shared;
    lay_out_keys(keys);
    keys.clear(sums_.k);
    keys.clear(sums_.v);
    for (std::int64_t head = run.first_head; head <= run.last_head; ++head) {
      const std::int64_t end = run.head_end(head);
      for (std::int64_t query = run.head_begin(head); query < end; query += kBlock)
        block(keys, head, query, std::min(kBlock, end - query));
    }
    if (run.from_start) {
      keys.store(sums_.k, gradients_.d_k);
      keys.store(sums_.v, gradients_.d_v);
    }
  }

 private:
  const TileKernels<T>& tiles() const { return kernels_.tiles; }
  std::int64_t dim() const { return shape_.head_dim; }
  std::int64_t stream_width() const { return shape_.heads * dim(); }
  std::int64_t width_of(std::int64_t columns) const {
    return std::min(rounded_up(columns, tiles().lanes), tiles().columns);
  }

  void lay_out_keys(const KeySums<T>& keys) {
    const T *k = inputs_.k + keys.first_element(), *v = inputs_.v + keys.first_element();
    for (std::int64_t strip = 0; strip < keys.strips(); ++strip) {
      const std::int64_t key = base_ + strip * tiles().rows, rows = std::min(tiles().rows, keys.end() - key);
      copy_tile_rows(k + key * dim(), dim(), rows, dim(), scratch_.key_strips + strips_.offset(strip));
      copy_tile_rows(v + key * dim(), dim(), rows, dim(), scratch_.value_strips + strips_.offset(strip));
    }
    for (std::int64_t key = base_; key < keys.end(); key += kKeyChunk<T>)
      transpose_keys(k + key * dim(), std::min(kKeyChunk<T>, keys.end() - key), transposed(key));
  }

  T* transposed(std::int64_t key) const {
    const std::int64_t chunk = (key - base_) / kKeyChunk<T>;
    return scratch_.keys_transposed + chunk * dim() * kTileStride<T> + (key - base_) % kKeyChunk<T>;
  }

  // [keys, D] to rows of D, kTileStride apart: packed for the steps of a reduction over the keys, then mirrored step by
  // step.
  void transpose_keys(const T* k, std::int64_t keys, T* out) {
    const std::int64_t wide = rounded_up(dim(), tiles().lanes);
    T* steps = reinterpret_cast<T*>(sums_.k);  // not in use yet
    tiles().pack_rows(k, dim(), dim(), keys, wide, steps);
    transposing_.pack_columns(reinterpret_cast<const float*>(steps), wide,
                              rounded_up(keys, kTileStep<T>) / kTileStep<T>, dim(), kTileStride<T> / kTileStep<T>,
                              reinterpret_cast<float*>(out));
  }

  void block(const KeySums<T>& keys, std::int64_t head, std::int64_t query, std::int64_t queries) {
    QueryTiles tile{head, query, queries, (queries + tiles().columns - 1) / tiles().columns};
    lay_out_queries(tile);
    bool begun[kMostQueryTiles] = {};
    const std::int64_t key_end = row_.key_end(query + queries);
    for (std::int64_t chunk = base_; chunk < key_end; chunk += kKeyChunk<T>) {
      const std::int64_t first_strip = see_keys(tile, chunk, std::min(chunk + kKeyChunk<T>, key_end));
      for (std::int64_t key = first_strip; key < std::min(chunk + kKeyChunk<T>, key_end); key += tiles().rows)
        strip(keys, tile, key, std::min(tiles().rows, key_end - key));
      for (std::int64_t t = 0; t < tile.count; ++t) query_gradient(tile, t, begun[t]);
    }
    store_query_gradient(tile);
  }

  // Sets the keys of [begin, end) that each tile sees; gives the first of any.
  std::int64_t see_keys(QueryTiles& tile, std::int64_t begin, std::int64_t end) const {
    const std::int64_t rows = tiles().rows, columns = tiles().columns;
    for (std::int64_t t = 0; t < tile.count; ++t) {
      const std::int64_t query = tile.begin + t * columns;
      const std::int64_t first = base_ + (row_.key_begin(query) - base_) / rows * rows;
      const std::int64_t past = row_.key_end(std::min(query + columns, tile.begin + tile.queries));
      tile.key_begin[t] = std::max(begin, first);
      tile.key_end[t] = std::min(end, base_ + rounded_up(past - base_, rows));
    }
    return tile.key_begin[0];
  }

  void lay_out_queries(const QueryTiles& tile) {
    const T* q = inputs_.q + (row_.start * shape_.heads + tile.head * row_.queries + tile.begin) * dim();
    const std::int64_t in_stream = (row_.start + tile.begin) * stream_width() + tile.head * dim();
    const T* d_out = gradients_.d_out + in_stream;
    for (std::int64_t query = 0; query < tile.queries; query += tiles().columns) {
      const std::int64_t left = tile.queries - query, columns = std::min(tiles().columns, left);
      const std::int64_t at = query * strips_.depth, width = width_of(left);
      tiles().pack_columns(q + query * dim(), dim(), columns, dim(), width, scratch_.q_columns + at);
      tiles().pack_columns(d_out + query * stream_width(), stream_width(), columns, dim(), width,
                           scratch_.d_out_columns + at);
    }
    for (std::int64_t column = 0; column < dim(); column += tiles().columns) {
      const std::int64_t columns = std::min(tiles().columns, dim() - column), width = width_of(dim() - column);
      tiles().pack_rows(q + column, dim(), columns, tile.queries, width, scratch_.q_rows + column * kBlock);
      tiles().pack_rows(d_out + column, stream_width(), columns, tile.queries, width,
                        scratch_.d_out_rows + column * kBlock);
    }
    const float* lse = output_.log_sum_exp + tile.head * shape_.row_starts.back() + row_.start + tile.begin;
    std::copy_n(lse, tile.queries, scratch_.log_sum_exp);
    // Columns beyond the queries get no probability.
    std::fill(scratch_.log_sum_exp + tile.queries, scratch_.log_sum_exp + kBlock,
              std::numeric_limits<float>::infinity());
    kernels_.loops.row_dots(output_.out + in_stream, stream_width(), d_out, stream_width(), tile.queries, dim(),
                            scratch_.delta);
    std::fill(scratch_.delta + tile.queries, scratch_.delta + kBlock, 0.0f);
  }

  // Keys [key, key + rows) against the query tiles that see them: P^T and dS^T, and what they add to dV and dK.
  void strip(const KeySums<T>& keys, const QueryTiles& tile, std::int64_t key, std::int64_t rows) {
    const std::int64_t index = (key - base_) / tiles().rows, columns = tiles().columns;
    std::int64_t first = 0, last = 0;
    for (std::int64_t t = 0; t < tile.count; ++t) {
      if (key >= tile.key_end[t]) first = t + 1;
      if (key >= tile.key_begin[t]) last = t + 1;
    }
    for (std::int64_t t = first; t < last; ++t) score_gradient(tile, t, key, rows, index);
    const std::int64_t begin = first * columns, end = std::min(last * columns, tile.queries);
    const std::int64_t depth = rounded_up(end - begin, kTileStep<T>);
    for (std::int64_t column = 0; column < dim() && begin < end; column += columns) {
      const std::int64_t width = width_of(dim() - column), panel = column * kBlock + begin * width;
      const std::int64_t at = keys.tile_at(index, column);
      tiles().multiply(scratch_.p + begin, scratch_.d_out_rows + panel, depth, rows, width, true, sums_.v + at);
      tiles().multiply(scratch_.d_s + begin, scratch_.q_rows + panel, depth, rows, width, true, sums_.k + at);
    }
  }

  void score_gradient(const QueryTiles& tile, std::int64_t t, std::int64_t key, std::int64_t rows, std::int64_t index) {
    const std::int64_t query = t * tiles().columns, width = width_of(tile.queries - query);
    const std::int64_t strip = strips_.offset(index), panel = query * strips_.depth;
    tiles().multiply(scratch_.key_strips + strip, scratch_.q_columns + panel, strips_.depth, rows, width, false,
                     scratch_.scores);
    tiles().multiply(scratch_.value_strips + strip, scratch_.d_out_columns + panel, strips_.depth, rows, width, false,
                     scratch_.d_p);
    if (shape_.softcap > 0) kernels_.loops.softcap(scratch_.scores, rows * width, shape_.scale, shape_.softcap);
    const std::int64_t begin = key - (tile.begin + query);
    kernels_.loops.score_gradient(scratch_.scores, scratch_.d_p, rows, width, scratch_.log_sum_exp + query,
                                  scratch_.delta + query, shape_.scale, shape_.softcap, begin,
                                  shape_.window > 0 ? begin + shape_.window : width, scratch_.p + query,
                                  scratch_.d_s + query);
    tiles().pack_rows(scratch_.d_s + query, kTileStride<T>, width, rows, width,
                      d_s_panel(t) + (key - tile.key_begin[t]) * width);
  }
  T* d_s_panel(std::int64_t t) const { return scratch_.d_s_panels + t * tiles().columns * kKeyChunk<T>; }

  // dQ^T of a tile, with the keys of the chunk at hand.
  void query_gradient(const QueryTiles& tile, std::int64_t t, bool& begun) {
    const std::int64_t keys = tile.key_end[t] - tile.key_begin[t], query = t * tiles().columns;
    if (keys <= 0) return;
    const std::int64_t width = width_of(tile.queries - query), depth = rounded_up(keys, kTileStep<T>);
    const T* k = transposed(tile.key_begin[t]);
    for (std::int64_t d = 0; d < dim(); d += tiles().rows)
      tiles().multiply(k + d * kTileStride<T>, d_s_panel(t), depth, std::min(tiles().rows, dim() - d), width, begun,
                       scratch_.d_q + query * dim() + d * width);
    begun = true;
  }

  void store_query_gradient(const QueryTiles& tile) {
    float* out = gradients_.d_q + (row_.start * shape_.heads + tile.head * row_.queries + tile.begin) * dim();
    const std::int64_t wide = rounded_up(dim(), tiles().lanes);
    for (std::int64_t query = 0; query < tile.queries; query += tiles().columns, out += tiles().columns * dim()) {
      const std::int64_t queries = std::min(tiles().columns, tile.queries - query);
      float* rows = wide == dim() ? out : scratch_.d_q_rows;
      transposing_.pack_columns(scratch_.d_q + query * dim(), width_of(tile.queries - query), dim(), queries, wide,
                                rows);
      if (rows == out) continue;
      for (std::int64_t r = 0; r < queries; ++r) std::copy_n(rows + r * wide, dim(), out + r * dim());
    }
  }

  const AttentionKernels<T> kernels_;
  const TileKernels<float>& transposing_;
  const AttentionShape& shape_;
  const AttentionInputs<T>& inputs_;
  const AttentionOutput<T>& output_;
  const AttentionGradients<T>& gradients_;
  const Scratch<T> scratch_;
  const StripLayout<T> strips_;
  AttentionRow row_;
  std::int64_t base_ = 0;
  KeyGradients sums_{};
};

}  // namespace

template <typename T>
std::int64_t attention_backward_scratch_bytes(const AttentionShape& shape) {
  return Scratch<T>(shape, nullptr).bytes;
}

template <typename T>
void attention_backward_part(Isa isa, const AttentionShape& shape, const AttentionInputs<T>& inputs,
                             const AttentionOutput<T>& output, const AttentionGradients<T>& gradients, int part,
                             int parts, void* scratch) {
  check(shape.head_dim <= kPanelDepth<T>, "a head that one panel holds");
  check(shape.past == 0 && shape.kv_stride == 0, "attention's backward pass has no cache");
  BackwardPart<T> backward(isa, shape, inputs, output, gradients, scratch);
  AttentionWork work(shape, part, parts);
  for (AttentionRun run; work.next(run);) backward.run(run);
}

template <typename T>
void attention_add_shared(Isa isa, const AttentionShape& shape, const AttentionGradients<T>& gradients, int part,
                          int parts, const void* scratch, int slice, int slices) {
  AttentionRun run;
  if (AttentionWork work(shape, part, parts); !work.next(run) || run.from_start) return;
  const KeySums<T> keys(tile_kernels<T>(isa), shape, run);
  const KeyGradients sums = Scratch<T>(shape, const_cast<void*>(scratch)).shared;
  keys.add_slice(sums.k, slice, slices, gradients.d_k);
  keys.add_slice(sums.v, slice, slices, gradients.d_v);
}

template std::int64_t attention_backward_scratch_bytes<float>(const AttentionShape&);
template std::int64_t attention_backward_scratch_bytes<std::uint16_t>(const AttentionShape&);
template void attention_backward_part(Isa, const AttentionShape&, const AttentionInputs<float>&,
                                      const AttentionOutput<float>&, const AttentionGradients<float>&, int, int, void*);
template void attention_backward_part(Isa, const AttentionShape&, const AttentionInputs<std::uint16_t>&,
                                      const AttentionOutput<std::uint16_t>&, const AttentionGradients<std::uint16_t>&,
                                      int, int, void*);
template void attention_add_shared(Isa, const AttentionShape&, const AttentionGradients<float>&, int, int, const void*,
                                   int, int);
template void attention_add_shared(Isa, const AttentionShape&, const AttentionGradients<std::uint16_t>&, int, int,
                                   const void*, int, int);

}  // namespace vernier
