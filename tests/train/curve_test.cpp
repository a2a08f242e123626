// A tiny model against the 30-step curves that PEFT + bitsandbytes wrote for it (tests/golden/curves/tiny).

#include <gtest/gtest.h>

#include "support/curve.h"
#include "support/skips.h"

namespace vernier::testing {
namespace {

constexpr double kLearningRate = 5e-3;

CurveRun tiny(const KeptLayers& kept, bool load_in_4bit = true) {
  CurveRun run;
  run.model_dir = golden("arch/llama");
  run.curve_dir = golden("curves/tiny");
  run.learning_rate = kLearningRate;
  run.kept = kept;
  run.load_in_4bit = load_in_4bit;
  return run;
}

void expect_follows(const CurveRun& run, const std::string& file_name) {
  CurveReplay replay(run);
  const Curve curve = replay.play();
  const SafetensorsFile file(run.curve_dir + "/" + file_name);
  const CurveDifference difference = compare(curve, file);
  ASSERT_EQ(curve.loss.size(), 30u);
  EXPECT_LT(difference.worst_relative_loss, 1e-4);
  EXPECT_LT(difference.worst_relative_norm, 2e-3);
  EXPECT_LT(difference.worst_rate, 1e-12);
  const double movement = replay.worst_movement_difference(file, "final/");
  EXPECT_LT(movement, 1e-3);
  std::printf("%s: loss %.1e, norm %.1e, movement %.1e\n", file_name.c_str(), difference.worst_relative_loss,
              difference.worst_relative_norm, movement);
}

class TinyCurve : public ::testing::TestWithParam<KeptLayers> {};

TEST_P(TinyCurve, QloraFollowsPeftAndBitsandbytes) {
  expect_follows(tiny(GetParam()), "f32.safetensors");
}

TEST_P(TinyCurve, LoraFollowsPeft) {
  expect_follows(tiny(GetParam(), false), "f32_lora.safetensors");
}

// B is zero in the first two steps (the first rate is 0), so the gradients of A are zero and not stored.
TEST_P(TinyCurve, GradientsOfTheFirstAndTheThirdStepAgree) {
  CurveReplay replay(tiny(GetParam()));
  const Curve curve = replay.play();
  const SafetensorsFile file(tiny(GetParam()).curve_dir + "/f32.safetensors");
  const auto& trained = replay.model.lora->tensors();
  std::size_t compared = 0;
  for (const auto& [prefix, gradients] :
       {std::pair{"grad_step0/", &curve.first_gradients}, std::pair{"grad_step2/", &curve.third_gradients}})
    for (std::size_t i = 0; i < trained.size(); ++i) {
      const SafeTensor* expected = file.find(prefix + trained[i].name);
      if (expected == nullptr) {
        EXPECT_EQ((*gradients)[i].abs().max().item().toDouble(), 0) << prefix << trained[i].name;
        continue;
      }
      EXPECT_LT(relative_difference((*gradients)[i], read_tensor(*expected)), 1e-3) << prefix << trained[i].name;
      ++compared;
    }
  EXPECT_EQ(compared, 14u + 28u);
}

TEST_P(TinyCurve, BF16StaysNearTheF32Curve) {
  if (!bf16_supported()) SKIP_CPU_LACKS("bf16 products");
  CurveRun run = tiny(GetParam());
  run.compute = ComputeRequest::kBF16;
  const CurveDifference difference =
      compare(CurveReplay(run).play(), SafetensorsFile(run.curve_dir + "/f32.safetensors"));
  EXPECT_LT(difference.worst_loss, 2e-2);
  std::printf("bf16 against f32: worst %.1e, mean %.1e\n", difference.worst_loss, difference.mean_loss);
}

INSTANTIATE_TEST_SUITE_P(All, TinyCurve, ::testing::Values(kAllKept, kAttentionKept, kNothingKept),
                         [](const auto& parameter) {
                           return parameter.param.all > 0         ? "KeepAll"
                                  : parameter.param.attention > 0 ? "KeepAttention"
                                                                  : "KeepNothing";
                         });

}  // namespace
}  // namespace vernier::testing
