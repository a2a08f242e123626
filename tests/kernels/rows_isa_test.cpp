#include <functional>
#include <limits>

#include "kernels/rows_support.h"
#include "support/skips.h"

namespace vernier {
namespace {

// Random values with every kind of special one among them.
std::vector<float> wild_values(std::size_t n, std::uint64_t seed) {
  auto x = values(n, seed, 20.0f);
  const std::vector<float> special = {0.0f,
                                      -0.0f,
                                      1e-40f,
                                      -1e-45f,
                                      1e30f,
                                      -1e30f,
                                      3e38f,
                                      -87.3f,
                                      88.8f,
                                      std::numeric_limits<float>::infinity(),
                                      1e-20f,
                                      -1e20f,
                                      1e-38f,
                                      -std::numeric_limits<float>::infinity(),
                                      std::numeric_limits<float>::quiet_NaN()};
  const RandomStream stream(seed, RandomPurpose::kSampling);
  for (std::size_t i = 0; i < n; ++i)
    if (stream.uniform(2 * i) < 0.1f) x[i] = special[stream.at(2 * i + 1) % special.size()];
  return x;
}

// What a loop left behind, as bits; every NaN is one NaN, for which of two operands' it is depends on the compiler.
using Bits = std::vector<std::uint64_t>;
void append(Bits& bits, const std::vector<float>& x) {
  for (const float value : x) bits.push_back(std::isnan(value) ? 0x7FC00000u : std::bit_cast<std::uint32_t>(value));
}
void append(Bits& bits, const std::vector<std::uint16_t>& x) {
  for (const std::uint16_t value : x) bits.push_back((value & 0x7FFFu) > 0x7F80u ? 0x7FC0u : value);
}

struct Inputs {
  std::vector<float> a, b, c, weight;
  std::vector<std::int32_t> numbers;
  std::int64_t rows, columns;

