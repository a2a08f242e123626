// One number that says whether the numerics changed: the losses of 20 steps on the tiny model, pinned to 1e-6 in f32.
// Moving them needs a page in docs/decisions that says why.

#include <gtest/gtest.h>

#include <array>

#include "support/curve.h"

namespace vernier::testing {
namespace {

constexpr std::array<double, 20> kLosses = {7.28895892, 7.02681522, 6.97236878, 6.96428654, 7.00638978,
                                            6.80980040, 6.58372720, 6.53949291, 6.94534939, 6.67144292,
                                            6.43515596, 6.42184253, 6.50502630, 6.35124941, 6.39063025,
                                            5.96784488, 6.38056077, 6.04730691, 6.58729811, 6.51482118};

TEST(Fingerprint, TwentyLossesInF32) {
  CurveRun run;
  run.model_dir = golden("arch/llama");
  run.curve_dir = golden("curves/tiny");
  const Curve curve = CurveReplay(run).play();
  ASSERT_GE(curve.loss.size(), kLosses.size());
  for (std::size_t i = 0; i < kLosses.size(); ++i) EXPECT_NEAR(curve.loss[i], kLosses[i], 1e-6) << "step " << i + 1;
}

}  // namespace
}  // namespace vernier::testing
