#pragma once
// Replays a training curve that PEFT + bitsandbytes wrote (tests/golden/scripts/gen_curve.py): the same data, the same
// initial adapters, 30 optimizer steps.

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "optim/clip.h"
#include "optim/schedule.h"
#include "support/model_fixture.h"
#include "train/run_optimizer.h"

namespace vernier::testing {

struct Curve {
  std::vector<double> loss, grad_norm, rate;
  std::vector<at::Tensor> first_gradients, third_gradients;  // as lora->tensors(), unclipped
};

// More layers than any test model has.
inline constexpr KeptLayers kAllKept{1000, 1000}, kAttentionKept{0, 1000}, kNothingKept{};

struct CurveRun {
  std::string model_dir, curve_dir;
  bool load_in_4bit = true;
  ComputeRequest compute = ComputeRequest::kF32;
  double learning_rate = 1e-3;
  KeptLayers kept = kAllKept;
};

class CurveReplay {
 public:
  explicit CurveReplay(const CurveRun& run) : device(cpu(run.compute)), run_(run) {
    LoadOptions options;
    options.load_in_4bit = run.load_in_4bit;
    options.max_row_tokens = 1024;
    model = load(run.model_dir, options, device);
    LoraConfig lora;
    lora.r = 8;
    lora.alpha = 16;
    add_lora(model, lora, 1);
    const SafetensorsFile init(run.curve_dir + "/init_lora.safetensors");
    for (const TrainedTensor& trained : model.lora->tensors()) read_f32_into(init, trained.name, trained.value);
    for (const TrainedTensor& trained : model.lora->tensors()) initial_.push_back(trained.value.clone());
  }

  Curve play() {
    const SafetensorsFile data(run_.curve_dir + "/data.safetensors");
    const at::Tensor ids = tensor(data, "input_ids"), labels = tensor(data, "labels");
    OptimizerConfig config;
    config.learning_rate = run_.learning_rate;
    config.warmup_steps = 3;
    const Schedule schedule(config, ids.size(0));
    Optimizer optimizer = make_optimizer(*model.lora, config);
    Curve curve;
    for (std::int64_t step = 0; step < ids.size(0); ++step) {
      curve.loss.push_back(gradients(ids[step], labels[step]));
      if (step == 0) curve.first_gradients = copy_gradients();
      if (step == 2) curve.third_gradients = copy_gradients();
      curve.grad_norm.push_back(gradient_norm(model.lora->gradients(), device));
      curve.rate.push_back(schedule.rate(step));
      optimizer.step(device, curve.rate.back(), clip_factor(curve.grad_norm.back(), 1.0));
    }
    return curve;
  }

  // Mean loss of one step's micro batches [accum, micro, seq]; gradients of it.
  double gradients(const at::Tensor& ids, const at::Tensor& labels) {
    std::vector<Rows> micro(static_cast<std::size_t>(ids.size(0)));
    std::int64_t targets = 0;
    for (std::int64_t m = 0; m < ids.size(0); ++m) {
      Rows& rows = micro[static_cast<std::size_t>(m)];
      for (std::int64_t r = 0; r < ids.size(1); ++r)
        rows.add(static_cast<const std::int32_t*>(ids[m][r].data_ptr()),
                 static_cast<const std::int32_t*>(labels[m][r].data_ptr()), ids.size(2));
      targets += rows.target_count();
    }
    model.lora->gradients().zero_();
    double total = 0;
    for (const Rows& rows : micro)
      total +=
          loss_and_gradients(model, device, rows.batch(), 1.0f / static_cast<float>(targets), run_.kept, arena).loss;
    return total / static_cast<double>(targets);
  }

  // Largest |ours - theirs| / |theirs - initial| by the norm, over the trained tensors.
  double worst_movement_difference(const SafetensorsFile& file, const std::string& prefix) const {
    double worst = 0;
    const auto& trained = model.lora->tensors();
    for (std::size_t i = 0; i < trained.size(); ++i) {
      const at::Tensor theirs = tensor(file, prefix + trained[i].name);
      worst = std::max(worst, (trained[i].value.sub(theirs).norm() / theirs.sub(initial_[i]).norm()).item().toDouble());
    }
    return worst;
  }

  Device device;
  Decoder model;
  Arena arena;

 private:
  std::vector<at::Tensor> copy_gradients() const {
    std::vector<at::Tensor> copies;
    for (const TrainedTensor& trained : model.lora->tensors()) copies.push_back(trained.gradient.clone());
    return copies;
  }

  CurveRun run_;
  std::vector<at::Tensor> initial_;  // as lora->tensors()
};

struct CurveDifference {
  double worst_relative_loss = 0, worst_loss = 0, mean_loss = 0, worst_relative_norm = 0, worst_rate = 0;
};

inline CurveDifference compare(const Curve& curve, const SafetensorsFile& file) {
  const at::Tensor loss = tensor(file, "loss").to(at::kDouble), norm = tensor(file, "grad_norm").to(at::kDouble);
  const at::Tensor rate = tensor(file, "lr").to(at::kDouble);
  CurveDifference difference;
  for (std::size_t i = 0; i < curve.loss.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    const double expected = loss[at].item().toDouble(), expected_norm = norm[at].item().toDouble();
    const double apart = std::abs(curve.loss[i] - expected);
    difference.worst_loss = std::max(difference.worst_loss, apart);
    difference.worst_relative_loss = std::max(difference.worst_relative_loss, apart / expected);
    difference.mean_loss += apart / static_cast<double>(curve.loss.size());
    difference.worst_relative_norm =
        std::max(difference.worst_relative_norm, std::abs(curve.grad_norm[i] - expected_norm) / expected_norm);
    difference.worst_rate = std::max(difference.worst_rate, std::abs(curve.rate[i] - rate[at].item().toDouble()));
  }
  return difference;
}

}  // namespace vernier::testing
