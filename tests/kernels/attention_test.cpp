// Attention and its gradients against the formulas in double, over shapes that fit no tile, on every table.

#include "kernels/attention.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

#include "kernels/attention_reference.h"
#include "kernels/rows_support.h"

namespace vernier {
namespace {

struct AttentionCase {
  std::int64_t heads, kv_heads, dim;
  std::vector<std::int64_t> rows;
  std::int64_t window = 0, past = 0;
  float softcap = 0;
};

const std::vector<AttentionCase> kCases = {
    {1, 1, 8, {1}},
    {2, 1, 20, {3, 0, 5}},
    {8, 1, 64, {1, 130}},
    {3, 3, 64, {63, 64, 65, 32, 31, 33}},
    {4, 2, 80, {17, 129, 2}},
    {3, 1, 96, {97}},
    {2, 1, 128, {70, 12}},
    {2, 2, 256, {19, 40}},
    {2, 1, 21, {77}},
    {2, 1, 16, {1100}},      // more keys than one panel holds
    {2, 1, 20, {33, 1}, 7},  // windows narrower and wider than a tile, and wider than the row
    {3, 1, 64, {140, 7}, 40},
    {2, 1, 16, {1200}, 150},
    {2, 2, 16, {50}, 64},
    {3, 1, 64, {90, 7}, 0, 0, 5.0f},  // soft cap
    {2, 1, 32, {200}, 70, 0, 3.0f},
};
const std::vector<AttentionCase> kCachedCases = {
    {2, 1, 64, {70}, 0, 100},  {2, 1, 64, {3}, 0, 1},         {4, 2, 24, {33}, 50, 1100},
    {8, 1, 80, {1}, 0, 0},     {9, 3, 64, {1}, 0, 700},       {2, 2, 20, {1}, 0, 15},
    {2, 1, 96, {1}, 30, 1000}, {3, 1, 128, {1}, 0, 64, 2.0f}, {2, 1, 32, {17}, 0, 40, 2.0f},
};

std::string name_of(const AttentionCase& c, int parts) {
  return str("heads ", c.heads, "/", c.kv_heads, " dim ", c.dim, " first row ", c.rows[0], " of ", c.rows.size(),
             " window ", c.window, " past ", c.past, " cap ", c.softcap, " parts ", parts);
}

template <typename T>
std::vector<T> in_type(const std::vector<float>& x) {
  if constexpr (std::is_same_v<T, float>) {
    return x;
  } else {
    return as_bf16(x);
  }
}
std::vector<float> in_f32(const std::vector<float>& x) {
  return x;
}
std::vector<float> in_f32(const std::vector<std::uint16_t>& x) {
  return from_bf16(x);
}

// A part's working memory, full of NaN so that nothing may be read before it is written.
class PartMemory {
 public:
  explicit PartMemory(std::int64_t bytes) : memory_(::operator new(static_cast<std::size_t>(bytes), kAlignment)) {
    std::memset(memory_, 0xFF, static_cast<std::size_t>(bytes));
  }
  ~PartMemory() { ::operator delete(memory_, kAlignment); }
  PartMemory(const PartMemory&) = delete;
  PartMemory& operator=(const PartMemory&) = delete;
  void* get() const { return memory_; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  void* memory_;
};

template <typename T>
struct Attention {
  std::vector<std::int32_t> starts{0};
  AttentionShape shape;
  std::vector<T> q, k, v, d_out, out;
  std::vector<float> log_sum_exp, d_q, d_k, d_v;

  explicit Attention(const AttentionCase& c) {
    for (const std::int64_t row : c.rows) starts.push_back(starts.back() + static_cast<std::int32_t>(row));
    shape = {c.heads,   c.kv_heads, c.dim, starts, 1.0f / std::sqrt(static_cast<float>(c.dim)),
             c.softcap, c.window,   c.past};
    const std::int64_t tokens = starts.back(), capacity = tokens + c.past + (c.past > 0 ? 5 : 0);
    if (c.past > 0) shape.kv_stride = capacity * c.dim;
    const auto make = [&](std::int64_t n, std::uint64_t seed) {
      return in_type<T>(values(static_cast<std::size_t>(n), seed, 2.0f));
    };
    q = make(tokens * c.heads * c.dim, 1);
    k = make(capacity * c.kv_heads * c.dim, 2);
    v = make(capacity * c.kv_heads * c.dim, 3);
    d_out = make(tokens * c.heads * c.dim, 4);
    out.resize(q.size());
    log_sum_exp.resize(static_cast<std::size_t>(tokens * c.heads));
    d_q.assign(q.size(), kUntouched), d_k.assign(k.size(), kUntouched), d_v.assign(v.size(), kUntouched);
  }

