#include "kernels/gemm.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <memory>

#include "base/float_types.h"
#include "base/text.h"
#include "kernels/rows_support.h"

namespace vernier {
namespace {

using Form = StoredMatrix::Form;

constexpr Isa kIsas[] = {Isa::kScalar, Isa::kAvx2, Isa::kAvx512};

template <typename T>
bool runs(Isa isa) {
  return isa_supported(isa) && (sizeof(T) == 4 || isa != Isa::kAvx512 || bf16_supported());
}

float rounded(float value, float) {
  return value;
}
float rounded(float value, std::uint16_t) {
  return bf16_to_f32(f32_to_bf16(value));
}
void put(float value, float& out) {
  out = value;
}
void put(float value, std::uint16_t& out) {
  out = f32_to_bf16(value);
}

// A matrix in one of the forms, and what its values are in the product.
struct Matrix {
  std::int64_t rows, cols;
  std::vector<float> f32, absmax;
  std::vector<std::uint16_t> half;
  std::vector<std::uint8_t> codes;
  StoredMatrix stored;

  Matrix(Form form, std::int64_t n_rows, std::int64_t n_cols, std::uint64_t seed, float scale = 1)
      : rows(n_rows), cols(n_cols), f32(values(static_cast<std::size_t>(n_rows * n_cols), seed)) {
    stored.form = form;
    stored.stride = cols;
    stored.scale = scale;
    stored.values = f32.data();
    const std::int64_t n = rows * cols;
    if (form == Form::kNf4) {
      stored.blocksize = 32;
      codes.resize(static_cast<std::size_t>((n + 1) / 2));
      absmax.resize(static_cast<std::size_t>((n + 31) / 32));
      nf4_quantize(f32.data(), n, 32, codes.data(), absmax.data());
      nf4_kernels(Isa::kScalar).decode_f32(codes.data(), absmax.data(), 32, 0, n, f32.data());
      stored.values = codes.data();
      stored.absmax = absmax.data();
    } else if (form != Form::kF32) {
      for (float& value : f32) {
        half.push_back(form == Form::kF16 ? f32_to_f16(value) : f32_to_bf16(value));
        value = form == Form::kF16 ? f16_to_f32(half.back()) : bf16_to_f32(half.back());
      }
      stored.values = half.data();
    } else {
      for (float& value : f32) value *= scale;
      unscaled_ = f32;
      for (float& value : unscaled_) value /= scale;
      stored.values = unscaled_.data();
    }
  }

 private:
  std::vector<float> unscaled_;
};

template <typename T>
struct Term {
  Matrix matrix;
  bool transposed, a_transposed;
  std::int64_t depth;
  std::vector<T> a;

  Term(Form form, std::int64_t rows, std::int64_t columns, std::int64_t n_depth, bool matrix_transposed,
       bool input_transposed, std::uint64_t seed, float scale = 1)
      : matrix(form, matrix_transposed ? columns : n_depth, matrix_transposed ? n_depth : columns, seed, scale),
        transposed(matrix_transposed),
        a_transposed(input_transposed),
        depth(n_depth),
        a(static_cast<std::size_t>(rows * n_depth)) {
    const auto from = values(a.size(), seed + 1);
    for (std::size_t i = 0; i < a.size(); ++i) put(from[i], a[i]);
    rows_ = rows;
  }

  GemmTerm term() const {
    return {a.data(), a_transposed ? rows_ : depth, depth, a_transposed, matrix.stored, transposed};
  }
  double input(std::int64_t row, std::int64_t k) const {
    const T value = a[static_cast<std::size_t>(a_transposed ? k * rows_ + row : row * depth + k)];
    if constexpr (sizeof(T) == 4) return value;
    return bf16_to_f32(static_cast<std::uint16_t>(value));
  }
  double weight(std::int64_t k, std::int64_t column) const {
    const std::int64_t at = transposed ? column * depth + k : k * matrix.cols + column;
    return static_cast<double>(rounded(matrix.f32[static_cast<std::size_t>(at)], T{}));
  }

 private:
  std::int64_t rows_;
};

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

template <typename T>
struct Problem {
  std::int64_t rows, columns;
  std::vector<Term<T>> terms;

  // The sum, and the sum of the magnitudes for the tolerance.
  std::pair<double, double> expected(std::int64_t row, std::int64_t column) const {
    double sum = 0, magnitude = 0;
    for (const Term<T>& term : terms)
      for (std::int64_t k = 0; k < term.depth; ++k) {
        const double product = term.input(row, k) * term.weight(k, column);
        sum += product;
        magnitude += std::abs(product);
      }
    return {sum, magnitude};
  }

