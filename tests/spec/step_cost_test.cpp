// The cost of a step against sums made by hand for models in print, rank 16 on all linears, one row.

#include "spec/step_cost.h"

#include <gtest/gtest.h>

#include "spec/cost_fixture.h"

namespace vernier {
namespace {

StepFlops one_row(const ModelSpec& spec, std::int64_t tokens) {
  const auto length = static_cast<double>(tokens);
  return step_flops(spec, rank16(spec), {tokens, tokens, length * length});
}

TEST(StepCost, ModelsInPrint) {
  struct Case {
    ModelSpec spec;
    std::int64_t tokens;
    double once, checkpointing;  // GFLOP a token
    double step;                 // TFLOP with checkpointing
    double unit;                 // of the last digit: once, checkpointing
    double step_unit;
  };
  const Case cases[] = {
      {llama32_1b(), 512, 5.13, 7.13, 3.65, 0.01, 0.01}, {llama32_1b(), 2048, 5.48, 7.58, 15.5, 0.01, 0.1},
      {llama3_8b(), 512, 30.7, 44.9, 23.0, 0.1, 0.1},    {llama3_8b(), 2048, 32.2, 46.7, 95.7, 0.1, 0.1},
      {llama2_7b(), 512, 27.1, 40.3, 20.6, 0.1, 0.1},    {llama2_7b(), 2048, 28.6, 42.1, 86.3, 0.1, 0.1},
      {qwen3_8b(), 2048, 32.7, 47.2, 96.7, 0.1, 0.1},
  };
  for (const Case& c : cases) {
    const StepFlops flops = one_row(c.spec, c.tokens);
    const auto tokens = static_cast<double>(c.tokens);
    EXPECT_NEAR(flops.model() / tokens * 1e-9, c.once, 0.6 * c.unit) << c.tokens;
    EXPECT_NEAR(flops.with_checkpointing() / tokens * 1e-9, c.checkpointing, 0.6 * c.unit) << c.tokens;
    EXPECT_NEAR(flops.with_checkpointing() * 1e-12, c.step, 0.6 * c.step_unit) << c.tokens;
  }
}

TEST(StepCost, GrowsWithTokensTargetsAndSquaresOfRows) {
  const ModelSpec spec = llama32_1b();
  const StepFlops long_row = one_row(spec, 1024);
  StepWork two_rows{512, 512, 512.0 * 512};
  two_rows += two_rows;
  const StepFlops short_rows = step_flops(spec, rank16(spec), two_rows);
  EXPECT_EQ(short_rows.linears_forward, long_row.linears_forward);
  EXPECT_EQ(short_rows.adapters_backward, long_row.adapters_backward);
  EXPECT_EQ(2 * short_rows.attention_backward, long_row.attention_backward);
  const StepFlops few_targets = step_flops(spec, rank16(spec), {1024, 256, 1024.0 * 1024});
  EXPECT_EQ(4 * few_targets.head_forward, long_row.head_forward);
  EXPECT_EQ(few_targets.linears_backward, long_row.linears_backward);
  EXPECT_EQ(step_flops(spec, 0, {8, 8, 64}).adapters_forward, 0);
}

}  // namespace
}  // namespace vernier
