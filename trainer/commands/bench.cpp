// `vernier bench CONFIG`: a few steps of the run that `train` would make, timed by part and weighed, beside what the
// machine can do at most. Writes nothing.

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "commands/bench_report.h"
#include "commands/command.h"
#include "commands/run_device.h"
#include "commands/run_inputs.h"
#include "commands/run_model.h"
#include "data/batches.h"
#include "spec/lora_targets.h"
#include "tensor/peak_rates.h"
#include "train/run_optimizer.h"
#include "train/train_step.h"
#include "train/trainer.h"

namespace vernier {

namespace {

struct BenchArguments {
  ConfigArguments config;
  std::int64_t steps = 5;
  bool json = false;
};

StepWork work_of(const MicroBatch& micro) {
  StepWork work{micro.tokens(), micro.trained_tokens(), 0};
  for (std::size_t row = 1; row < micro.row_starts.size(); ++row) {
    const double tokens = micro.row_starts[row] - micro.row_starts[row - 1];
    work.squared_row_tokens += tokens * tokens;
  }
  return work;
}

// The work of step number `step`; `largest` grows to that of the largest micro batch seen.
StepWork work_of(const Batches& batches, std::int64_t step, StepWork& largest) {
  StepWork sum;
  for (const MicroBatch& micro : batches.step(step).micro) {
    const StepWork work = work_of(micro);
    if (work.targets == 0) continue;  // it is not run
    sum += work;
    if (work.tokens > largest.tokens) largest = work;
  }
  return sum;
}

// Runs the steps behind the first, which warms up.
void run_steps(const RunInputs& inputs, Device& device, const KeepChoice& keep, std::int64_t count, BenchResult& result,
               const Log& log) {
  const Config& config = inputs.config();
  Decoder model = load_run_model(inputs, device);
  Optimizer optimizer = make_optimizer(*model.lora, config.optimizer, keep.paging);
  const Batches batches(inputs.train, config.batch, config.seed);
  auto timed = std::make_unique<TimedOps>(std::move(device.ops), model.head.weight.dense(), model.lora->values());
  TimedOps& ops = *timed;
  device.ops = std::move(timed);
  TrainStep step({device, model, batches, optimizer, inputs.train}, config.optimizer,
                 std::max(total_steps(config.train, batches.steps_per_epoch()), count + 1),
                 {keep.kept, keep.plan.kept + keep.plan.working});
  StepWork largest;
  for (std::int64_t i = 0; i <= count; ++i) {
    log.live(i == 0 ? "warming up" : str("step ", i, "/", count));
    const StepWork work = work_of(batches, i, largest);
    const StepMetrics metrics = step.take(i);
    const StepWorks works = ops.take();
    if (i > 0) result.steps.push_back({metrics, works, step_flops(inputs.spec, model.lora->values().numel(), work)});
  }
  MemoryRequest request = memory_request(inputs, config, device.compute == at::kBFloat16, device.threads,
                                         {{0, inputs.spec.layers}, optimizer.resident_bytes()});
  request.micro_batch_tokens = largest.tokens;
  request.micro_batch_targets = largest.targets;
  result.floor = memory_floor(inputs.spec, request);
}

int bench(const BenchArguments& arguments, const std::vector<std::string>& overrides, const Log& log) {
  RunInputs inputs = open_run(arguments.config.path, overrides, Purpose::kTrain, log);
  read_datasets(inputs, log);
  Device device = open_run_device(inputs.config().device);
  const KeepChoice keep = choose_keep(inputs, device);
  const bool bf16 = device.compute == at::kBFloat16;
  const PeakLoop loop = bf16 ? PeakLoop::kBF16 : PeakLoop::kF32;
  BenchResult result;
  result.base = inputs.base->name();
  result.device = device.description();
  result.compute = bf16 ? "bf16" : "f32";
  result.keep = keep.explanation;
  result.threads = device.threads;
  result.plan = keep.plan;
  log.live("measuring the peak");
  result.peak_before = measure_multiply_rate(device.isa, loop);
  result.rss_before_model = rss_bytes();
  run_steps(inputs, device, keep, arguments.steps, result, log);
  result.peak_rss = peak_rss_bytes();
  log.live("measuring the peak");
  result.peak_after = measure_multiply_rate(device.isa, loop);
  result.read_rate = measure_read_rate(device.isa);
  log.info(str("timed ", count_of(arguments.steps, "step"), " behind one that warmed up"));
  std::printf("%s", (arguments.json ? bench_json(result) + "\n" : bench_text(result)).c_str());
  return 0;
}

}  // namespace

void add_bench(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand("bench", "Time and memory of a training step by part, beside the peak");
  const auto arguments = std::make_shared<BenchArguments>();
  arguments->config.add_to(*command, line.log);
  command->add_option("--steps", arguments->steps, "Steps to time, behind one that warms up")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "One JSON object on stdout");
  command->callback([&line, command, arguments] {
    line.run = [=](const Log& log) { return bench(*arguments, ConfigArguments::overrides(*command), log); };
  });
}

}  // namespace vernier
