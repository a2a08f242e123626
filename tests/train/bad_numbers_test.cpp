// NaN, Inf and 1e38 put into gradients at random (step, tensor, element), bf16 that overflows, and steps without
// targets: no update is made from them, and adapter and optimizer stay as they were, bit for bit.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "io/read_file.h"
#include "io/safetensors.h"
#include "support/fault_counts.h"
#include "support/fault_trials.h"
#include "support/model_fixture.h"
#include "tensor/tensor_files.h"
#include "train/run_optimizer.h"
#include "train/train_step.h"

namespace vernier::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A row without a target has its labels masked.
Dataset some_rows(int count, int masked_from = 1000) {
  Dataset dataset;
  for (int i = 0; i < count; ++i) {
    Row row;
    for (int t = 0; t < 12; ++t) row.input_ids.push_back(3 + (i * 31 + t * 7) % 200);
    row.labels = row.input_ids;
    if (i >= masked_from) row.labels.assign(row.input_ids.size(), kNoTarget);
    dataset.add(row, "rows.jsonl", i + 1);
  }
  return dataset;
}

struct SteppedRun {
  Device device;
  Decoder model;
  Dataset dataset;
  OptimizerConfig config;
  std::unique_ptr<Batches> batches;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<TrainStep> step;

  explicit SteppedRun(Dataset rows, double max_grad_norm = 1, ComputeRequest compute = ComputeRequest::kF32)
      : device(cpu(compute)), dataset(std::move(rows)) {
    LoadOptions options;
    options.load_in_4bit = true;
    options.max_row_tokens = 64;
    model = load(golden("arch/llama"), options, device);
    LoraConfig lora;
    lora.r = 4;
    lora.alpha = 8;
    add_lora(model, lora, 1);
    config.learning_rate = 0.01;
    config.max_grad_norm = max_grad_norm;
    BatchConfig batch;
    batch.micro_batch_size = 2;
    batch.gradient_accumulation_steps = 2;
    batch.shuffle = false;
    batches = std::make_unique<Batches>(dataset, batch, 1);
    optimizer = std::make_unique<Optimizer>(make_optimizer(*model.lora, config));
    step = std::make_unique<TrainStep>(TrainStep::Parts{device, model, *batches, *optimizer, dataset}, config, 1000,
                                       TrainStep::Memory{2, 0});
  }

  // Step `number` with `value` put into one gradient once all micro batches have gone backward.
  StepMetrics take(std::int64_t number, std::size_t tensor, std::int64_t element, float value) {
    return step->take(number, [&](double share, double) {
      if (share < 1 - 1e-9) return;
      at::Tensor gradient = model.lora->tensors()[tensor].gradient;
      gradient.flatten()[element] = value;
    });
  }
};

// The adapter's values, and the optimizer's whole state as a checkpoint holds it.
struct Snapshot {
  at::Tensor values;
  std::string state;
  std::vector<at::Tensor> states;

  explicit Snapshot(const SteppedRun& run) : values(run.model.lora->values().clone()) {
    std::string directory = std::filesystem::temp_directory_path() / "vernier-numbers-XXXXXX";
    EXPECT_NE(mkdtemp(directory.data()), nullptr);
    const std::string path = directory + "/optimizer.safetensors";
    run.optimizer->save(path);
    state = read_file(path);
    {
      const SafetensorsFile file(path);
      for (const SafeTensor& tensor : file.tensors()) states.push_back(read_tensor(tensor));
    }
    std::filesystem::remove_all(directory);
  }
  bool operator==(const Snapshot& other) const { return state == other.state && at::equal(values, other.values); }
  bool finite() const {
    return std::all_of(states.begin(), states.end(),
                       [](const at::Tensor& tensor) { return at::isfinite(tensor).all().item<bool>(); }) &&
           at::isfinite(values).all().item<bool>();
  }
};

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();

TEST(BadNumbers, RandomFaultsLeaveNoTrace) {
  const int trials = test::fault_trials(20, 500);
  const RandomStream random(11, RandomPurpose::kSampling);
  SteppedRun run(some_rows(40)), clean(some_rows(40));
  std::int64_t skipped = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const auto at = static_cast<std::uint64_t>(4 * trial);
    const auto& tensors = run.model.lora->tensors();
    const std::size_t tensor = random.at(at) % tensors.size();
    const auto element = static_cast<std::int64_t>(random.at(at + 1)) % tensors[tensor].value.numel();
    const std::array<float, 3> faults = {kNan, kInf, -kInf};
    const Snapshot before(run);
    const StepMetrics bad = run.take(trial, tensor, element, faults[random.at(at + 2) % 3]);
    ASSERT_TRUE(bad.skipped) << "trial " << trial;
    ASSERT_TRUE(before == Snapshot(run)) << "trial " << trial;
    EXPECT_EQ(bad.skipped->tensor, tensors[tensor].name);
    EXPECT_THAT(explain(*bad.skipped, run.dataset), HasSubstr("rows: rows.jsonl:"));
    EXPECT_EQ(bad.step, trial + 1);
    ++skipped;
    // The next steps are those of a run that never saw the fault: only the learning rate's place has moved on.
    ASSERT_FALSE(run.step->take(trial).skipped);
    ASSERT_FALSE(clean.step->take(trial).skipped);
    ASSERT_TRUE(Snapshot(run) == Snapshot(clean)) << "trial " << trial;
  }
  EXPECT_EQ(skipped, trials);
  test::tell_count(str("NaN or Inf in a gradient: ", trials));
}

