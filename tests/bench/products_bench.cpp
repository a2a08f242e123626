// Matrix products of a training step on layer shapes of three models: kernels/gemm.h and kernels/nf4.h.

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/text.h"
#include "bench/bench_support.h"
#include "kernels/gemm.h"
#include "kernels/nf4.h"
#include "kernels/rows.h"

namespace vernier {

namespace {

constexpr std::int64_t kTokens = 512, kRank = 16, kBlock = 64;

struct LinearShape {
  const char* name;
  std::int64_t in, out;
};
// The first shape alone is run on the scalar table: the others take seconds there.
constexpr LinearShape kLinears[] = {
    {"smollm2/q", 576, 576},         {"smollm2/k", 576, 192},         {"smollm2/gate", 576, 1536},
    {"smollm2/down", 1536, 576},     {"qwen3_0.6b/q", 1024, 2048},    {"qwen3_0.6b/k", 1024, 1024},
    {"qwen3_0.6b/o", 2048, 1024},    {"qwen3_0.6b/gate", 1024, 3072}, {"qwen3_0.6b/down", 3072, 1024},
    {"llama3.2_1b/q", 2048, 2048},   {"llama3.2_1b/k", 2048, 512},    {"llama3.2_1b/gate", 2048, 8192},
    {"llama3.2_1b/down", 8192, 2048}};

bool left_out(Isa isa, const LinearShape& shape) {
  return isa == Isa::kScalar && &shape != kLinears;
}

template <typename T>
GemmKernels<T> kernels_of(Isa isa) {
  return {tile_kernels<T>(isa), nf4_kernels(isa), row_kernels(isa)};
}

template <typename T>
constexpr StoredMatrix::Form kDense = sizeof(T) == 2 ? StoredMatrix::Form::kBF16 : StoredMatrix::Form::kF32;

// Copies of one matrix, taken in turn: with more of them than a cache holds, each is read from memory, as the layers of
// a model are.
class Nf4Matrix {
 public:
  Nf4Matrix(std::int64_t rows, std::int64_t cols, std::int64_t copies)
      : cols_(cols),
        copies_(copies),
        codes_(static_cast<std::size_t>(rows * cols / 2)),
        absmax_(static_cast<std::size_t>(rows * cols / kBlock)) {
    const Values<float> values(rows * cols);
    nf4_quantize(values.data(), values.size(), kBlock, codes_.data(), absmax_.data());
    const std::vector<std::uint8_t> one = codes_;
    for (std::int64_t copy = 1; copy < copies; ++copy) codes_.insert(codes_.end(), one.begin(), one.end());
  }

  StoredMatrix next() {
    const std::size_t bytes = codes_.size() / static_cast<std::size_t>(copies_);
    turn_ = (turn_ + 1) % copies_;
    return {.form = StoredMatrix::Form::kNf4,
            .values = codes_.data() + static_cast<std::size_t>(turn_) * bytes,
            .stride = cols_,
            .absmax = absmax_.data(),
            .blocksize = kBlock};
  }
  const std::uint8_t* codes() const { return codes_.data(); }
  const float* absmax() const { return absmax_.data(); }

 private:
  std::int64_t cols_, copies_, turn_ = 0;
  std::vector<std::uint8_t> codes_;
  std::vector<float> absmax_;
};

template <typename T>
StoredMatrix stored(const Values<T>& values, std::int64_t stride) {
  return {.form = kDense<T>, .values = values.data(), .stride = stride};
}

// The whole product on this thread.
template <typename T>
Work whole(Isa isa, const Gemm& gemm) {
  const auto scratch = std::make_shared<Values<float>>(gemm_scratch_bytes() / 4 + 16);
  return [=] { gemm_part(kernels_of<T>(isa), gemm, 0, gemm.columns, 0, gemm.rows, scratch->data()); };
}

// y = x W^T + u (scaling * B)^T, and its transpose's kin dx = dy W + du A: a base product with its adapter's columns.
template <typename T>
struct BaseProduct {
  static constexpr std::int64_t kCodes = 64 << 20;  // bytes of all copies: twice a third-level cache

