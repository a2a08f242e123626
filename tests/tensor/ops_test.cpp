// The CPU's operations against LibTorch's own, over odd shapes and every kernel table that runs here.

#include "tensor/ops.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/nf4.h"
#include "support/skips.h"
#include "tensor/arena.h"
#include "tensor/device.h"
#include "tensor/parallel.h"

namespace vernier {
namespace {

class CpuOps : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!isa_supported(GetParam())) SKIP_CPU_LACKS(isa_name(GetParam()));
    ops = make_cpu_ops(GetParam());
    at::manual_seed(1);
  }
  std::unique_ptr<Ops> ops;
};

at::Tensor causal_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const std::int64_t tokens = q.size(1), past = k.size(1) - tokens, group = q.size(0) / k.size(0);
  const at::Tensor keys = k.repeat_interleave(group, 0), values = v.repeat_interleave(group, 0);
  at::Tensor scores = at::matmul(q, keys.transpose(1, 2)) / std::sqrt(static_cast<double>(q.size(2)));
  const at::Tensor mask = at::ones({tokens, k.size(1)}, at::kBool).triu(past + 1);
  return at::matmul(scores.masked_fill(mask, -std::numeric_limits<double>::infinity()).softmax(-1), values);
}

struct Shape {
  std::int64_t heads, kv_heads, dim;
  std::vector<std::int64_t> rows;
};

const Shape kShapes[] = {{1, 1, 8, {1}},    {2, 1, 16, {3, 0, 5}}, {8, 1, 64, {1, 130}}, {4, 2, 80, {17, 129, 2}},
                         {3, 3, 96, {256}}, {2, 2, 128, {33, 1}},  {9, 3, 64, {140, 7}}, {2, 1, 256, {19}}};

TEST_P(CpuOps, AttentionAndItsGradientAreTheDefinition) {
  for (const Shape& shape : kShapes) {
    std::vector<std::int32_t> starts{0};
    for (const std::int64_t tokens : shape.rows) starts.push_back(starts.back() + static_cast<std::int32_t>(tokens));
    const std::int64_t n = starts.back();
    const auto flat = [&](std::int64_t heads) { return at::randn({n * heads * shape.dim}); };
    const at::Tensor q = flat(shape.heads), k = flat(shape.kv_heads), v = flat(shape.kv_heads);
    at::Tensor out = at::empty({n, shape.heads * shape.dim}), d_out = at::randn(out.sizes());
    at::Tensor d_q = at::empty_like(q), d_k = at::empty_like(k), d_v = at::empty_like(v);
    at::Tensor log_sum_exp = at::empty({shape.heads, n});
    const AttentionShape sizes{shape.heads, shape.kv_heads, shape.dim, starts,
                               static_cast<float>(1 / std::sqrt(static_cast<double>(shape.dim)))};
    ops->attention(q, k, v, sizes, out, log_sum_exp);
    ops->attention_backward(q, k, v, out, log_sum_exp, d_out, sizes, d_q, d_k, d_v);
    for (std::size_t row = 0; row + 1 < starts.size(); ++row) {
      const std::int64_t start = starts[row], tokens = starts[row + 1] - start;
      if (tokens == 0) continue;
      const auto block = [&](const at::Tensor& t, std::int64_t heads) {
        return t.narrow(0, start * heads * shape.dim, tokens * heads * shape.dim).view({heads, tokens, shape.dim});
      };
      const auto leaf = [&](const at::Tensor& t, std::int64_t heads) {
        return block(t, heads).to(at::kDouble).detach().requires_grad_(true);
      };
      const at::Tensor rq = leaf(q, shape.heads), rk = leaf(k, shape.kv_heads), rv = leaf(v, shape.kv_heads);
      const at::Tensor expected = causal_attention(rq, rk, rv).transpose(0, 1).reshape({tokens, -1});
      EXPECT_LT((out.narrow(0, start, tokens) - expected).abs().max().item().toDouble(), 2e-5);
      (expected * d_out.narrow(0, start, tokens)).sum().backward();
      EXPECT_LT((block(d_q, shape.heads) - rq.grad()).abs().max().item().toDouble(), 1e-4);
      EXPECT_LT((block(d_k, shape.kv_heads) - rk.grad()).abs().max().item().toDouble(), 1e-4);
      EXPECT_LT((block(d_v, shape.kv_heads) - rv.grad()).abs().max().item().toDouble(), 1e-4);
    }
  }
}

