#pragma once
// What the tests of the row loops share: the tables this CPU runs, values to feed them, and comparisons.

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/float_types.h"
#include "base/random.h"
#include "base/text.h"
#include "kernels/rows.h"

namespace vernier {

inline std::vector<Isa> runnable_isas() {
  std::vector<Isa> isas;
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512})
    if (isa_supported(isa)) isas.push_back(isa);
  return isas;
}

// A test that runs once for each table.
class RowLoops : public testing::TestWithParam<Isa> {
 protected:
  const RowKernels& loops() const { return row_kernels(GetParam()); }
};
inline std::string isa_of_case(const testing::TestParamInfo<Isa>& info) {
  return isa_name(info.param);
}

// n values in [-range, range).
inline std::vector<float> values(std::size_t n, std::uint64_t seed, float range = 1.0f) {
  const RandomStream stream(seed, RandomPurpose::kSplit);
  std::vector<float> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = (2.0f * stream.uniform(i) - 1.0f) * range;
  return out;
}

inline std::vector<std::uint16_t> as_bf16(const std::vector<float>& x) {
  std::vector<std::uint16_t> out;
  for (const float value : x) out.push_back(f32_to_bf16(value));
  return out;
}
inline std::vector<float> from_bf16(const std::vector<std::uint16_t>& x) {
  std::vector<float> out;
  for (const std::uint16_t value : x) out.push_back(bf16_to_f32(value));
  return out;
}

// |actual - expected| <= relative * |expected| + absolute for each.
inline void expect_close(const std::vector<float>& actual, const std::vector<double>& expected, double relative,
                         double absolute, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (std::size_t i = 0; i < actual.size(); ++i)
    ASSERT_LE(std::abs(actual[i] - expected[i]), relative * std::abs(expected[i]) + absolute)
        << what << " at " << i << ": " << actual[i] << " for " << expected[i];
}

inline const std::vector<std::size_t> kLengths = {0, 1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 1023, 1040, 2500};

}  // namespace vernier