  BaseProduct(const LinearShape& shape, bool forward)
      : weight(shape.out, shape.in, std::max<std::int64_t>(1, kCodes / (shape.out * shape.in / 2))),
        x(kTokens * (forward ? shape.in : shape.out)),
        u(kTokens * kRank),
        adapter(kRank * (forward ? shape.out : shape.in)),
        y(kTokens * (forward ? shape.out : shape.in)) {
    const std::int64_t depth = forward ? shape.in : shape.out, columns = forward ? shape.out : shape.in;
    terms[0] = {x.data(), depth, depth, false, weight.next(), forward};
    terms[1] = {u.data(), kRank, kRank, false, stored(adapter, forward ? kRank : columns), forward};
    gemm.rows = kTokens;
    gemm.columns = columns;
    gemm.terms = terms;
    gemm.out = y.data();
    gemm.out_stride = columns;
  }
  BaseProduct(const BaseProduct&) = delete;

  Nf4Matrix weight;
  Values<T> x, u;
  Values<float> adapter;
  Values<T> y;
  std::array<GemmTerm, 2> terms;
  Gemm gemm;
};

template <typename T>
void add_base(Isa isa, const LinearShape& shape, bool forward) {
  const double flops =
      2.0 * kTokens * static_cast<double>(shape.in * shape.out + kRank * (forward ? shape.out : shape.in));
  add_product(str(forward ? "base_forward/" : "base_backward/", isa_name(isa), "/", kTypeName<T>, "/", shape.name), isa,
              kPeakOf<T>, flops, [=]() -> Work {
                const auto product = std::make_shared<BaseProduct<T>>(shape, forward);
                return [product, work = whole<T>(isa, product->gemm)] {
                  product->terms[0].matrix = product->weight.next();
                  work();
                };
              });
}

enum class AdapterProduct { kU, kDa, kDb };

// u = x A^T; dA += du^T x; dB += scaling * (u^T dy)^T, of one adapter on a linear that has `width` columns there.
template <typename T>
struct Adapter {
  Adapter(AdapterProduct which, std::int64_t width)
      : tokens(kTokens * width), a(kRank * width), u(kTokens * kRank), gradient(kRank * width) {
    gemm.terms = {&term, 1};
    if (which == AdapterProduct::kU) {
      term = {tokens.data(), width, width, false, stored(a, width), true};
      gemm.rows = kTokens;
      gemm.columns = gemm.out_stride = kRank;
      gemm.out = u.data();
      return;
    }
    term = {u.data(), kRank, kTokens, true, stored(tokens, width), false};
    gemm.rows = kRank;
    gemm.columns = width;
    gemm.out = gradient.data();
    gemm.out_stride = which == AdapterProduct::kDa ? width : kRank;
    gemm.addend = gradient.data();
    gemm.addend_stride = width;
    gemm.scale = 1e-3f;  // sums stay small, however often it runs
    gemm.result = which == AdapterProduct::kDa ? GemmResult::kAdd : GemmResult::kAddTransposed;
  }

  Values<T> tokens;
  Values<float> a;
  Values<T> u;
  Values<float> gradient;
  GemmTerm term;
  Gemm gemm;
};

template <typename T>
void add_adapter(Isa isa, const LinearShape& shape, AdapterProduct which, const char* name) {
  const std::int64_t width = which == AdapterProduct::kDb ? shape.out : shape.in;
  add_product(str(name, "/", isa_name(isa), "/", kTypeName<T>, "/", shape.name), isa, kPeakOf<T>,
              2.0 * kTokens * static_cast<double>(kRank * width), [=]() -> Work {
                const auto adapter = std::make_shared<Adapter<T>>(which, width);
                return [adapter, work = whole<T>(isa, adapter->gemm)] { work(); };
              });
}

// Logits of a chunk of rows, and their gradient back; the matrix is bf16 in every compute type.
template <typename T>
struct Head {
  static constexpr std::int64_t kRows = 256;

