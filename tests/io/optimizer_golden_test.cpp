#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/text.h"
#include "io/safetensors.h"
#include "kernels/dynamic_map.h"
#include "kernels/optimizer.h"
#include "support/skips.h"

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

Worst follow(const SafetensorsFile& file, const OptimizerKernels& loops, const std::string& tensor, double decay) {
  const std::string run = str("wd", decay, "/", tensor, ".");
  auto p = floats_of(file, tensor + ".init");
  const auto gradients = floats_of(file, tensor + ".grads");
  const auto golden_p = floats_of(file, run + "param");
  const auto golden_m = floats_of(file, run + "exp_avg"), golden_v = floats_of(file, run + "exp_avg_sq");
  EXPECT_EQ(golden_p.size(), p.size() * kSteps);
  std::vector<float> m(p.size(), 0.0f), v(p.size(), 0.0f);
  Worst worst;
  for (int step = 0; step < kSteps; ++step) {
    loops.adamw_torch({kRate, 0.9, 0.999, 1e-8, decay, 1.0f, step + 1}, static_cast<std::int64_t>(p.size()),
                      &gradients[static_cast<std::size_t>(step) * p.size()], p.data(), m.data(), v.data());
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
        const Worst worst = follow(file, optimizer_kernels(isa), tensor, decay);
        const std::string what = str(isa_name(isa), " ", tensor, " decay ", decay);
        RecordProperty(what, str(worst.parameter, " ", worst.exp_avg, " ", worst.exp_avg_sq));
        EXPECT_LE(worst.parameter, 4.0) << what;
        EXPECT_EQ(worst.exp_avg, 0.0) << what;
        EXPECT_EQ(worst.exp_avg_sq, 0.0) << what;
      }
    }
  }
}

// ---- bitsandbytes and torch.optim.SGD: tests/golden/scripts/gen_optim_8bit.py

template <typename T>
std::vector<T> values_of(const SafetensorsFile& file, const std::string& name) {
  const SafeTensor& tensor = file.at(name);
  EXPECT_EQ(dtype_bytes(tensor.dtype), sizeof(T)) << name;
  std::vector<T> out(tensor.bytes.size() / sizeof(T));
  std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
  return out;
}

struct GoldenCase {
  const char *rule, *tensor;
  UpdateRule update;
};
constexpr GoldenCase kGoldenCases[] = {{"adamw_8bit", "big", UpdateRule::kAdamw8bit},
                                       {"adamw_8bit", "edge", UpdateRule::kAdamw8bit},
                                       {"adamw_8bit", "small", UpdateRule::kAdamw32bit},
                                       {"lion_8bit", "big", UpdateRule::kLion8bit},
                                       {"lion_8bit", "edge", UpdateRule::kLion8bit},
                                       {"lion_8bit", "small", UpdateRule::kLion32bit},
                                       {"sgd", "big", UpdateRule::kSgd},
                                       {"sgd", "edge", UpdateRule::kSgd},
                                       {"sgd", "small", UpdateRule::kSgd}};

// Elements that differ from the golden ones in any bit.
template <typename T>
std::size_t differing(const SafetensorsFile& file, const std::string& name, const void* actual) {
  const std::vector<T> expected = values_of<T>(file, name);
  std::size_t count = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    count += std::memcmp(&expected[i], static_cast<const T*>(actual) + i, sizeof(T)) != 0;
  return count;
}

void expect_golden(const SafetensorsFile& file, const GoldenCase& golden, Isa isa, double decay) {
  const std::string tensor = golden.tensor, run = str(golden.rule, "/wd", decay, "/", tensor, ".");
  auto parameter = floats_of(file, tensor + ".init");
  const auto gradients = floats_of(file, tensor + ".grads");
  const auto n = static_cast<std::int64_t>(parameter.size());
  std::vector<std::byte> state(static_cast<std::size_t>(state_bytes(golden.update, n)));
  const std::size_t steps = gradients.size() / parameter.size();
  for (std::size_t step = 0; step < steps; ++step)
    update_piece(optimizer_kernels(isa), {kRate, 0.9, 0.999, 1e-8, decay, 1.0f, static_cast<std::int64_t>(step) + 1},
                 {golden.update, 0, n, 0}, &gradients[step * parameter.size()], parameter.data(), state.data());
  EXPECT_EQ(differing<float>(file, run + "param", parameter.data()), 0u) << isa_name(isa) << " " << run;
  for (const StateArray& array : state_arrays(golden.update, n)) {
    const std::byte* const actual = state.data() + array.offset;
    const std::string name = run + array.name;
    EXPECT_EQ(
        array.dtype == Dtype::kU8 ? differing<std::uint8_t>(file, name, actual) : differing<float>(file, name, actual),
        0u)
        << isa_name(isa) << " " << name;
  }
}

TEST(OptimizerGolden, BitsAreThoseOfBitsandbytesAndTorch) {
  const SafetensorsFile file(VERNIER_SOURCE_DIR "/tests/golden/optim/optimizers.safetensors");
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    if (!isa_supported(isa)) continue;
    for (const GoldenCase& golden : kGoldenCases)
      for (const double decay : {0.0, 0.1}) expect_golden(file, golden, isa, decay);
  }
}

TEST(OptimizerGolden, MapsAreThoseOfBitsandbytes) {
  const SafetensorsFile file(VERNIER_SOURCE_DIR "/tests/golden/optim/optimizers.safetensors");
  EXPECT_EQ(differing<float>(file, "qmap_signed", kSignedDynamicTable.values), 0u);
  EXPECT_EQ(differing<float>(file, "qmap_unsigned", kUnsignedDynamicTable.values), 0u);
}

// The larger set of references: ten steps, of which four are kept, by the CUDA rule with the decay before the update.
TEST(OptimizerGolden, SharedEightBitRun) {
  SKIP_WITHOUT_SHARED("golden/optim/adamw_8bit.safetensors");
  const std::string path = shared_path("golden/optim/adamw_8bit.safetensors");
  const SafetensorsFile file(path);
  for (const double decay : {0.0, 0.01}) {
    for (const auto& [tensor, rule] :
         {std::pair("big", UpdateRule::kAdamw8bit), std::pair("small", UpdateRule::kAdamw32bit)}) {
      auto parameter = floats_of(file, str(tensor, ".init"));
      const auto gradients = floats_of(file, str(tensor, ".grads"));
      const auto n = static_cast<std::int64_t>(parameter.size());
      std::vector<std::byte> state(static_cast<std::size_t>(state_bytes(rule, n)));
      for (std::size_t step = 0; step < 10; ++step)
        update_piece(optimizer_kernels(choose_isa("auto")),
                     {kRate, 0.9, 0.999, 1e-8, decay, 1.0f, static_cast<std::int64_t>(step) + 1}, {rule, 0, n, 0},
                     &gradients[step * parameter.size()], parameter.data(), state.data());
      const auto golden = floats_of(file, str("exact/wd", decay, "/", tensor, ".param"));
      EXPECT_EQ(std::memcmp(&golden[3 * parameter.size()], parameter.data(), 4 * parameter.size()), 0) << tensor;
      const auto codes = values_of<std::uint8_t>(file, str("exact/wd", decay, "/big.state1"));
      if (rule != UpdateRule::kAdamw8bit) continue;
      const StateArray exp_avg = state_arrays(rule, n).arrays[2];
      EXPECT_EQ(std::memcmp(&codes[3 * parameter.size()], state.data() + exp_avg.offset, parameter.size()), 0);
    }
  }
}

}  // namespace
}  // namespace vernier
