// The parts into which the kernels' work is cut, on threads at once: under ThreadSanitizer no two of them touch the
// same memory, and together they give the bits of one part after the other. (The program's own threads are OpenMP's,
// inside LibTorch, which cannot be instrumented.)

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>

#include "base/text.h"
#include "kernels/attention.h"
#include "kernels/gemm.h"
#include "kernels/optimizer.h"
#include "kernels/rows_support.h"

namespace vernier {
namespace {

constexpr int kParts = 3;

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
using Scratch = std::unique_ptr<void, Free>;

Scratch scratch(std::int64_t bytes) {
  return Scratch(std::aligned_alloc(64, static_cast<std::size_t>((bytes + 63) / 64 * 64)));
}

enum class How { kInTurn, kAtOnce };

void run_parts(How how, const std::function<void(int part)>& body) {
  if (how == How::kInTurn) {
    for (int part = 0; part < kParts; ++part) body(part);
    return;
  }
  std::vector<std::thread> threads;
  for (int part = 0; part < kParts; ++part) threads.emplace_back([&, part] { body(part); });
  for (std::thread& thread : threads) thread.join();
}

struct Nf4Matrix {
  std::vector<std::uint8_t> codes, nested_codes;
  std::vector<float> absmax, nested_absmax;
  float offset = 0;

  Nf4Matrix(std::int64_t n, std::uint64_t seed)
      : codes(static_cast<std::size_t>(n / 2)),
        nested_codes(static_cast<std::size_t>(n / 64)),
        absmax(nested_codes.size()),
        nested_absmax(nested_codes.size() / 256 + 1) {
    const std::vector<float> weights = values(static_cast<std::size_t>(n), seed);
    nf4_quantize(weights.data(), n, 64, codes.data(), absmax.data());
    double_quantize(absmax.data(), n / 64, &offset, nested_codes.data(), nested_absmax.data());
  }
};

// [rows, columns] of an NF4 matrix with double quantization, cut by columns, its rows above or below.
std::vector<float> product(Isa isa, How how, bool transposed) {
  constexpr std::int64_t kRows = 40, kColumns = 192, kDepth = 256;
  const std::vector<float> a = values(kRows * kDepth, 1);
  const Nf4Matrix matrix(kColumns * kDepth, 2);
  StoredMatrix stored;
  stored.form = StoredMatrix::Form::kNf4;
  stored.values = matrix.codes.data();
  stored.stride = transposed ? kDepth : kColumns;
  stored.nested_codes = matrix.nested_codes.data();
  stored.nested_absmax = matrix.nested_absmax.data();
  stored.offset = matrix.offset;
  const GemmTerm term{a.data(), kDepth, kDepth, false, stored, transposed};
  std::vector<float> out(kRows * kColumns);
  Gemm gemm;
  gemm.rows = kRows;
  gemm.columns = kColumns;
  gemm.terms = {&term, 1};
  gemm.result = GemmResult::kStoreF32;
  gemm.out = out.data();
  gemm.out_stride = kColumns;
  const GemmKernels<float> kernels{tile_kernels<float>(isa), nf4_kernels(isa), row_kernels(isa)};
  run_parts(how, [&](int part) {
    const Scratch memory = scratch(gemm_scratch_bytes());
    gemm_part(kernels, gemm, kColumns / kParts * part, kColumns / kParts * (part + 1), 0, kRows, memory.get());
  });
  return out;
}

struct Attended {
  std::vector<float> out, log_sum_exp, d_q, d_k, d_v;
  bool operator==(const Attended&) const = default;
};

// Rows of 70 and 33 tokens, four heads on two kv heads: parts share kv heads.
Attended attend(Isa isa, How how) {
  constexpr std::int64_t kTokens = 103, kHeads = 4, kKvHeads = 2, kDim = 32;
  const std::vector<std::int32_t> starts = {0, 70, kTokens};
  AttentionShape shape;
  shape.heads = kHeads;
  shape.kv_heads = kKvHeads;
  shape.head_dim = kDim;
  shape.row_starts = starts;
  shape.scale = 0.2f;
  const std::size_t queries = kTokens * kHeads * kDim, keys = kTokens * kKvHeads * kDim;
  const std::vector<float> q = values(queries, 3), k = values(keys, 4), v = values(keys, 5), d_out = values(queries, 6);
  Attended all{std::vector<float>(queries), std::vector<float>(kTokens * kHeads), std::vector<float>(queries),
               std::vector<float>(keys), std::vector<float>(keys)};
  const AttentionInputs<float> inputs{q.data(), k.data(), v.data()};
  const AttentionOutput<float> output{all.out.data(), all.log_sum_exp.data()};
  const AttentionGradients<float> gradients{d_out.data(), all.d_q.data(), all.d_k.data(), all.d_v.data()};
  run_parts(how, [&](int part) {
    const Scratch memory = scratch(attention_scratch_bytes<float>(shape));
    attention_part(isa, shape, inputs, output, part, kParts, memory.get());
  });
  std::vector<Scratch> kept;
  for (int part = 0; part < kParts; ++part) kept.push_back(scratch(attention_backward_scratch_bytes<float>(shape)));
  const auto memory = [&](int part) { return kept[static_cast<std::size_t>(part)].get(); };
  run_parts(how, [&](int part) {
    attention_backward_part(isa, shape, inputs, output, gradients, part, kParts, memory(part));
  });
  run_parts(how, [&](int slice) {
    for (int part = 0; part < kParts; ++part)
      attention_add_shared(isa, shape, gradients, part, kParts, memory(part), slice, kParts);
  });
  return all;
}

// The parameters behind one step, and the states' bytes.
std::pair<std::vector<float>, std::vector<std::byte>> updated(Isa isa, How how, UpdateRule rule) {
  constexpr std::int64_t kCount = 1024;
  std::vector<float> parameters = values(kParts * kCount, 7);
  const std::vector<float> gradients = values(kParts * kCount, 8);
  const std::int64_t bytes = state_bytes(rule, kCount);
  std::vector<std::byte> states(static_cast<std::size_t>(kParts * bytes));
  const UpdateStep step{1e-2, 0.9, 0.999, 1e-8, 0.01, 1.0f, 1};
  run_parts(how, [&](int part) {
    const UpdatePiece piece{rule, part * kCount, kCount, part * bytes};
    update_piece(optimizer_kernels(isa), step, piece, gradients.data(), parameters.data(), states.data());
  });
  return {parameters, states};
}

class PartsAtOnce : public testing::TestWithParam<Isa> {};

TEST_P(PartsAtOnce, OfAProduct) {
  for (const bool transposed : {true, false})
    EXPECT_EQ(product(GetParam(), How::kAtOnce, transposed), product(GetParam(), How::kInTurn, transposed));
}

TEST_P(PartsAtOnce, OfAttention) {
  EXPECT_EQ(attend(GetParam(), How::kAtOnce), attend(GetParam(), How::kInTurn));
}

TEST_P(PartsAtOnce, OfAnUpdate) {
  for (const UpdateRule rule : {UpdateRule::kAdamwTorch, UpdateRule::kAdamw8bit, UpdateRule::kLion8bit})
    EXPECT_EQ(updated(GetParam(), How::kAtOnce, rule), updated(GetParam(), How::kInTurn, rule));
}

INSTANTIATE_TEST_SUITE_P(Isas, PartsAtOnce, testing::ValuesIn(runnable_isas()), isa_of_case);

}  // namespace
}  // namespace vernier