  std::int64_t n() const { return rows * columns; }
};

Inputs make_inputs(std::size_t rows, std::size_t columns, bool wild) {
  const auto make = [&](std::size_t n, std::uint64_t seed) { return wild ? wild_values(n, seed) : values(n, seed); };
  Inputs in{
      make(rows * columns, 1),         make(rows * columns, 2),           make(rows * columns, 3), make(columns, 4), {},
      static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)};
  for (std::size_t row = 0; row < rows; ++row)
    in.numbers.push_back(static_cast<std::int32_t>((columns - 1) * (rows - row) / rows));
  return in;
}

Bits run_norm(const RowKernels& k, const Inputs& in) {
  Bits bits;
  std::vector<float> y(in.a.size()), rstd(in.numbers.size()), dx = in.c;
  std::vector<std::uint16_t> y_bf16(in.a.size());
  k.rms_norm_f32(in.a.data(), in.weight.data(), 1e-5f, in.rows, in.columns, y.data(), rstd.data());
  append(bits, y);
  const std::vector<std::uint16_t> x_bf16 = as_bf16(in.a), dy_bf16 = as_bf16(in.b);
  k.rms_norm_bf16(x_bf16.data(), in.weight.data(), 1e-5f, in.rows, in.columns, y_bf16.data(), rstd.data());
  append(bits, y_bf16);
  append(bits, rstd);
  k.rms_norm_backward_f32(in.b.data(), in.a.data(), in.weight.data(), rstd.data(), in.rows, in.columns, dx.data());
  append(bits, dx);
  k.rms_norm_backward_bf16(dy_bf16.data(), x_bf16.data(), in.weight.data(), rstd.data(), in.rows, in.columns,
                           dx.data());
  append(bits, dx);
  return bits;
}

Bits run_rope(const RowKernels& k, const Inputs& in) {
  Bits bits;
  auto x = in.a;
  const std::vector<std::int32_t> position(in.numbers.size(), 0);
  const std::int64_t head_dim = in.columns / 2 * 2;
  for (const bool inverse : {false, true}) {
    k.rope(x.data(), position.data(), in.b.data(), in.c.data(), in.rows, 1, head_dim, inverse);
    append(bits, x);
  }
  return bits;
}

Bits run_swiglu(const RowKernels& k, const Inputs& in) {
  Bits bits;
  std::vector<float> h(in.a.size()), d_gate(in.a.size()), d_up(in.a.size());
  k.swiglu_f32(in.a.data(), in.b.data(), in.n(), h.data());
  append(bits, h);
  k.swiglu_backward_f32(in.c.data(), in.a.data(), in.b.data(), in.n(), h.data(), d_gate.data(), d_up.data());
  append(bits, h);
  append(bits, d_gate);
  append(bits, d_up);
  const auto a = as_bf16(in.a), b = as_bf16(in.b), c = as_bf16(in.c);
  std::vector<std::uint16_t> h2(a.size()), d_gate2(a.size()), d_up2(a.size());
  k.swiglu_bf16(a.data(), b.data(), in.n(), h2.data());
  append(bits, h2);
  k.swiglu_backward_bf16(c.data(), a.data(), b.data(), in.n(), h2.data(), d_gate2.data(), d_up2.data());
  append(bits, h2);
  append(bits, d_gate2);
  append(bits, d_up2);
  return bits;
}

Bits run_softmax(const RowKernels& k, const Inputs& in) {
  Bits bits;
  auto p = in.a;
  std::vector<float> lse(in.numbers.size());
  k.softmax(p.data(), in.rows, in.columns, in.numbers.data(), in.columns, 0.35f, lse.data());
  append(bits, p);
  append(bits, lse);
  return bits;
}

Bits run_cross_entropy(const RowKernels& k, const Inputs& in) {
  Bits bits;
  auto logits = in.a;
  std::vector<float> loss(in.numbers.size());
  k.cross_entropy_loss(logits.data(), in.numbers.data(), in.rows, in.columns, loss.data());
  append(bits, loss);
  k.cross_entropy(logits.data(), in.numbers.data(), in.rows, in.columns, 0.7f, loss.data());
  append(bits, loss);
  append(bits, logits);
  return bits;
}

Bits run_flat(const RowKernels& k, const Inputs& in) {
  Bits bits;
  std::vector<std::uint16_t> a(in.a.size());
  k.to_bf16(in.a.data(), in.n(), a.data());
  append(bits, a);
  auto sum = in.b;
  k.add_f32(in.c.data(), in.n(), sum.data());
  k.add_bf16(a.data(), in.n(), sum.data());
  append(bits, sum);
  std::vector<float> x(a.size());
  k.to_f32(a.data(), in.n(), x.data());
  append(bits, x);
  const double squares = k.sum_of_squares(in.b.data(), in.n());
  bits.push_back(std::isnan(squares) ? 1 : std::bit_cast<std::uint64_t>(squares));
  bits.push_back(k.all_finite(in.a.data(), in.n()));
  return bits;
}

Bits run_dropout(const RowKernels& k, const Inputs& in) {
  Bits bits;
  std::vector<float> scale(in.a.size());
  k.dropout_scale(11, 12, 13, in.n(), 0.25f, scale.data());
  append(bits, scale);
  return bits;
}

// Design: the same bits whatever the vectors' width, for every loop of the table.
TEST(RowsIsa, EveryTableGivesTheSameBits) {
  const std::vector<std::pair<const char*, Bits (*)(const RowKernels&, const Inputs&)>> loops = {
      {"norm", run_norm},          {"rope", run_rope}, {"swiglu", run_swiglu},  {"softmax", run_softmax},
      {"loss", run_cross_entropy}, {"flat", run_flat}, {"dropout", run_dropout}};
  const auto isas = runnable_isas();
  if (isas.size() < 2) SKIP_CPU_LACKS("AVX2");
  for (const std::size_t columns : {1, 2, 8, 15, 16, 17, 24, 31, 32, 40, 80, 100, 576, 1025, 5000}) {
    for (const std::size_t rows : {1, 2, 5}) {
      for (const bool wild : {false, true}) {
        const Inputs in = make_inputs(rows, columns, wild);
        for (const auto& [name, run] : loops) {
          const Bits expected = run(row_kernels(Isa::kScalar), in);
          for (const Isa isa : isas)
            ASSERT_EQ(run(row_kernels(isa), in), expected)
                << name << " " << isa_name(isa) << " " << rows << " x " << columns << (wild ? " wild" : "");
        }
      }
    }
  }
}

TEST(RowsIsa, EveryEntryIsThere) {
  for (const Isa isa : runnable_isas()) {
    const RowKernels& table = row_kernels(isa);
    const auto* entries = reinterpret_cast<void* const*>(&table);
    for (std::size_t i = 0; i < sizeof(RowKernels) / sizeof(void*); ++i)
      EXPECT_NE(entries[i], nullptr) << isa_name(isa) << " entry " << i;
  }
}

}  // namespace
}  // namespace vernier