TEST_P(CpuOps, CachedAttentionSeesThePast) {
  const std::int64_t heads = 4, kv_heads = 2, dim = 24, capacity = 200;
  const at::Tensor k = at::randn({kv_heads, capacity, dim}), v = at::randn({kv_heads, capacity, dim});
  for (const auto& [tokens, length] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {1, 150}, {140, 140}, {3, 200}}) {
    const at::Tensor q = at::randn({heads, tokens, dim});
    at::Tensor out = at::empty({tokens, heads * dim});
    const std::vector<std::int32_t> starts{0, static_cast<std::int32_t>(tokens)};
    AttentionShape shape{heads, kv_heads, dim, starts, static_cast<float>(1 / std::sqrt(static_cast<double>(dim)))};
    shape.past = length - tokens;
    shape.kv_stride = capacity * dim;
    ops->attention(q, k, v, shape, out, {});
    const at::Tensor expected = causal_attention(q.to(at::kDouble), k.narrow(1, 0, length).to(at::kDouble),
                                                 v.narrow(1, 0, length).to(at::kDouble));
    EXPECT_LT((out - expected.transpose(0, 1).reshape({tokens, -1})).abs().max().item().toDouble(), 1e-5);
  }
}

TEST_P(CpuOps, HeadsComeBackWhereTheyWere) {
  const std::int64_t heads = 3, dim = 10;
  const std::vector<std::int32_t> starts{0, 4, 4, 9}, positions{0, 1, 2, 3, 0, 1, 2, 3, 4};
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor qkv = at::randn({9, 50}).to(type);
    at::Tensor out = at::empty({9 * heads * dim}, type), back = at::zeros_like(qkv);
    const Ops::HeadSource source{20, heads, dim, {}, 0, nullptr};
    ops->split_heads(qkv, source, starts, positions, out);
    // The second block is the row [4, 9): head 2 of its third token.
    EXPECT_TRUE(at::equal(out.narrow(0, 4 * heads * dim + (2 * 5 + 2) * dim, dim), qkv[6].narrow(0, 40, dim)));
    at::Tensor gradient = out.to(at::kFloat);
    ops->split_heads_backward(gradient, qkv, source, starts, positions, back);
    EXPECT_TRUE(at::equal(back.narrow(1, 20, heads * dim), qkv.narrow(1, 20, heads * dim)));
    EXPECT_EQ(back.narrow(1, 0, 20).abs().max().item().toDouble(), 0);
    // One row into a cache whose heads lie apart.
    const std::vector<std::int32_t> one{0, 9};
    const at::Tensor cache = at::zeros({heads, 30, dim}, type);
    at::Tensor behind = cache.narrow(1, 5, 9);
    ops->split_heads(qkv, source, one, positions, behind);
    EXPECT_TRUE(at::equal(behind, qkv.narrow(1, 20, heads * dim).view({9, heads, dim}).transpose(0, 1)));
    EXPECT_EQ(cache.narrow(1, 14, 16).abs().max().item().toDouble(), 0);
  }
}

Nf4View quantized(const at::Tensor& weight, bool double_quant) {
  const std::int64_t n = weight.numel(), blocks = (n + 63) / 64;
  Nf4View view;
  view.rows = weight.size(0);
  view.cols = weight.size(1);
  view.codes = at::empty({(n + 1) / 2}, at::kByte);
  at::Tensor absmax = at::empty({blocks});
  nf4_quantize(weight.data_ptr<float>(), n, 64, view.codes.data_ptr<std::uint8_t>(), absmax.data_ptr<float>());
  if (double_quant) {
    view.nested_codes = at::empty({blocks}, at::kByte);
    view.nested_absmax = at::empty({(blocks + 255) / 256});
    double_quantize(absmax.data_ptr<float>(), blocks, &view.offset, view.nested_codes.data_ptr<std::uint8_t>(),
                    view.nested_absmax.data_ptr<float>());
  } else {
    view.absmax = absmax;
  }
  return view;
}

TEST_P(CpuOps, DecodingWholeMatricesIsDecodingElements) {
  for (const auto& [rows, cols] : {std::pair<std::int64_t, std::int64_t>{1, 2}, {7, 33}, {64, 172}, {300, 576}}) {
    for (const bool nested : {false, true}) {
      const Nf4View view = quantized(at::randn({rows, cols}), nested);
      at::Tensor out = at::empty({rows, cols}), rounded = at::empty({rows, cols}, at::kBFloat16);
      ops->decode_nf4(view, out);
      ops->decode_nf4(view, rounded);
      const std::int64_t blocks = (rows * cols + 63) / 64;
      std::vector<float> scales(static_cast<std::size_t>(blocks));
      if (nested) {
        restore_absmax(view.nested_codes.data_ptr<std::uint8_t>(), view.nested_absmax.data_ptr<float>(), view.offset, 0,
                       blocks, scales.data());
      } else {
        std::copy_n(view.absmax.data_ptr<float>(), blocks, scales.data());
      }
      for (std::int64_t i = 0; i < rows * cols; ++i) {
        const int byte = view.codes.data_ptr<std::uint8_t>()[i / 2], code = i % 2 == 0 ? byte >> 4 : byte & 15;
        const float value = kNf4Values[static_cast<std::size_t>(code)] * scales[static_cast<std::size_t>(i / 64)];
        ASSERT_EQ(out.data_ptr<float>()[i], value) << rows << "x" << cols << " " << i;
      }
      EXPECT_TRUE(at::equal(rounded, out.to(at::kBFloat16)));
    }
  }
}

