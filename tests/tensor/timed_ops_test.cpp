// Which part of a step an operation's time is counted to, and that nothing else changes.

#include "tensor/timed_ops.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace vernier {
namespace {

constexpr std::int64_t kRows = 4, kWidth = 64, kRank = 8;

at::Tensor numbers(at::IntArrayRef shape) {
  return at::ones(shape, at::kFloat).cumsum(1) / 64;
}

class TimedOpsTest : public testing::Test {
 protected:
  const at::Tensor head = numbers({32, kWidth}), adapters = numbers({1, 2 * kRank*kWidth});
  const at::Tensor base = numbers({kWidth, kWidth}), x = numbers({kRows, kWidth}), u = numbers({kRows, kRank});
  TimedOps ops{make_cpu_ops(Isa::kScalar), head, adapters};

  at::Tensor out(std::int64_t rows, std::int64_t columns) { return at::zeros({rows, columns}, at::kFloat); }
  at::Tensor adapter_a() const { return adapters.view({-1}).narrow(0, 0, kRank * kWidth).view({kRank, kWidth}); }

  void base_forward() { ops.product({{{x, {nullptr, base}}}, out(kRows, kWidth)}); }
  void swiglu_backward() {
    at::Tensor gate_up = numbers({kRows, 2 * kWidth}), dh = x.clone();
    ops.swiglu_backward(dh, gate_up);
  }

  // The parts that got time, with their FLOPs.
  std::vector<std::pair<StepPart, double>> taken() {
    std::vector<std::pair<StepPart, double>> parts;
    const StepWorks works = ops.take();
    for (std::size_t i = 0; i < kStepParts; ++i)
      if (works[i].seconds > 0) parts.emplace_back(static_cast<StepPart>(i), works[i].flops);
    return parts;
  }
};

using Parts = std::vector<std::pair<StepPart, double>>;

TEST_F(TimedOpsTest, ProductsByTheirMatrices) {
  constexpr double kHead = 2.0 * kRows * 32 * kWidth, kAdapter = 2.0 * kRows * kRank * kWidth;
  ops.product({{{x, {nullptr, head}}}, out(kRows, 32)});
  EXPECT_EQ(taken(), (Parts{{StepPart::kHeadForward, kHead}}));
  ops.product({{{out(kRows, 32), {nullptr, head}, false}}, out(kRows, kWidth)});
  EXPECT_EQ(taken(), (Parts{{StepPart::kHeadBackward, kHead}}));
  ops.product({{{x, {nullptr, adapter_a()}}}, out(kRows, kRank)});
  EXPECT_EQ(taken(), (Parts{{StepPart::kAdapters, kAdapter}}));
  ops.product({{{u, {nullptr, x}, false, true}}, out(kRank, kWidth)});
  EXPECT_EQ(taken(), (Parts{{StepPart::kAdapters, kAdapter}}));
  ops.product({{{x, {nullptr, base}, false}, {u, {nullptr, adapter_a()}, false}}, out(kRows, kWidth)});
  EXPECT_EQ(taken(), (Parts{{StepPart::kBaseBackward, 2.0 * kRows * kWidth * (kWidth + kRank)}}));
}

TEST_F(TimedOpsTest, ForwardProductsInTheBackwardPassAreRecomputed) {
  constexpr double kBase = 2.0 * kRows * kWidth * kWidth;
  base_forward();
  at::Tensor logits = numbers({kRows, 32}), loss = out(1, kRows).view({-1});
  const std::vector<std::int32_t> targets(kRows, 1);
  ops.cross_entropy(logits, targets, nullptr, loss);
  base_forward();
  swiglu_backward();
  EXPECT_EQ(taken(), (Parts{{StepPart::kBaseForward, kBase},
                            {StepPart::kBaseRecomputed, kBase},
                            {StepPart::kSwiGlu, 0},
                            {StepPart::kLoss, 0}}));
  base_forward();
  EXPECT_EQ(taken(), (Parts{{StepPart::kBaseForward, kBase}}));
  EXPECT_EQ(taken(), Parts{});
}

TEST_F(TimedOpsTest, ResultsAreThoseOfTheDevice) {
  const auto plain = make_cpu_ops(Isa::kScalar);
  at::Tensor ours = out(kRows, kWidth), theirs = out(kRows, kWidth);
  ops.product({{{x, {nullptr, base}}}, ours});
  plain->product({{{x, {nullptr, base}}}, theirs});
  EXPECT_TRUE(at::equal(ours, theirs));
  EXPECT_EQ(ops.sum_of_squares(x), plain->sum_of_squares(x));
  EXPECT_TRUE(ops.all_finite(x));
}

}  // namespace
}  // namespace vernier