  Head(std::int64_t hidden, std::int64_t vocab, bool forward)
      : weight(hidden * vocab), x(kRows * hidden), logits(kRows * vocab) {
    const StoredMatrix matrix = stored(weight, hidden);
    // The gradient lies in the memory of the f32 logits.
    const std::int64_t apart = vocab * static_cast<std::int64_t>(sizeof(float) / sizeof(T));
    term = forward ? GemmTerm{x.data(), hidden, hidden, false, matrix, true}
                   : GemmTerm{logits.data(), apart, vocab, false, matrix, false};
    gemm.rows = kRows;
    gemm.columns = gemm.out_stride = forward ? vocab : hidden;
    gemm.terms = {&term, 1};
    gemm.result = forward ? GemmResult::kStoreF32 : GemmResult::kStore;
    gemm.out = forward ? static_cast<void*>(logits.data()) : x.data();
  }

  Values<std::uint16_t> weight;
  Values<T> x;
  Values<float> logits;
  GemmTerm term;
  Gemm gemm;
};

template <typename T>
void add_head(Isa isa, const char* model, std::int64_t hidden, std::int64_t vocab, bool forward) {
  add_product(str(forward ? "head_forward/" : "head_backward/", isa_name(isa), "/", kTypeName<T>, "/", model), isa,
              kPeakOf<T>, 2.0 * static_cast<double>(Head<T>::kRows * hidden * vocab), [=]() -> Work {
                const auto head = std::make_shared<Head<T>>(hidden, vocab, forward);
                return [head, work = whole<T>(isa, head->gemm)] { work(); };
              });
}

// A panel's worth of weights, out of the second-level cache.
template <typename T>
void add_nf4(Isa isa) {
  constexpr std::int64_t kWeights = 1 << 17;
  add_decode(str("nf4_decode/", isa_name(isa), "/", sizeof(T) == 2 ? "bf16" : "f32"), isa,
             has_products<T>(isa) ? kPeakOf<T> : PeakLoop::kF32, kWeights, [=]() -> Work {
               const auto matrix = std::make_shared<Nf4Matrix>(1, kWeights, 1);
               const auto out = std::make_shared<Values<T>>(kWeights);
               return [=] {
                 if constexpr (sizeof(T) == 2) {
                   nf4_kernels(isa).decode_bf16(matrix->codes(), matrix->absmax(), kBlock, 0, kWeights, out->data());
                 } else {
                   nf4_kernels(isa).decode_f32(matrix->codes(), matrix->absmax(), kBlock, 0, kWeights, out->data());
                 }
               };
             });
}

template <typename T>
void register_type(Isa isa) {
  add_nf4<T>(isa);
  if (!has_products<T>(isa)) return;
  for (const bool forward : {true, false})
    for (const LinearShape& shape : kLinears)
      if (!left_out(isa, shape)) add_base<T>(isa, shape, forward);
  for (const LinearShape& shape : kLinears) {
    if (left_out(isa, shape)) continue;
    add_adapter<T>(isa, shape, AdapterProduct::kU, "adapter_u");
    add_adapter<T>(isa, shape, AdapterProduct::kDa, "adapter_da");
    add_adapter<T>(isa, shape, AdapterProduct::kDb, "adapter_db");
  }
  if (isa == Isa::kScalar) return;
  for (const bool forward : {true, false}) {
    add_head<T>(isa, "smollm2", 576, 49152, forward);
    add_head<T>(isa, "qwen3_0.6b", 1024, 151936, forward);
  }
}

}  // namespace

void register_products() {
  for (const Isa isa : isas()) {
    register_type<std::uint16_t>(isa);
    register_type<float>(isa);
  }
}

}  // namespace vernier
