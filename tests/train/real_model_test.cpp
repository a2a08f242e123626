// SmolLM2-135M-Instruct on English text, where scripts/fetch_smollm2.sh has put it: what no tiny model can show.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/random.h"
#include "data/tokenizer.h"
#include "support/curve.h"
#include "support/skips.h"

namespace vernier::testing {
namespace {

const std::string kModel = VERNIER_SOURCE_DIR "/models/SmolLM2-135M-Instruct.Q4_1.gguf";

// The first `count` tokens of this repository's README.
std::vector<std::int32_t> real_row(const ModelDir& base, std::size_t count) {
  std::ifstream file(VERNIER_SOURCE_DIR "/README.md");
  std::stringstream text;
  text << file.rdbuf();
  std::vector<std::int32_t> ids = load_tokenizer(base)->encode(text.str());
  ids.resize(count);
  return ids;
}

at::Tensor gradient(const ModelDir& base, const std::vector<std::int32_t>& row, ComputeRequest compute) {
  const Device device = cpu(compute);
  LoadOptions options;
  options.load_in_4bit = true;
  options.max_row_tokens = static_cast<std::int64_t>(row.size());
  Decoder model = load_base(base, parse_model_spec(base.config(), base.path()), options, device);
  LoraConfig lora;
  lora.r = 16;
  lora.alpha = 32;
  add_lora(model, lora, 1);
  // B starts at zero, where A has no gradient: some of it, the same for both.
  for (const TrainedTensor& trained : model.lora->tensors()) {
    if (!trained.name.ends_with("lora_B.weight")) continue;
    auto* b = static_cast<float*>(trained.value.data_ptr());
    const RandomStream stream(7, RandomPurpose::kLoraInit);
    for (std::int64_t i = 0; i < trained.value.numel(); ++i)
      b[i] = 0.02f * (stream.uniform(static_cast<std::uint64_t>(i)) - 0.5f);
  }
  Rows rows;
  rows.add(row.data(), row.data(), static_cast<std::int64_t>(row.size()));
  Arena arena;
  loss_and_gradients(model, device, rows.batch(), 1.0f / static_cast<float>(rows.target_count()), {}, arena);
  return model.lora->gradients().clone();
}

// Rounding nothing but the weights to bf16 moves this gradient by 1.2 %, the operands of all products with them by 2 to
// 3 % (docs/numerics.md): what is left to lose is little, and the norm does not move.
TEST(RealModel, BF16GradientIsNearF32) {
  if (!bf16_supported()) SKIP_CPU_LACKS("bf16 products");
  if (!std::filesystem::exists(kModel)) SKIP_MACHINE_LACKS("models/SmolLM2-135M-Instruct.Q4_1.gguf");
  const ModelDir base(kModel);
  const std::vector<std::int32_t> row = real_row(base, 400);
  const at::Tensor bf16 = gradient(base, row, ComputeRequest::kBF16), f32 = gradient(base, row, ComputeRequest::kF32);
  const double difference = relative_difference(bf16, f32);
  const Device device = cpu();
  const double norms = gradient_norm(bf16, device) / gradient_norm(f32, device) - 1;
  std::printf("bf16 gradient against f32: difference %.4f, norm %+.4f\n", difference, norms);
  EXPECT_LT(difference, 0.04);
  EXPECT_LT(std::abs(norms), 0.01);
}

}  // namespace
}  // namespace vernier::testing
