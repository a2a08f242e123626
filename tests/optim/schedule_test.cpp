// Learning rates against transformers.get_scheduler (tests/golden/scripts/gen_optim.py), and clipping.

#include "optim/schedule.h"

#include <gtest/gtest.h>

#include <ATen/ops/tensor.h>

#include <limits>

#include "base/error.h"
#include "io/json.h"
#include "optim/clip.h"
#include "tensor/device.h"

namespace vernier {
namespace {

struct NamedSchedule {
  const char* name;
  Scheduler kind;
};

class ScheduleGolden : public ::testing::TestWithParam<NamedSchedule> {};

TEST_P(ScheduleGolden, EveryRateIsTransformers) {
  const Json golden = read_json_file(VERNIER_SOURCE_DIR "/tests/golden/optim/schedules.json");
  OptimizerConfig config;
  config.learning_rate = golden["base_lr"].get<double>();
  config.warmup_steps = golden["num_warmup_steps"].get<std::int64_t>();
  config.lr_scheduler = GetParam().kind;
  const Schedule schedule(config, golden["num_training_steps"].get<std::int64_t>());
  const Json& expected = golden["schedules"][GetParam().name]["lr"];
  ASSERT_GE(expected.size(), 50u);
  for (std::size_t step = 0; step < expected.size(); ++step)
    EXPECT_NEAR(schedule.rate(static_cast<std::int64_t>(step)), expected[step].get<double>(), 1e-15) << step;
}

INSTANTIATE_TEST_SUITE_P(All, ScheduleGolden,
                         ::testing::Values(NamedSchedule{"linear", Scheduler::kLinear},
                                           NamedSchedule{"cosine", Scheduler::kCosine},
                                           NamedSchedule{"constant", Scheduler::kConstant},
                                           NamedSchedule{"constant_with_warmup", Scheduler::kConstantWithWarmup}));

TEST(Schedule, WarmupOfARatioIsRoundedUp) {
  OptimizerConfig config;
  EXPECT_EQ(warmup_steps(config, 100), 0);
  config.warmup_ratio = 0.03;
  EXPECT_EQ(warmup_steps(config, 100), 3);
  EXPECT_EQ(warmup_steps(config, 101), 4);
  config.warmup_ratio.reset();
  config.warmup_steps = 7;
  EXPECT_EQ(warmup_steps(config, 100), 7);
}

TEST(Schedule, FirstWarmupStepHasRateZero) {
  OptimizerConfig config;
  config.warmup_steps = 2;
  EXPECT_EQ(Schedule(config, 10).rate(0), 0);
  config.warmup_steps = 0;
  EXPECT_EQ(Schedule(config, 10).rate(0), config.learning_rate);
}

TEST(Clip, NormAndFactorAreTorchs) {
  const Device device = open_device("cpu", "auto", ComputeRequest::kF32, 1);
  const at::Tensor gradients = at::tensor({3.0f, 0.0f, -4.0f});
  EXPECT_DOUBLE_EQ(gradient_norm(gradients, device), 5);
  EXPECT_FLOAT_EQ(clip_factor(5, 1), static_cast<float>(1 / (5 + 1e-6)));
  EXPECT_EQ(clip_factor(0.5, 1), 1);
  EXPECT_EQ(clip_factor(5, 0), 1);
}

TEST(Clip, NormOfABadGradientIsNotFinite) {
  const Device device = open_device("cpu", "auto", ComputeRequest::kF32, 1);
  at::Tensor gradients = at::tensor({1.0f, 2.0f});
  gradients[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(std::isfinite(gradient_norm(gradients, device)));
}

}  // namespace
}  // namespace vernier