TEST_P(CpuOps, MatvecIsTheProduct) {
  for (const auto& [rows, cols] : {std::pair<std::int64_t, std::int64_t>{1, 2}, {5, 34}, {67, 172}, {130, 576}}) {
    const at::Tensor weight = at::randn({rows, cols}), x = at::randn({cols});
    at::Tensor y = at::empty({rows}), decoded = at::empty({rows, cols});
    ops->matvec(weight, x, y);
    EXPECT_LT((y - at::mv(weight.to(at::kDouble), x.to(at::kDouble))).abs().max().item().toDouble(), 1e-4);
    const at::Tensor half = weight.to(at::kBFloat16);
    ops->matvec(half, x, y);
    EXPECT_LT((y - at::mv(half.to(at::kDouble), x.to(at::kDouble))).abs().max().item().toDouble(), 1e-4);
    const Nf4View view = quantized(weight, true);
    ops->decode_nf4(view, decoded);
    ops->matvec_nf4({&view, 1}, at::kFloat, x, y);
    EXPECT_LT((y - at::mv(decoded.to(at::kDouble), x.to(at::kDouble))).abs().max().item().toDouble(), 1e-4);
    ops->matvec_nf4({&view, 1}, at::kBFloat16, x, y);
    const at::Tensor rounded = decoded.to(at::kBFloat16).to(at::kDouble);
    EXPECT_LT((y - at::mv(rounded, x.to(at::kDouble))).abs().max().item().toDouble(), 1e-4);
  }
}

TEST_P(CpuOps, CrossEntropyIsTorchs) {
  for (const std::int64_t vocab : {2, 17, 512, 50001}) {
    at::Tensor logits = (at::randn({3, vocab}) * 5).requires_grad_(true);
    const std::vector<std::int32_t> targets{0, static_cast<std::int32_t>(vocab - 1),
                                            static_cast<std::int32_t>(vocab / 2)};
    const at::Tensor expected =
        at::nll_loss(at::log_softmax(logits, 1), at::tensor({targets[0], targets[1], targets[2]}).to(at::kLong), {},
                     at::Reduction::None);
    (expected.sum() * 0.25).backward();
    at::Tensor ours = logits.detach().clone(), loss = at::empty({3});
    ops->cross_entropy(ours, targets, nullptr, loss);
    EXPECT_TRUE(at::equal(ours, logits.detach()));
    EXPECT_LT((loss - expected).abs().max().item().toDouble(), 1e-5);
    const float scale = 0.25f;
    ops->cross_entropy(ours, targets, &scale, loss);
    EXPECT_LT((ours - logits.grad()).abs().max().item().toDouble(), 1e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(All, CpuOps, ::testing::Values(Isa::kScalar, Isa::kAvx2, Isa::kAvx512),
                         [](const auto& parameter) { return std::string(isa_name(parameter.param)); });

TEST(Arena, GivesBackInStackOrderAndSettlesInOnePiece) {
  Arena arena;
  const auto use = [&] {
    const Arena::Scope step(arena);
    const at::Tensor a = arena.take({1000}, at::kFloat);
    void* inner = nullptr;
    {
      const Arena::Scope scope(arena);
      inner = arena.take({4 << 20}, at::kFloat).data_ptr();
    }
    const at::Tensor again = arena.take({16}, at::kBFloat16);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(again.data_ptr()) % 64, 0u);
    return std::pair(a.data_ptr(), inner);
  };
  use();
  const std::int64_t held = arena.held_bytes();
  const auto first = use(), second = use();
  EXPECT_EQ(first, second);
  EXPECT_EQ(arena.held_bytes(), held);
  EXPECT_EQ(arena.peak_bytes(), held);
}

TEST(Parallel, EveryIndexOnceOnEveryThreadCount) {
  for (const int threads : {1, 2, 3}) {
    set_threads(threads);
    std::vector<int> seen(1001);
    parallel_for(1001, 7, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
    });
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), 1001);
  }
  EXPECT_GE(usable_cpus(), 1);
}

TEST(DeviceSettings, WhatIsNotHereIsSaid) {
  EXPECT_THROW(open_device("cuda", "auto", ComputeRequest::kAuto, 1), std::runtime_error);
  EXPECT_THROW(open_device("cpu", "sse9", ComputeRequest::kAuto, 1), std::runtime_error);
  EXPECT_EQ(open_device("cpu", "scalar", ComputeRequest::kF32, 1).compute, at::kFloat);
}

}  // namespace
}  // namespace vernier
