#include "kernels/gemm_panel.h"

#include <bit>
#include <iterator>

#include "base/check.h"
#include "base/float_types.h"
#include "base/round_up.h"

namespace vernier {

namespace {

using Form = StoredMatrix::Form;

template <typename T>
constexpr Form kOwnForm = sizeof(T) == sizeof(float) ? Form::kF32 : Form::kBF16;

template <typename T>
bool stored_as_used(const StoredMatrix& matrix) {
  return matrix.form == kOwnForm<T> && matrix.scale == 1;
}

void convert(const RowKernels& rows, const float* values, std::int64_t n, std::uint16_t* out) {
  rows.to_bf16(values, n, out);
}
void convert(const RowKernels&, const float* values, std::int64_t n, float* out) {
  std::copy_n(values, n, out);
}

// Up to kAtOnce values of a row in f32, then in T.
template <typename T>
class RowReader {
 public:
  RowReader(const GemmKernels<T>& kernels, const StoredMatrix& matrix)
      : kernels_(kernels),
        matrix_(matrix),
        block_bits_(std::countr_zero(static_cast<std::uint64_t>(matrix.blocksize))) {}

  // Elements [begin, begin + n) of `row`, written from `out` on or to its second element (when codes begin in the
  // middle of a byte); gives where they begin. out has room for n + 1.
  T* read(std::int64_t row, std::int64_t begin, std::int64_t n, T* out) const {
    const std::int64_t at = row * matrix_.stride + begin;
    if (matrix_.form == Form::kNf4) {
      const std::int64_t even = at / 2 * 2;
      decode(even, at + n, out);
      return out + (at - even);
    }
    for (std::int64_t i = 0; i < n; i += kAtOnce) dense(at + i, std::min(kAtOnce, n - i), out + i);
    return out;
  }

 private:
  static constexpr std::int64_t kAtOnce = 256;
  static constexpr std::int64_t kMostAtOnce = 512, kSmallestBlock = 32;  // of a row of NF4

  // Begins at a block's start as the kernels see it, so that only the scales of these elements are needed.
  void decode(std::int64_t begin, std::int64_t end, T* out) const {
    const std::int64_t first = begin >> block_bits_, start = first << block_bits_;
    const std::int64_t last = ((end - 1) >> block_bits_) + 1;
    float restored[kMostAtOnce / kSmallestBlock + 2];
    const float* absmax = matrix_.absmax + first;
    if (matrix_.absmax == nullptr) {
      check(last - first <= std::ssize(restored), "the scales of one row's part fit");
      restore_absmax(matrix_.nested_codes, matrix_.nested_absmax, matrix_.offset, first, last, restored);
      absmax = restored;
    }
    decode(static_cast<const std::uint8_t*>(matrix_.values) + start / 2, absmax, begin - start, end - start, out);
  }
  void decode(const std::uint8_t* codes, const float* absmax, std::int64_t begin, std::int64_t end, float* out) const {
    kernels_.nf4.decode_f32(codes, absmax, matrix_.blocksize, begin, end, out);
  }
  void decode(const std::uint8_t* codes, const float* absmax, std::int64_t begin, std::int64_t end,
              std::uint16_t* out) const {
    kernels_.nf4.decode_bf16(codes, absmax, matrix_.blocksize, begin, end, out);
  }

  void dense(std::int64_t at, std::int64_t n, T* out) const {
    alignas(64) float values[kAtOnce];
    if (matrix_.form == Form::kBF16) {
      kernels_.rows.to_f32(static_cast<const std::uint16_t*>(matrix_.values) + at, n, values);
    } else if (matrix_.form == Form::kF16) {
      kernels_.rows.f16_to_f32(static_cast<const std::uint16_t*>(matrix_.values) + at, n, values);
    } else {
      const float* from = static_cast<const float*>(matrix_.values) + at;
      for (std::int64_t i = 0; i < n; ++i) values[i] = from[i] * matrix_.scale;
    }
    convert(kernels_.rows, values, n, out);
  }

  const GemmKernels<T>& kernels_;
  const StoredMatrix& matrix_;
  int block_bits_;  // blocks are powers of two
};

template <typename T>
struct Panels {
  const GemmKernels<T>& kernels;
  const DepthPiece& piece;
  std::int64_t column_begin, column_end, block_depth;
  T *panel, *decoded;

