// The update rules: the nearest code against a search of the whole map, AdamW against its formula, and every table
// against the scalar one.

#include "kernels/optimizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/dynamic_map.h"
#include "kernels/rows_support.h"
#include "support/naive_rows.h"
#include "support/skips.h"

namespace vernier {
namespace {

constexpr UpdateRule kRules[] = {UpdateRule::kAdamwTorch, UpdateRule::kAdamw32bit, UpdateRule::kAdamw8bit,
                                 UpdateRule::kLion32bit,  UpdateRule::kLion8bit,   UpdateRule::kSgd};

// One tensor with its state.
struct Trained {
  UpdateRule rule;
  std::vector<float> parameter;
  std::vector<std::byte> state;

  Trained(UpdateRule update, std::vector<float> values)
      : rule(update),
        parameter(std::move(values)),
        state(static_cast<std::size_t>(state_bytes(rule, static_cast<std::int64_t>(parameter.size())))) {}

  void step(Isa isa, const UpdateStep& step, const std::vector<float>& gradient) {
    update_piece(optimizer_kernels(isa), step, {rule, 0, static_cast<std::int64_t>(parameter.size()), 0},
                 gradient.data(), parameter.data(), state.data());
  }
  const std::byte* array(const std::string& name) const {
    for (const StateArray& array : state_arrays(rule, static_cast<std::int64_t>(parameter.size())))
      if (array.name == name) return state.data() + array.offset;
    ADD_FAILURE() << "no array " << name;
    return nullptr;
  }
};

class Rules : public testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Isas, Rules, testing::ValuesIn(runnable_isas()), isa_of_case);

// By looking at every code: the nearest, of two as near the even one.
int nearest(const float* values, float x) {
  int best = 0;
  for (int code = 1; code < 256; ++code) {
    const float middle = (values[code - 1] + values[code]) * 0.5f;
    if (x > middle || (x == middle && code % 2 == 0)) best = code;
  }
  return best;
}

// Values around every step of the map, with one that is 1 so that a block's scale is 1.
std::vector<float> steps_of(const float* values, bool negative) {
  std::vector<float> out;
  for (int code = 1; code < 256; ++code) {
    const float middle = (values[code - 1] + values[code]) * 0.5f;
    for (const float near : {middle, std::nextafter(middle, 2.0f), std::nextafter(middle, -2.0f), values[code]})
      if (negative || near >= 0) out.push_back(near);
  }
  for (const float x : values == kUnsignedDynamicTable.values ? std::vector<float>{0.0f, 1e-9f, 1e-30f}
                                                              : std::vector<float>{0.0f, 1e-9f, -1e-9f, -0.0f})
    out.push_back(x);
  return out;
}

// Codes that a rule leaves of a state whose new value is its gradient, block after block with a 1 at its end.
std::vector<std::pair<float, std::uint8_t>> coded(Isa isa, const std::vector<float>& wanted) {
  std::vector<float> gradient;
  for (const float x : wanted) {
    if (gradient.size() % 256 == 255) gradient.push_back(1.0f);
    gradient.push_back(x);
  }
  gradient.push_back(1.0f);
  Trained trained(UpdateRule::kLion8bit, std::vector<float>(gradient.size(), 0.0f));
  UpdateStep step;
  step.beta2 = 0;  // the average becomes the gradient
  trained.step(isa, step, gradient);
  const auto* codes = reinterpret_cast<const std::uint8_t*>(trained.array("exp_avg"));
  std::vector<std::pair<float, std::uint8_t>> out;
  for (std::size_t i = 0; i < gradient.size(); ++i) out.emplace_back(gradient[i], codes[i]);
  return out;
}

TEST_P(Rules, SignedCodesAreTheNearestOfTheirSign) {
  for (const auto& [x, code] : coded(GetParam(), steps_of(kSignedDynamicTable.values, true))) {
    int expected = nearest(kSignedDynamicTable.values, x);
    if (expected == 127 && std::signbit(x)) expected = 126;
    ASSERT_EQ(code, expected) << x;
  }
}

// The second moment of AdamW with beta2 = 0 is the gradient squared: exact where the root is a short number.
TEST_P(Rules, UnsignedCodesAreTheNearest) {
  std::vector<float> gradient;
  for (int i = 0; i < 4096; ++i) gradient.push_back(i % 256 == 255 ? 1.0f : static_cast<float>(i) / 4096.0f);
  for (int i = 0; i < 255; ++i) gradient.push_back(std::ldexp(1.0f + static_cast<float>(i) / 256.0f, -i % 14));
  gradient.push_back(2.0f);
  Trained trained(UpdateRule::kAdamw8bit, std::vector<float>(gradient.size(), 0.0f));
  UpdateStep step;
  step.epsilon = 1e-8;
  trained.step(GetParam(), step, gradient);
  const auto* codes = reinterpret_cast<const std::uint8_t*>(trained.array("exp_avg_sq"));
  const auto* absmax = reinterpret_cast<const float*>(trained.array("exp_avg_sq_absmax"));
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const float reciprocal = 1.0f / absmax[i / 256];
    ASSERT_EQ(codes[i], nearest(kUnsignedDynamicTable.values, gradient[i] * gradient[i] * reciprocal)) << i;
  }
}

