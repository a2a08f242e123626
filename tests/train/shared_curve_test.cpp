// Real small models of ../shared against the curves PEFT + bitsandbytes wrote for them.

#include <gtest/gtest.h>

#include <filesystem>

#include "support/curve.h"
#include "support/skips.h"

namespace vernier::testing {
namespace {

class SharedCurve : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { SKIP_WITHOUT_SHARED("golden/curves"); }
  CurveRun run() const {
    CurveRun run;
    run.model_dir = shared_path(std::string("models/") + GetParam() + "/hf");
    run.curve_dir = shared_path(std::string("golden/curves/") + GetParam());
    return run;
  }
};

TEST_P(SharedCurve, F32FollowsPeft) {
  CurveReplay replay(run());
  const Curve curve = replay.play();
  const SafetensorsFile file(run().curve_dir + "/f32.safetensors");
  const CurveDifference difference = compare(curve, file);
  EXPECT_LT(difference.worst_relative_loss, 1e-4);
  EXPECT_LT(difference.worst_relative_norm, 2e-3);
  EXPECT_LT(difference.worst_rate, 1e-12);
  const SafetensorsFile final(run().curve_dir + "/adapter_f32/adapter_model.safetensors");
  EXPECT_LT(replay.worst_movement_difference(final, ""), 1e-3);
  RecordProperty("loss", std::to_string(difference.worst_relative_loss));
}

TEST_P(SharedCurve, RecomputingGivesTheSameCurve) {
  CurveRun again = run();
  again.kept = kNothingKept;
  EXPECT_EQ(CurveReplay(again).play().loss, CurveReplay(run()).play().loss);
}

TEST_P(SharedCurve, BF16StaysNearTheF32Curve) {
  if (!bf16_supported()) SKIP_CPU_LACKS("bf16 products");
  CurveRun bf16 = run();
  bf16.compute = ComputeRequest::kBF16;
  const Curve curve = CurveReplay(bf16).play();
  const CurveDifference difference = compare(curve, SafetensorsFile(run().curve_dir + "/f32.safetensors"));
  const bool stories = std::string(GetParam()) == "stories260K";
  EXPECT_LT(difference.worst_loss, stories ? 2e-2 : 1e-2);
  EXPECT_LT(difference.mean_loss, 6e-3);
  std::printf("bf16 against f32: worst %.2e, mean %.2e\n", difference.worst_loss, difference.mean_loss);
}

INSTANTIATE_TEST_SUITE_P(All, SharedCurve, ::testing::Values("stories260K", "babyllama_tok361"));

TEST(SharedCurveLora, UnquantizedFollowsPeft) {
  SKIP_WITHOUT_SHARED("golden/curves");
  CurveRun run;
  run.model_dir = shared_path("models/stories260K/hf");
  run.curve_dir = shared_path("golden/curves/stories260K");
  run.load_in_4bit = false;
  const CurveDifference difference =
      compare(CurveReplay(run).play(), SafetensorsFile(run.curve_dir + "/f32_lora.safetensors"));
  EXPECT_LT(difference.worst_relative_loss, 1e-4);
  EXPECT_LT(difference.worst_relative_norm, 2e-3);
}

}  // namespace
}  // namespace vernier::testing