  // body(first column, columns, width, where the piece begins in that tile's panel)
  template <typename Body>
  void each_tile(const Body& body) const {
    const std::int64_t tile = kernels.tiles.columns, lanes = kernels.tiles.lanes;
    for (std::int64_t column = column_begin; column < column_end; column += tile) {
      const std::int64_t columns = std::min(tile, column_end - column), width = rounded_up(columns, lanes);
      body(column, columns, width, panel + (column - column_begin) * block_depth + piece.offset * width);
    }
  }

  // The result's columns are rows of the matrix.
  void from_rows() const {
    const StoredMatrix& matrix = piece.term->matrix;
    const RowReader<T> reader(kernels, matrix);
    each_tile([&](std::int64_t column, std::int64_t columns, std::int64_t width, T* to) {
      if (stored_as_used<T>(matrix)) {
        const T* from = static_cast<const T*>(matrix.values) + column * matrix.stride + piece.begin;
        kernels.tiles.pack_columns(from, matrix.stride, columns, piece.depth, width, to);
        return;
      }
      constexpr std::int64_t kDepth = 384 / static_cast<std::int64_t>(sizeof(T));  // of a row at a time
      constexpr std::int64_t kStride = kDepth + 64 / static_cast<std::int64_t>(sizeof(T));
      static_assert(32 * kStride * static_cast<std::int64_t>(sizeof(T)) <= kDecodedBytes);
      for (std::int64_t k = 0; k < piece.depth; k += kDepth) {
        const std::int64_t depth = std::min(kDepth, piece.depth - k);
        for (std::int64_t c = 0; c < columns; ++c) {
          T* row = decoded + c * kStride;
          T* read = reader.read(column + c, piece.begin + k, depth, row);
          if (read != row) std::copy_n(read, depth, row);
        }
        kernels.tiles.pack_columns(decoded, kStride, columns, depth, width, to + k * width);
      }
    });
  }

  // The result's columns are columns of the matrix.
  void from_columns() const {
    const StoredMatrix& matrix = piece.term->matrix;
    if (stored_as_used<T>(matrix)) {
      each_tile([&](std::int64_t column, std::int64_t columns, std::int64_t width, T* to) {
        const T* from = static_cast<const T*>(matrix.values) + piece.begin * matrix.stride + column;
        kernels.tiles.pack_rows(from, matrix.stride, columns, piece.depth, width, to);
      });
      return;
    }
    const RowReader<T> reader(kernels, matrix);
    const std::int64_t all = column_end - column_begin, stride = all + 64 / static_cast<std::int64_t>(sizeof(T));
    const std::int64_t fit = kDecodedBytes / (stride * static_cast<std::int64_t>(sizeof(T))), at_once = fit / 2 * 2;
    check(at_once >= 2, "two decoded rows fit");
    for (std::int64_t k = 0; k < piece.depth; k += at_once) {
      const std::int64_t rows = std::min(at_once, piece.depth - k);
      for (std::int64_t r = 0; r < rows; ++r) {
        T* row = decoded + r * stride;
        T* read = reader.read(piece.begin + k + r, column_begin, all, row);
        if (read != row) std::copy(read, read + all, row);
      }
      each_tile([&](std::int64_t column, std::int64_t columns, std::int64_t width, T* to) {
        kernels.tiles.pack_rows(decoded + (column - column_begin), stride, columns, rows, width, to + k * width);
      });
    }
  }
};

}  // namespace

template <typename T>
void fill_panels(const GemmKernels<T>& kernels, const DepthBlock& block, std::int64_t column_begin,
                 std::int64_t column_end, T* panel, T* decoded) {
  for (const DepthPiece& piece : block.used()) {
    const Panels<T> panels{kernels, piece, column_begin, column_end, block.depth, panel, decoded};
    piece.term->transposed ? panels.from_rows() : panels.from_columns();
  }
}

template void fill_panels(const GemmKernels<float>&, const DepthBlock&, std::int64_t, std::int64_t, float*, float*);
template void fill_panels(const GemmKernels<std::uint16_t>&, const DepthBlock&, std::int64_t, std::int64_t,
                          std::uint16_t*, std::uint16_t*);

}  // namespace vernier