  AttentionInputs<T> inputs() const { return {q.data(), k.data(), v.data()}; }
  AttentionOutput<T> output() { return {out.data(), log_sum_exp.data()}; }
  AttentionGradients<T> gradients() { return {d_out.data(), d_q.data(), d_k.data(), d_v.data()}; }

  void forward(Isa isa, int parts) {
    for (int part = 0; part < parts; ++part) {
      const PartMemory memory(attention_scratch_bytes<T>(shape));
      attention_part(isa, shape, inputs(), output(), part, parts, memory.get());
    }
  }
  void backward(Isa isa, int parts) {
    std::vector<std::unique_ptr<PartMemory>> memory;
    for (int part = 0; part < parts; ++part) {
      memory.push_back(std::make_unique<PartMemory>(attention_backward_scratch_bytes<T>(shape)));
      attention_backward_part(isa, shape, inputs(), output(), gradients(), part, parts, memory.back()->get());
    }
    for (int slice = 0; slice < parts; ++slice)
      for (int part = 1; part < parts; ++part)
        attention_add_shared(isa, shape, gradients(), part, parts, memory[static_cast<std::size_t>(part)]->get(), slice,
                             parts);
  }
  void token(Isa isa, int threads) {
    const int parts = attention_token_parts(shape, threads);
    const PartMemory memory(attention_token_scratch_bytes(shape, parts));
    for (int part = 0; part < parts; ++part) attention_token_part(isa, shape, inputs(), part, parts, memory.get());
    attention_token_join(isa, shape, parts, memory.get(), out.data());
  }

  naive::Attention expected(bool with_gradients) const {
    return naive::attention(shape, in_f32(q), in_f32(k), in_f32(v),
                            with_gradients ? in_f32(d_out) : std::vector<float>{});
  }

