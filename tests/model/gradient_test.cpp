// What must not change the gradients: how rows fall into micro batches, the kernel table, the keep policy; and that a
// small delta survives bf16.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "support/model_fixture.h"
#include "support/skips.h"

namespace vernier::testing {
namespace {

Decoder tiny(const Device& device, double dropout = 0, bool load_in_4bit = true, const char* arch = "llama") {
  LoadOptions options;
  options.load_in_4bit = load_in_4bit;
  options.max_row_tokens = 64;
  Decoder model = load(golden(std::string("arch/") + arch), options, device);
  LoraConfig lora;
  lora.r = 4;
  lora.alpha = 8;
  lora.dropout = dropout;
  add_lora(model, lora, 3);
  at::manual_seed(5);
  for (const TrainedTensor& trained : model.lora->tensors()) trained.value.normal_(0, 0.02);
  return model;
}

std::vector<std::vector<std::int32_t>> eight_rows() {
  std::vector<std::vector<std::int32_t>> rows;
  for (int r = 0; r < 8; ++r) {
    std::vector<std::int32_t> row;
    for (int t = 0; t < 5 + 3 * r; ++t) row.push_back((17 * r + 29 * t * t + 3) % 256);
    rows.push_back(row);
  }
  return rows;
}

struct Gradients {
  double loss = 0;
  at::Tensor values;
};

// All eight rows in micro batches of `at_once`, divided by the targets of all.
Gradients accumulate(const Decoder& model, const Device& device, std::size_t at_once,
                     const KeptLayers& kept = {1000, 1000}) {
  const auto rows = eight_rows();
  std::int64_t targets = 0;
  for (const auto& row : rows) targets += static_cast<std::int64_t>(row.size()) - 1;
  model.lora->gradients().zero_();
  Arena arena;
  Gradients result;
  for (std::size_t first = 0; first < rows.size(); first += at_once) {
    Rows batch;
    for (std::size_t r = first; r < first + at_once; ++r)
      batch.add(rows[r].data(), rows[r].data(), static_cast<std::int64_t>(rows[r].size()));
    TokenBatch tokens = batch.batch();
    tokens.step = 2;
    tokens.first_row_in_step = static_cast<std::int64_t>(first);
    result.loss += loss_and_gradients(model, device, tokens, 1.0f / static_cast<float>(targets), kept, arena).loss;
  }
  result.loss /= static_cast<double>(targets);
  result.values = model.lora->gradients().clone();
  return result;
}

TEST(Accumulation, EightRowsAtOnceAreEightTimesOne) {
  const Device device = cpu();
  for (const double dropout : {0.0, 0.3}) {
    const Decoder model = tiny(device, dropout);
    const Gradients once = accumulate(model, device, 8), eight = accumulate(model, device, 1);
    EXPECT_NEAR(once.loss, eight.loss, 1e-6);
    EXPECT_LT(relative_difference(once.values, eight.values), 1e-5);
  }
}

TEST(KeepPolicies, SameBitsWithDropoutAndBF16) {
  for (const ComputeRequest compute : {ComputeRequest::kF32, ComputeRequest::kAuto}) {
    const Device device = cpu(compute);
    for (const char* arch : {"llama", "qwen3"}) {
      const Decoder model = tiny(device, 0.2, true, arch);
      const at::Tensor all = accumulate(model, device, 4).values;
      for (const KeptLayers& kept : {KeptLayers{1, 2}, KeptLayers{0, 2}, KeptLayers{1, 1}, KeptLayers{}})
        EXPECT_TRUE(at::equal(all, accumulate(model, device, 4, kept).values)) << kept.all << " " << kept.attention;
    }
  }
}

TEST(KernelTables, GiveTheSameGradientBits) {
  const Device widest = cpu();
  const at::Tensor expected = accumulate(tiny(widest), widest, 4).values;
  for (const char* kernels : {"scalar", "avx2"}) {
    if (std::string(kernels) == "avx2" && !isa_supported(Isa::kAvx2)) continue;
    const Device device = open_device("cpu", kernels, ComputeRequest::kF32, 0);
    EXPECT_TRUE(at::equal(accumulate(tiny(device), device, 4).values, expected)) << kernels;
  }
}

TEST(Dropout, MasksDifferByStepAndRowAndLeaveEvaluationAlone) {
  const Device device = cpu();
  const Decoder model = tiny(device, 0.5), plain = tiny(device, 0);
  Arena arena;
  Rows rows;
  const auto row = eight_rows()[7];
  rows.add(row.data(), row.data(), static_cast<std::int64_t>(row.size()));
  const auto loss = [&](std::int64_t step, std::int64_t first_row) {
    TokenBatch batch = rows.batch();
    batch.step = step;
    batch.first_row_in_step = first_row;
    return loss_and_gradients(model, device, batch, 1, {1000, 1000}, arena).loss;
  };
  EXPECT_EQ(loss(1, 0), loss(1, 0));
  EXPECT_NE(loss(1, 0), loss(2, 0));
  EXPECT_NE(loss(1, 0), loss(1, 1));
  EXPECT_EQ(evaluate_loss(model, device, rows.batch(), arena).loss,
            evaluate_loss(plain, device, rows.batch(), arena).loss);
}

TEST(BF16, ADeltaBelowHalfAnUlpArrivesOnAverage) {
  if (!bf16_supported()) SKIP_CPU_LACKS("bf16 products");
  const Device device = cpu(ComputeRequest::kBF16);
  Decoder model = tiny(device, 0, false);
  const LinearGroup& group = model.blocks[0].down;
  model.lora->values().zero_();
  const LoraPair* pair = model.lora->find(0, Linear::kDown);
  const auto n = std::int64_t{256};
  std::vector<std::int32_t> ids(static_cast<std::size_t>(n)), starts{0, static_cast<std::int32_t>(n)};
  Arena arena;
  const Pass pass{device, model.spec, model.rope, model.lora.get(), {ids, {}, ids, starts}, arena};
  at::manual_seed(9);
  const at::Tensor x = at::randn({n, group.in()}).to(at::kBFloat16);
  at::Tensor base = pass.take({n, group.out()}), moved = pass.take({n, group.out()}), u = pass.take({n, 4});
  group.forward(pass, x, base, u);
  pair->a.normal_(0, 0.05);
  // Outputs are about 1 (ulp 2^-8 to 2^-7); the delta's size is a tenth of half an ulp.
  pair->b.normal_(0, 5e-4);
  group.forward(pass, x, moved, u);
  const at::Tensor delta =
      at::mm(at::mm(x.to(at::kDouble), pair->a.to(at::kDouble).t()), pair->b.to(at::kDouble).t()) * 2;
  const at::Tensor arrived = moved.to(at::kDouble) - base.to(at::kDouble);
  const double share = (arrived * delta).sum().item().toDouble() / (delta * delta).sum().item().toDouble();
  EXPECT_GT(share, 0.7);
  EXPECT_LT(share, 1.3);
}

TEST(LoraInit, IsPeftsDefault) {
  const Device device = cpu();
  LoadOptions options;
  options.max_row_tokens = 8;
  Decoder model = load(golden("arch/llama"), options, device);
  LoraConfig lora;
  lora.r = 64;
  add_lora(model, lora, 11);
  for (const TrainedTensor& trained : model.lora->tensors()) {
    if (trained.name.ends_with("lora_B.weight")) {
      EXPECT_EQ(trained.value.abs().max().item().toDouble(), 0);
      continue;
    }
    const double bound = 1 / std::sqrt(static_cast<double>(trained.value.size(1)));
    EXPECT_LE(trained.value.abs().max().item().toDouble(), bound);
    EXPECT_NEAR(trained.value.std().item().toDouble(), bound / std::sqrt(3.0), 0.05 * bound);
    EXPECT_NEAR(trained.value.mean().item().toDouble(), 0, 0.05 * bound);
  }
}

}  // namespace
}  // namespace vernier::testing
