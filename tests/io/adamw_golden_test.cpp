#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/text.h"
#include "io/safetensors.h"
#include "kernels/rows.h"

namespace vernier {
namespace {

constexpr int kSteps = 20;
constexpr double kRate = 1e-2;  // about the size of one update, whose rounding a parameter near 0 keeps

std::vector<float> floats_of(const SafetensorsFile& file, const std::string& name) {
  const SafeTensor& tensor = file.at(name);
  EXPECT_EQ(tensor.dtype, Dtype::kF32) << name;
  std::vector<float> out(tensor.bytes.size() / sizeof(float));
  std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
  return out;
}

// The largest distance of `actual` from the golden values of a step, in ulps of the golden value or of `smallest`.
double worst_ulps(const std::vector<float>& actual, const std::vector<float>& golden, int step,
                  double smallest = 0x1p-126) {
  double worst = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double expected = golden[static_cast<std::size_t>(step) * actual.size() + i];
    const double ulp = std::ldexp(1.0, std::ilogb(std::max(std::abs(expected), smallest)) - 23);
    worst = std::max(worst, std::abs(static_cast<double>(actual[i]) - expected) / ulp);
  }
  return worst;
}

struct Worst {
  double parameter = 0, exp_avg = 0, exp_avg_sq = 0;
};

Worst follow(const SafetensorsFile& file, const RowKernels& loops, const std::string& tensor, double decay) {
  const std::string run = str("wd", decay, "/", tensor, ".");
  auto p = floats_of(file, tensor + ".init");
  const auto gradients = floats_of(file, tensor + ".grads");
  const auto golden_p = floats_of(file, run + "param");
  const auto golden_m = floats_of(file, run + "exp_avg"), golden_v = floats_of(file, run + "exp_avg_sq");
  EXPECT_EQ(golden_p.size(), p.size() * kSteps);
  std::vector<float> m(p.size(), 0.0f), v(p.size(), 0.0f);
  Worst worst;
  for (int step = 0; step < kSteps; ++step) {
    loops.adamw(p.data(), &gradients[static_cast<std::size_t>(step) * p.size()], m.data(), v.data(),
                static_cast<std::int64_t>(p.size()), 1.0f, kRate, 0.9, 0.999, 1e-8, decay, step + 1);
    worst.parameter = std::max(worst.parameter, worst_ulps(p, golden_p, step, kRate));
    worst.exp_avg = std::max(worst.exp_avg, worst_ulps(m, golden_m, step));
    worst.exp_avg_sq = std::max(worst.exp_avg_sq, worst_ulps(v, golden_v, step));
  }
  return worst;
}

// Twenty steps of torch.optim.AdamW, never set back to torch's values. The averages are torch's bits; the parameters
// may be a few roundings apart, since torch's vectorized square root is not always the nearest.
TEST(AdamwGolden, TwentyStepsFollowTorch) {
  const SafetensorsFile file(VERNIER_SOURCE_DIR "/tests/golden/optim/adamw_f32.safetensors");
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    if (!isa_supported(isa)) continue;
    for (const double decay : {0.0, 0.01}) {
      for (const std::string tensor : {"w0", "w1", "w2"}) {
        const Worst worst = follow(file, row_kernels(isa), tensor, decay);
        const std::string what = str(isa_name(isa), " ", tensor, " decay ", decay);
        RecordProperty(what, str(worst.parameter, " ", worst.exp_avg, " ", worst.exp_avg_sq));
        EXPECT_LE(worst.parameter, 4.0) << what;
        EXPECT_EQ(worst.exp_avg, 0.0) << what;
        EXPECT_EQ(worst.exp_avg_sq, 0.0) << what;
      }
    }
  }
}

}  // namespace
}  // namespace vernier