 private:
  static constexpr float kUntouched = 1e9f;
};

// Largest difference over the largest value (at least 0.1: of one key all gradients but dV are 0).
double difference(const std::vector<float>& actual, const std::vector<double>& expected) {
  double largest = 0.1, difference = 0;
  for (const double x : expected) largest = std::max(largest, std::abs(x));
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double here = std::abs(actual[i] - expected[i]);
    if (!(here <= difference)) difference = here;  // NaN is a difference
  }
  return difference / largest;
}

// In f32 sums of up to 1200 products, each rounded: a few 1e-7 typically. In bf16 a probability is off by 2^-9 of
// itself (half a unit of 8 bits), and so are the rounded output, through delta, and dS; a sum of many such values
// averages the errors out, one of few does not.
template <typename T>
constexpr double kTolerance = sizeof(T) == 4 ? 5e-6 : 6e-3;

template <typename T>
bool runs(Isa isa) {
  return sizeof(T) == 4 || isa != Isa::kAvx512 || bf16_supported();
}

class AttentionKernelsTest : public testing::TestWithParam<Isa> {};

template <typename T>
void expect_attention_is_the_definition(Isa isa) {
  if (!runs<T>(isa)) return;
  for (const AttentionCase& c : kCases) {
    const auto expected = Attention<T>(c).expected(true);
    for (const int parts : {1, 2, 5}) {
      Attention<T> attention(c);
      attention.forward(isa, parts);
      attention.backward(isa, parts);
      const std::string name = name_of(c, parts);
      EXPECT_LT(difference(in_f32(attention.out), expected.out), kTolerance<T>) << name;
      EXPECT_LT(difference(attention.log_sum_exp, expected.log_sum_exp), 1e-6) << name;
      EXPECT_LT(difference(attention.d_q, expected.d_q), kTolerance<T>) << name;
      EXPECT_LT(difference(attention.d_k, expected.d_k), kTolerance<T>) << name;
      EXPECT_LT(difference(attention.d_v, expected.d_v), kTolerance<T>) << name;
    }
  }
}
TEST_P(AttentionKernelsTest, IsTheDefinitionInF32) {
  expect_attention_is_the_definition<float>(GetParam());
}
TEST_P(AttentionKernelsTest, IsTheDefinitionInBF16) {
  expect_attention_is_the_definition<std::uint16_t>(GetParam());
}

template <typename T>
void expect_cached_attention_is_the_definition(Isa isa) {
  if (!runs<T>(isa)) return;
  for (const AttentionCase& c : kCachedCases) {
    Attention<T> attention(c);
    const auto expected = attention.expected(false);
    for (const int parts : {1, 3}) {
      attention.forward(isa, parts);
      EXPECT_LT(difference(in_f32(attention.out), expected.out), kTolerance<T>) << name_of(c, parts);
      if (c.rows[0] > 1) continue;
      std::fill(attention.out.begin(), attention.out.end(), T{});
      attention.token(isa, parts);
      EXPECT_LT(difference(in_f32(attention.out), expected.out), kTolerance<T>) << "token, " << name_of(c, parts);
    }
  }
}
TEST_P(AttentionKernelsTest, SeesThePastInF32) {
  expect_cached_attention_is_the_definition<float>(GetParam());
}
TEST_P(AttentionKernelsTest, SeesThePastInBF16) {
  expect_cached_attention_is_the_definition<std::uint16_t>(GetParam());
}

bool same_bits(const std::vector<float>& x, const std::vector<float>& y) {
  return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0;
}

TEST_P(AttentionKernelsTest, F32HasTheBitsOfTheScalarTable) {
  for (const AttentionCase& c : kCases) {
    Attention<float> here(c), scalar(c);
    here.forward(GetParam(), 2), scalar.forward(Isa::kScalar, 2);
    here.backward(GetParam(), 2), scalar.backward(Isa::kScalar, 2);
    EXPECT_TRUE(same_bits(here.out, scalar.out)) << name_of(c, 2);
    EXPECT_TRUE(same_bits(here.log_sum_exp, scalar.log_sum_exp)) << name_of(c, 2);
    EXPECT_TRUE(same_bits(here.d_q, scalar.d_q)) << name_of(c, 2);
    EXPECT_TRUE(same_bits(here.d_k, scalar.d_k)) << name_of(c, 2);
    EXPECT_TRUE(same_bits(here.d_v, scalar.d_v)) << name_of(c, 2);
  }
}

TEST_P(AttentionKernelsTest, ForwardAndDQDoNotDependOnTheParts) {
  if (!runs<std::uint16_t>(GetParam())) return;
  const AttentionCase c{6, 2, 64, {150, 3, 88}};
  Attention<std::uint16_t> whole(c);
  whole.forward(GetParam(), 1);
  whole.backward(GetParam(), 1);
  for (const int parts : {2, 3, 7, 16}) {
    Attention<std::uint16_t> cut(c);
    cut.forward(GetParam(), parts);
    cut.backward(GetParam(), parts);
    EXPECT_EQ(cut.out, whole.out) << parts;
    EXPECT_TRUE(same_bits(cut.log_sum_exp, whole.log_sum_exp)) << parts;
    EXPECT_TRUE(same_bits(cut.d_q, whole.d_q)) << parts;
  }
}

TEST_P(AttentionKernelsTest, WhatComesLaterChangesNothing) {
  const AttentionCase c{2, 1, 20, {77}};
  Attention<float> before(c), after(c);
  for (std::size_t i = 60 * 20; i < after.k.size(); ++i) after.k[i] += 1, after.v[i] -= 3;
  before.forward(GetParam(), 1), after.forward(GetParam(), 1);
  EXPECT_EQ(std::memcmp(before.out.data(), after.out.data(), 60 * 2 * 20 * sizeof(float)), 0);
  EXPECT_NE(before.out.back(), after.out.back());
}

TEST_P(AttentionKernelsTest, NotANumberStaysOne) {
  Attention<float> attention({2, 1, 20, {77}});
  attention.q[5] = std::numeric_limits<float>::quiet_NaN();
  attention.forward(GetParam(), 1);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_TRUE(std::isnan(attention.out[i]));
  EXPECT_TRUE(std::isnan(attention.log_sum_exp[0]));
  EXPECT_FALSE(std::isnan(attention.out[40]));
}

TEST_P(AttentionKernelsTest, LargeScoresDoNotOverflow) {
  Attention<float> attention({2, 1, 16, {100}});
  for (float& x : attention.q) x *= 400;
  const auto expected = attention.expected(true);
  attention.forward(GetParam(), 1);
  attention.backward(GetParam(), 1);
  // A score near 1000 is rounded by 3e-5 of a unit, its exponential by as much of itself.
  EXPECT_LT(difference(attention.out, expected.out), 2e-4);
  EXPECT_LT(difference(attention.d_k, expected.d_k), 2e-3);
}

INSTANTIATE_TEST_SUITE_P(Tables, AttentionKernelsTest, testing::ValuesIn(runnable_isas()), isa_of_case);

}  // namespace
}  // namespace vernier