TEST(BadNumbers, HugeGradientsNeverReachTheStatesAsInf) {
  const int trials = test::fault_trials(20, 500);
  const RandomStream random(12, RandomPurpose::kSampling);
  for (const double clipping : {1.0, 0.0}) {
    SteppedRun run(some_rows(40), clipping);
    for (int trial = 0; trial < trials; ++trial) {
      const std::size_t tensor = random.at(static_cast<std::uint64_t>(trial)) % run.model.lora->tensors().size();
      const Snapshot before(run);
      const StepMetrics metrics = run.take(trial, tensor, 0, trial % 2 == 0 ? 1e38f : -3e38f);
      EXPECT_EQ(metrics.skipped.has_value(), clipping == 0) << "clipped, it is a gradient like any other";
      ASSERT_TRUE(!metrics.skipped || before == Snapshot(run));
      ASSERT_TRUE(Snapshot(run).finite()) << "trial " << trial << " clipping " << clipping;
    }
  }
  test::tell_count(str("huge gradients: ", 2 * trials));
}

// An adapter so large that products overflow, in both types.
TEST(BadNumbers, OverflowInTheForwardPass) {
  for (const ComputeRequest compute : {ComputeRequest::kF32, ComputeRequest::kAuto}) {
    SteppedRun run(some_rows(40), 1, compute);
    run.model.lora->values().fill_(1e30f);
    const Snapshot before(run);
    const StepMetrics metrics = run.step->take(0);
    ASSERT_TRUE(metrics.skipped);
    EXPECT_THAT(metrics.skipped->reason, HasSubstr("the loss is"));
    EXPECT_EQ(metrics.skipped->rows.size(), 2u) << "the rows of the micro batch that is bad";
    EXPECT_THAT(explain(*metrics.skipped, run.dataset), HasSubstr("; first bad output: model.layers.0; rows: "));
    EXPECT_TRUE(before == Snapshot(run));
  }
}

// The module whose output is the first that is bad, not the first gradient behind it.
TEST(BadNumbers, TheLayerWhereALossWentBad) {
  SteppedRun run(some_rows(40));
  for (const TrainedTensor& tensor : run.model.lora->tensors())
    if (tensor.name.find(".layers.1.") != std::string::npos) at::Tensor(tensor.value).fill_(1e30f);
  EXPECT_EQ(run.step->take(0).skipped->tensor, "model.layers.1");

  SteppedRun head(some_rows(40));
  head.model.head.norm.fill_(kNan);
  EXPECT_EQ(head.step->take(0).skipped->tensor, "lm_head");
}

TEST(BadNumbers, AStepWithoutTargets) {
  SteppedRun run(some_rows(8, 4));
  ASSERT_FALSE(run.step->take(0).skipped);
  const Snapshot before(run);
  const StepMetrics metrics = run.step->take(1);
  ASSERT_TRUE(metrics.skipped);
  EXPECT_FALSE(metrics.skipped->bad_numbers);
  EXPECT_EQ(explain(*metrics.skipped, run.dataset),
            "no target in its rows; rows: rows.jsonl:5, rows.jsonl:6, rows.jsonl:7, rows.jsonl:8");
  EXPECT_TRUE(before == Snapshot(run));

  Dataset empty;
  for (int i = 0; i < 4; ++i) empty.add(Row{}, "empty.jsonl", i + 1);
  SteppedRun without(std::move(empty));
  const Snapshot start(without);
  EXPECT_TRUE(without.step->take(0).skipped);
  EXPECT_TRUE(start == Snapshot(without));
}

TEST(BadNumbers, AMaskedMicroBatchBesideAnother) {
  SteppedRun run(some_rows(4, 2));  // the second micro batch of the step has no target
  const StepMetrics metrics = run.step->take(0);
  EXPECT_FALSE(metrics.skipped);
  EXPECT_TRUE(std::isfinite(metrics.loss));
}

TEST(BadNumbers, LinesSayWhy) {
  StepMetrics metrics;
  metrics.step = 3;
  metrics.skipped = SkippedStep{"the loss is NaN", "base_model.x", {}, true};
  const std::string line = metrics_line(metrics, 1);
  EXPECT_THAT(line, HasSubstr("\"skipped\": \"the loss is NaN\", \"tensor\": \"base_model.x\""));
  EXPECT_THAT(line, Not(HasSubstr("grad_norm")));
}

// A step that is given up between any two layers leaves nothing behind, and is done again with the same bits.
TEST(DroppedStep, IsDoneAgainExactly) {
  SteppedRun run(some_rows(40)), clean(some_rows(40));
  struct Given {};
  const StepMetrics whole = clean.step->take(0);
  int told = 0;
  for (int drop_at = 0;; ++drop_at) {
    const Snapshot before(run);
    told = 0;
    double last_share = 0;
    try {
      const StepMetrics metrics = run.step->take(0, [&](double share, double seconds) {
        EXPECT_GT(share, last_share);
        EXPECT_LE(share, 1 + 1e-9);
        EXPECT_GE(seconds, 0);
        last_share = share;
        if (told++ == drop_at) throw Given{};
      });
      EXPECT_EQ(metrics.loss, whole.loss);
      EXPECT_NEAR(last_share, 1, 1e-9);
      break;
    } catch (const Given&) {
      ASSERT_TRUE(before == Snapshot(run)) << "given up at " << drop_at;
    }
  }
  EXPECT_EQ(told, 2 * 2 * 2) << "micro batches x layers x directions";
  EXPECT_TRUE(Snapshot(run) == Snapshot(clean));
}

}  // namespace
}  // namespace vernier::testing
