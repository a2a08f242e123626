#include "tensor/cpu_products.h"

#include <algorithm>

#include "base/check.h"
#include "tensor/parallel.h"

namespace vernier {

namespace {

using Form = StoredMatrix::Form;

constexpr std::int64_t kRowsOfPacking = 16;

Form stored_form(const at::Tensor& dense) {
  if (dense.scalar_type() == at::kFloat) return Form::kF32;
  return dense.scalar_type() == at::kHalf ? Form::kF16 : Form::kBF16;
}

// Threads as a grid over the result: few columns leave threads that then share the rows, each decoding for itself.
struct Grid {
  int row_parts = 1, column_parts = 1;

  Grid(int threads, std::int64_t rows, std::int64_t tiles, std::int64_t tile_rows) {
    constexpr std::int64_t kPackCost = 2;  // of a tile's panel, in strips of rows
    std::int64_t least = -1;
    for (int parts = 1; parts <= threads; ++parts) {
      if (threads % parts != 0) continue;
      const int columns = threads / parts;
      const std::int64_t strips = ((rows + parts - 1) / parts + tile_rows - 1) / tile_rows;
      const std::int64_t cost = (tiles + columns - 1) / columns * (strips + kPackCost);
      if (least >= 0 && cost >= least) continue;
      least = cost;
      row_parts = parts;
      column_parts = columns;
    }
  }
};

// What a tile's columns cost: the products of its rows, and packing its panel, which takes as long as a few rows.
std::int64_t work_of_tile(const Gemm& gemm) {
  std::int64_t depth = 0;
  for (const GemmTerm& term : gemm.terms) depth += term.depth;
  return std::max<std::int64_t>(1, depth) * (gemm.rows + kRowsOfPacking);
}

// at / unit, rounded up; at may be negative.
std::int64_t quotient_up(std::int64_t at, std::int64_t unit) {
  return at <= 0 ? at / unit : (at - 1) / unit + 1;
}

}  // namespace

void CpuProducts::run(std::span<const Product> products) {
  if (products.empty()) return;
  products[0].terms[0].x.scalar_type() == at::kFloat ? run_as<float>(products) : run_as<std::uint16_t>(products);
}

StoredMatrix CpuProducts::stored(const WeightView& weight) {
  if (weight.nf4 == nullptr) {
    return {.form = stored_form(weight.dense),
            .values = weight.dense.data_ptr(),
            .stride = weight.dense.stride(0),
            .scale = weight.scale};
  }
  const Nf4View& matrix = *weight.nf4;
  StoredMatrix stored{.form = Form::kNf4,
                      .values = matrix.codes.data_ptr(),
                      .stride = matrix.cols,
                      .offset = matrix.offset,
                      .blocksize = matrix.blocksize};
  if (matrix.absmax.defined()) {
    stored.absmax = static_cast<const float*>(matrix.absmax.data_ptr());
  } else {
    stored.nested_codes = static_cast<const std::uint8_t*>(matrix.nested_codes.data_ptr());
    stored.nested_absmax = static_cast<const float*>(matrix.nested_absmax.data_ptr());
  }
  return stored;
}

GemmResult CpuProducts::result_of(const Product& product) {
  switch (product.result) {
    case Product::Result::kAdd:
      return GemmResult::kAdd;
    case Product::Result::kAddTransposed:
      return GemmResult::kAddTransposed;
    case Product::Result::kStore:
      break;
  }
  return product.out.scalar_type() == at::kFloat ? GemmResult::kStoreF32 : GemmResult::kStore;
}

void CpuProducts::describe(std::span<const Product> products) {
  std::size_t count = 0;
  for (const Product& product : products) count += product.terms.size();
  terms_.clear();
  terms_.reserve(count);
  gemms_.clear();
  for (const Product& product : products) {
    const std::size_t first = terms_.size();
    for (const ProductTerm& term : product.terms)
      terms_.push_back({term.x.data_ptr(), term.x.stride(0), term.x.size(term.x_transposed ? 0 : 1), term.x_transposed,
                        stored(term.weight), term.transposed});
    Gemm gemm;
    gemm.result = result_of(product);
    const bool transposed = gemm.result == GemmResult::kAddTransposed;
    gemm.rows = product.out.size(transposed ? 1 : 0);
    gemm.columns = product.out.size(transposed ? 0 : 1);
    gemm.terms = {terms_.data() + first, product.terms.size()};
    gemm.out = product.out.data_ptr();
    gemm.out_stride = product.out.stride(0);
    gemm.scale = product.scale;
    if (product.addend.defined()) {
      gemm.addend = static_cast<const float*>(product.addend.data_ptr());
      gemm.addend_stride = product.addend.stride(0);
    }
    gemms_.push_back(gemm);
  }
}

template <typename T>
void CpuProducts::run_as(std::span<const Product> products) {
  describe(products);
  const GemmKernels<T> kernels{tile_kernels<T>(isa_), nf4_kernels(isa_), row_kernels(isa_)};
  const std::int64_t tile = kernels.tiles.columns;
  const auto tiles_of = [&](const Gemm& gemm) { return (gemm.columns + tile - 1) / tile; };
  std::int64_t tiles = 0, rows = 0, work = 0;
  for (const Gemm& gemm : gemms_) {
    tiles += tiles_of(gemm);
    work += tiles_of(gemm) * work_of_tile(gemm);
    rows = std::max(rows, gemm.rows);
  }
  scratch_.reserve(parallel_width(), gemm_scratch_bytes());
  parallel_threads([&](int thread, int threads) {
    const Grid grid(threads, rows, tiles, kernels.tiles.rows);
    const int row_part = thread % grid.row_parts, column_part = thread / grid.row_parts;
    std::int64_t begin = work * column_part / grid.column_parts, end = work * (column_part + 1) / grid.column_parts;
    for (const Gemm& gemm : gemms_) {
      const std::int64_t mine = tiles_of(gemm), tile_work = work_of_tile(gemm);
      const auto tile_at = [&](std::int64_t at) {
        return std::clamp<std::int64_t>(quotient_up(at, tile_work), 0, mine);
      };
      gemm_part(kernels, gemm, tile_at(begin) * tile, std::min(tile_at(end) * tile, gemm.columns),
                gemm.rows * row_part / grid.row_parts, gemm.rows * (row_part + 1) / grid.row_parts,
                scratch_.of(thread));
      begin -= mine * tile_work;
      end -= mine * tile_work;
    }
  });
}

}  // namespace vernier