  // f32 results, computed in `parts` x `parts` parts.
  std::vector<float> run(Isa isa, std::int64_t parts) const {
    std::vector<float> out(static_cast<std::size_t>(rows * columns), 1e30f);
    std::vector<GemmTerm> list;
    for (const Term<T>& term : terms) list.push_back(term.term());
    Gemm gemm;
    gemm.rows = rows;
    gemm.columns = columns;
    gemm.terms = list;
    gemm.result = GemmResult::kStoreF32;
    gemm.out = out.data();
    gemm.out_stride = columns;
    run(isa, gemm, parts);
    return out;
  }

  static void run(Isa isa, const Gemm& gemm, std::int64_t parts) {
    const GemmKernels<T> kernels{tile_kernels<T>(isa), nf4_kernels(isa), row_kernels(isa)};
    const std::unique_ptr<void, Free> scratch(std::aligned_alloc(64, static_cast<std::size_t>(gemm_scratch_bytes())));
    const std::int64_t tile = kernels.tiles.columns, tiles = (gemm.columns + tile - 1) / tile;
    for (std::int64_t p = 0; p < parts; ++p)
      for (std::int64_t q = 0; q < parts; ++q)
        gemm_part(kernels, gemm, tiles * p / parts * tile, std::min(tiles * (p + 1) / parts * tile, gemm.columns),
                  gemm.rows * q / parts, gemm.rows * (q + 1) / parts, scratch.get());
  }
};

template <typename T>
void expect_right(const Problem<T>& problem, const std::string& what) {
  std::vector<float> first;
  for (const Isa isa : kIsas) {
    if (!runs<T>(isa)) continue;
    const std::vector<float> got = problem.run(isa, 1);
    for (std::int64_t r = 0; r < problem.rows; ++r)
      for (std::int64_t c = 0; c < problem.columns; ++c) {
        const auto [sum, magnitude] = problem.expected(r, c);
        ASSERT_NEAR(got[static_cast<std::size_t>(r * problem.columns + c)], sum, 2e-6 * magnitude + 1e-30)
            << what << ", " << isa_name(isa) << ", row " << r << ", column " << c;
      }
    EXPECT_EQ(problem.run(isa, 3), got) << what << ", " << isa_name(isa) << ": cut into parts";
    if (sizeof(T) != 4) continue;
    if (first.empty()) first = got;
    EXPECT_EQ(got, first) << what << ": one instruction set and another";
  }
}

template <typename T>
class GemmOf : public testing::Test {};
using Elements = testing::Types<float, std::uint16_t>;
TYPED_TEST_SUITE(GemmOf, Elements);

TYPED_TEST(GemmOf, OddShapesOfEveryForm) {
  const struct {
    std::int64_t rows, columns, depth;
  } shapes[] = {{1, 1, 1}, {1, 33, 64}, {13, 16, 31}, {12, 32, 66}, {25, 47, 96}, {64, 65, 130}, {7, 100, 17}};
  std::uint64_t seed = 1;
  for (const auto& [rows, columns, depth] : shapes)
    for (const Form form : {Form::kF32, Form::kF16, Form::kBF16, Form::kNf4})
      for (const bool transposed : {true, false})
        for (const bool a_transposed : {false, true}) {
          Problem<TypeParam> problem{rows, columns, {}};
          problem.terms.emplace_back(form, rows, columns, depth, transposed, a_transposed, seed += 2);
          expect_right(problem, str(rows, "x", columns, "x", depth, " form ", static_cast<int>(form), " ", transposed,
                                    a_transposed));
        }
}

TYPED_TEST(GemmOf, TermsShareOneSum) {
  Problem<TypeParam> forward{29, 70, {}}, backward{29, 70, {}};
  forward.terms.emplace_back(Form::kNf4, 29, 70, 95, true, false, 3);
  forward.terms.emplace_back(Form::kF32, 29, 70, 5, true, false, 5, 0.25f);
  expect_right(forward, "weight and adapter");
  for (const std::int64_t depth : {40, 31, 64}) {
    backward.terms.emplace_back(Form::kNf4, 29, 70, depth, false, false, static_cast<std::uint64_t>(depth));
    backward.terms.emplace_back(Form::kF32, 29, 70, 4, false, false, static_cast<std::uint64_t>(depth + 1));
  }
  expect_right(backward, "three linears and their adapters");
}

TYPED_TEST(GemmOf, DeeperThanAPanelAndMoreRowsThanAChunk) {
  Problem<TypeParam> deep{15, 40, {}}, tall{1000, 3, {}};
  deep.terms.emplace_back(Form::kNf4, 15, 40, 3 * kPanelDepth<TypeParam> + 7, true, false, 9);
  deep.terms.emplace_back(Form::kF32, 15, 40, 8, true, false, 11, 2.0f);
  expect_right(deep, "deep, rows of the matrix");
  deep.terms.clear();
  deep.terms.emplace_back(Form::kBF16, 15, 40, 2 * kPanelDepth<TypeParam> + 1, false, false, 13);
  expect_right(deep, "deep, columns of the matrix");
  tall.terms.emplace_back(Form::kNf4, 1000, 3, kPanelDepth<TypeParam> + 64, true, false, 15);
  expect_right(tall, "tall");
}

TYPED_TEST(GemmOf, ManyTermsOverflowOneBlock) {
  Problem<TypeParam> problem{3, 20, {}};
  for (std::uint64_t i = 0; i < 30; ++i) problem.terms.emplace_back(Form::kF32, 3, 20, 3, true, false, 20 + i);
  expect_right(problem, "thirty terms");
}

TYPED_TEST(GemmOf, ResultsAreStoredAddedAndTransposed) {
  Problem<TypeParam> problem{14, 37, {}};
  problem.terms.emplace_back(Form::kNf4, 14, 37, 50, true, false, 17);
  const std::vector<float> sum = problem.run(Isa::kScalar, 1);
  const std::vector<GemmTerm> list = {problem.terms[0].term()};
  Gemm gemm;
  gemm.rows = 14;
  gemm.columns = 37;
  gemm.terms = list;
  gemm.scale = 0.5f;
  for (const Isa isa : kIsas) {
    if (!runs<TypeParam>(isa)) continue;
    const std::vector<float> own = problem.run(isa, 1);
    std::vector<TypeParam> stored(own.size()), expected(own.size());
    for (std::size_t i = 0; i < own.size(); ++i) put(own[i], expected[i]);
    gemm.result = GemmResult::kStore;
    gemm.out = stored.data();
    gemm.out_stride = 37;
    Problem<TypeParam>::run(isa, gemm, 2);
    EXPECT_EQ(stored, expected) << isa_name(isa);

    const std::vector<float> addend = values(own.size(), 5);
    std::vector<float> added(own.size()), mirrored(own.size(), 1.0f);
    gemm.result = GemmResult::kAdd;
    gemm.out = added.data();
    gemm.addend = addend.data();
    gemm.addend_stride = 37;
    Problem<TypeParam>::run(isa, gemm, 2);
    gemm.result = GemmResult::kAddTransposed;
    gemm.out = mirrored.data();
    gemm.out_stride = 14;
    Problem<TypeParam>::run(isa, gemm, 2);
    for (std::size_t r = 0; r < 14; ++r)
      for (std::size_t c = 0; c < 37; ++c) {
        const std::size_t i = r * 37 + c;
        EXPECT_EQ(added[i], addend[i] + 0.5f * own[i]) << isa_name(isa);
        EXPECT_EQ(mirrored[c * 14 + r], 1.0f + 0.5f * own[i]) << isa_name(isa);
      }
  }
}

// A product restores the scales of a double-quantized matrix itself, wherever its columns, depth and blocks begin.
TYPED_TEST(GemmOf, NestedScalesAreThoseThatWereRestored) {
  constexpr std::int64_t kColumns = 261, kDepth = 165;
  for (const bool transposed : {true, false}) {
    Problem<TypeParam> problem{5, kColumns, {}};
    problem.terms.emplace_back(Form::kNf4, 5, kColumns, kDepth, transposed, false, 31);
    Matrix& matrix = problem.terms[0].matrix;
    const auto blocks = static_cast<std::int64_t>(matrix.absmax.size());
    std::vector<std::uint8_t> nested(matrix.absmax.size());
    std::vector<float> nested_absmax(matrix.absmax.size() / 256 + 1);
    float offset = 0;
    double_quantize(matrix.absmax.data(), blocks, &offset, nested.data(), nested_absmax.data());
    restore_absmax(nested.data(), nested_absmax.data(), offset, 0, blocks, matrix.absmax.data());
    for (const Isa isa : kIsas) {
      if (!runs<TypeParam>(isa)) continue;
      matrix.stored.absmax = matrix.absmax.data();
      const std::vector<float> plain = problem.run(isa, 3);
      matrix.stored.absmax = nullptr;
      matrix.stored.nested_codes = nested.data();
      matrix.stored.nested_absmax = nested_absmax.data();
      matrix.stored.offset = offset;
      EXPECT_EQ(problem.run(isa, 3), plain) << isa_name(isa) << " " << transposed;
    }
  }
}

// Where VDPBF16PS exists, the tables that imitate it give its bits on normal numbers.
TEST(Gemm, ImitatedBF16HasTheBitsOfTheInstruction) {
  if (!runs<std::uint16_t>(Isa::kAvx512)) GTEST_SKIP() << "this CPU lacks AVX512-BF16";
  Problem<std::uint16_t> problem{13, 40, {}};
  problem.terms.emplace_back(Form::kBF16, 13, 40, 200, true, false, 23);
  EXPECT_EQ(problem.run(Isa::kAvx512, 1), problem.run(Isa::kScalar, 1));
}

}  // namespace
}  // namespace vernier