// As the lines say it, with one rounding or two: every 101st float from 0 to 1, and both sides of every step's end.
TEST(DynamicTables, TheLinesGiveTheStepOrTheOneBelow) {
  for (const DynamicTable* table : {&kSignedDynamicTable, &kUnsignedDynamicTable}) {
    std::vector<float> magnitudes = {1.0f};
    for (std::uint32_t bits = 0; bits < 0x3F800000u; bits += 101) magnitudes.push_back(std::bit_cast<float>(bits));
    for (const float last : table->last)
      if (last < 1.0f) magnitudes.insert(magnitudes.end(), {last, std::nextafter(last, 2.0f)});
    std::sort(magnitudes.begin(), magnitudes.end());
    int step = 0;
    for (const float magnitude : magnitudes) {
      while (table->last[step] < magnitude) ++step;
      float line = 1e9f, fused_line = 1e9f;
      for (int decade = 0; decade < kDynamicDecades; ++decade) {
        line = std::min(line, table->slope[decade] * magnitude + table->offset[decade]);
        fused_line = std::min(fused_line, std::fma(table->slope[decade], magnitude, table->offset[decade]));
      }
      for (const int guess : {static_cast<int>(line), static_cast<int>(fused_line)}) {
        ASSERT_LE(guess, std::min(step, table == &kSignedDynamicTable ? 127 : 254)) << magnitude;
        ASSERT_GE(guess, std::max(step - 1, 0)) << magnitude;
      }
    }
  }
}

TEST_P(Rules, AdamwFollowsTheFormula) {
  UpdateStep step{1e-2, 0.9, 0.999, 1e-8, 0.1, 0.5f, 1};
  for (const UpdateRule rule : {UpdateRule::kAdamwTorch, UpdateRule::kAdamw32bit}) {
    for (const std::size_t n : kLengths) {
      Trained trained(rule, values(n, 1));
      const auto gradient = values(n, 2);
      std::vector<naive::AdamState> expected;
      for (const float value : trained.parameter) expected.push_back({value, 0.0, 0.0});
      for (step.step = 1; step.step <= 5; ++step.step) {
        trained.step(GetParam(), step, gradient);
        const auto* m = reinterpret_cast<const float*>(trained.array("exp_avg"));
        const auto* v = reinterpret_cast<const float*>(trained.array("exp_avg_sq"));
        for (std::size_t i = 0; i < n; ++i) {
          expected[i] = naive::adamw(expected[i], 0.5 * static_cast<double>(gradient[i]), 1e-2, 0.9, 0.999, 1e-8, 0.1,
                                     static_cast<int>(step.step));
          ASSERT_NEAR(trained.parameter[i], expected[i].parameter, 1e-6) << n << " step " << step.step;
          ASSERT_NEAR(m[i], expected[i].exp_avg, 1e-6 * std::abs(expected[i].exp_avg)) << n << " step " << step.step;
          ASSERT_NEAR(v[i], expected[i].exp_avg_sq, 1e-6 * expected[i].exp_avg_sq) << n << " step " << step.step;
        }
      }
    }
  }
}

TEST_P(Rules, WithoutGradientOnlyDecay) {
  for (const UpdateRule rule : kRules) {
    Trained trained(rule, {2.0f, -3.0f});
    trained.step(GetParam(), {0.5, 0.9, 0.999, 1e-8, 0.5, 1.0f, 1}, {0.0f, 0.0f});
    EXPECT_EQ(trained.parameter, (std::vector<float>{1.5f, -2.25f})) << static_cast<int>(rule);
  }
}

// What a block of 8 bits cannot tell apart must not show: a code of a value that was never touched decodes to it.
TEST_P(Rules, StatesFarBelowOneAreKept) {
  std::vector<float> gradient(512, 1e-30f);                   // its square is 0 in f32
  std::fill(gradient.begin() + 256, gradient.end(), 1e-21f);  // and this one's 1e-42, whose reciprocal is Inf
  gradient[300] = 0;
  Trained trained(UpdateRule::kAdamw8bit, std::vector<float>(512, 1.0f));
  trained.step(GetParam(), {1e-3, 0.9, 0.0, 1e-8, 0, 1.0f, 1}, gradient);
  const auto* codes = reinterpret_cast<const std::uint8_t*>(trained.array("exp_avg_sq"));
  EXPECT_EQ(codes[299], 255);
  EXPECT_EQ(codes[300], 0);
  for (const float p : trained.parameter) EXPECT_TRUE(std::isfinite(p));
}

std::vector<float> special_values(std::size_t n, std::uint64_t seed) {
  auto x = values(n, seed, 3.0f);
  const float special[] = {0.0f, -0.0f, 1e-40f, -1e-45f, 1e18f, -1e30f, 3e38f, 1e-20f, -1e-12f};
  const RandomStream stream(seed, RandomPurpose::kSampling);
  for (std::size_t i = 0; i < n; ++i)
    if (stream.uniform(2 * i) < 0.1f) x[i] = special[stream.at(2 * i + 1) % std::size(special)];
  return x;
}

bool same_bits(const void* a, const void* b, std::size_t bytes) {
  return std::memcmp(a, b, bytes) == 0;
}

TEST(Optimizers, EveryTableGivesTheSameBits) {
  if (runnable_isas().size() < 2) SKIP_CPU_LACKS("AVX2");
  for (const UpdateRule rule : kRules) {
    for (const std::size_t n : {1, 15, 16, 17, 255, 256, 257, 511, 700, 4096, 5000}) {
      for (const bool wild : {false, true}) {
        Trained scalar(rule, values(n, n, 0.1f));
        std::vector<std::pair<Isa, Trained>> others;
        for (const Isa isa : runnable_isas()) others.emplace_back(isa, scalar);
        for (int step = 1; step <= 3; ++step) {
          const UpdateStep update{1e-3, 0.9, 0.99, 1e-8, 0.01, 0.7f, step};
          const auto gradient =
              wild ? special_values(n, static_cast<std::uint64_t>(step)) : values(n, static_cast<std::uint64_t>(step));
          scalar.step(Isa::kScalar, update, gradient);
          for (auto& [isa, other] : others) {
            other.step(isa, update, gradient);
            for (std::size_t i = 0; i < n; ++i) {
              const bool nan = std::isnan(scalar.parameter[i]) && std::isnan(other.parameter[i]);
              ASSERT_TRUE(nan || same_bits(&scalar.parameter[i], &other.parameter[i], 4))
                  << isa_name(isa) << " rule " << static_cast<int>(rule) << " n " << n << " at " << i;
            }
            if (!wild) {
              ASSERT_EQ(scalar.state, other.state) << isa_name(isa) << " rule " << static_cast<int>(rule);
            }
          }
        }
      }
    }
  }
}

TEST(Optimizers, EveryEntryIsThere) {
  for (const Isa isa : runnable_isas()) {
    const auto* entries = reinterpret_cast<void* const*>(&optimizer_kernels(isa));
    for (std::size_t i = 0; i < sizeof(OptimizerKernels) / sizeof(void*); ++i) EXPECT_NE(entries[i], nullptr) << i;
  }
}

TEST(StateArrays, LieOneAfterTheOther) {
  for (const UpdateRule rule : kRules) {
    for (const std::int64_t n : {1, 256, 257, 4096}) {
      std::int64_t end = 0;
      for (const StateArray& array : state_arrays(rule, n)) {
        EXPECT_EQ(array.offset, end);
        EXPECT_EQ(array.count, (n + array.stride - 1) / array.stride);
        end += array.bytes();
      }
      EXPECT_EQ(state_bytes(rule, n), end);
    }
  }
  EXPECT_EQ(state_bytes(UpdateRule::kAdamw8bit, 256), 2 * 260);
}

}  // namespace
}  // namespace vernier
