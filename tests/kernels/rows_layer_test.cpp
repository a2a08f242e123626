#include "kernels/rows_support.h"
#include "support/naive_rows.h"

namespace vernier {
namespace {

INSTANTIATE_TEST_SUITE_P(Isas, RowLoops, testing::ValuesIn(runnable_isas()), isa_of_case);

const std::vector<std::size_t> kDims = {1, 8, 15, 16, 17, 31, 64, 100, 576, 2049};

TEST_P(RowLoops, RmsNormIsTheDefinition) {
  for (const std::size_t dim : kDims) {
    for (std::size_t rows = 0; rows <= 5; ++rows) {
      const auto x = values(rows * dim, dim, 3.0f), weight = values(dim, 7);
      std::vector<float> y(rows * dim), rstd(rows);
      loops().rms_norm_f32(x.data(), weight.data(), 1e-5f, static_cast<std::int64_t>(rows),
                           static_cast<std::int64_t>(dim), y.data(), rstd.data());
      const auto expected = naive::rms_norm(x, weight, 1e-5f, rows, dim);
      expect_close(rstd, expected.rstd, 3e-7, 0, str("rstd, dim ", dim));
      expect_close(y, expected.y, 5e-7, 0, str("y, dim ", dim));

      const std::vector<std::uint16_t> x_bf16 = as_bf16(x);
      const std::vector<float> rounded = from_bf16(x_bf16);
      std::vector<std::uint16_t> y_bf16(rows * dim);
      std::vector<float> rstd_bf16(rows);
      loops().rms_norm_f32(rounded.data(), weight.data(), 1e-5f, static_cast<std::int64_t>(rows),
                           static_cast<std::int64_t>(dim), y.data(), rstd.data());
      loops().rms_norm_bf16(x_bf16.data(), weight.data(), 1e-5f, static_cast<std::int64_t>(rows),
                            static_cast<std::int64_t>(dim), y_bf16.data(), rstd_bf16.data());
      EXPECT_EQ(y_bf16, as_bf16(y)) << "one rounding of the f32 result, dim " << dim;
      EXPECT_EQ(rstd_bf16, rstd);
    }
  }
}

TEST_P(RowLoops, RmsNormOfZerosAndOfHugeValues) {
  const std::vector<float> zeros(33, 0.0f), ones(33, 1.0f), huge(33, 1e30f);
  std::vector<float> y(33), rstd(1);
  loops().rms_norm_f32(zeros.data(), ones.data(), 1e-6f, 1, 33, y.data(), rstd.data());
  EXPECT_EQ(y, zeros);
  EXPECT_NEAR(rstd[0], 1000.0f, 1e-3f);
  // The squares overflow f32, as in torch: rstd is 0.
  loops().rms_norm_f32(huge.data(), ones.data(), 1e-6f, 1, 33, y.data(), rstd.data());
  EXPECT_EQ(rstd[0], 0.0f);
  EXPECT_EQ(y, zeros);
}

TEST_P(RowLoops, RmsNormBackwardAddsTheJacobianProduct) {
  for (const std::size_t dim : {1, 8, 15, 16, 17, 31, 100}) {
    for (std::size_t rows = 1; rows <= 3; ++rows) {
      const auto x = values(rows * dim, dim, 2.0f), weight = values(dim, 7), dy = values(rows * dim, 8);
      std::vector<float> y(rows * dim), rstd(rows);
      const auto n_rows = static_cast<std::int64_t>(rows), n_dim = static_cast<std::int64_t>(dim);
      loops().rms_norm_f32(x.data(), weight.data(), 1e-5f, n_rows, n_dim, y.data(), rstd.data());
      auto dx = values(rows * dim, 9);
      auto expected = naive::rms_norm_backward(dy, x, weight, 1e-5f, rows, dim);
      for (std::size_t i = 0; i < dx.size(); ++i) expected[i] += dx[i];
      loops().rms_norm_backward_f32(dy.data(), x.data(), weight.data(), rstd.data(), n_rows, n_dim, dx.data());
      // The absolute part is the rounding of terms that cancel; a lone x has rstd as large as it is small.
      expect_close(dx, expected, 1e-6, 1e-6 * static_cast<double>(*std::max_element(rstd.begin(), rstd.end())),
                   str("dx, dim ", dim));
    }
  }
}

TEST_P(RowLoops, RopeTurnsHalvesAndInverseTurnsBack) {
  for (const std::size_t head_dim : {2, 8, 16, 24, 32, 40, 64, 80, 128}) {
    for (const std::size_t heads : {1, 3}) {
      const std::size_t rows = 4, half = head_dim / 2;
      const std::vector<std::int32_t> position = {5, 0, 2, 5};
      std::vector<float> cos, sin;
      for (const float angle : values(6 * half, head_dim, 4.0f)) {
        cos.push_back(std::cos(angle));
        sin.push_back(std::sin(angle));
      }
      const auto x = values(rows * heads * head_dim, 3, 2.0f);
      auto turned = x;
      const auto turn = [&](bool inverse) {
        loops().rope(turned.data(), position.data(), cos.data(), sin.data(), static_cast<std::int64_t>(rows),
                     static_cast<std::int64_t>(heads), static_cast<std::int64_t>(head_dim), inverse);
      };
      turn(false);
      expect_close(turned, naive::rope(x, position, cos, sin, heads, head_dim, false), 1e-7, 3e-7, "forward");
      turn(true);
      expect_close(turned, std::vector<double>(x.begin(), x.end()), 0, 1e-6, "there and back");
      turned = x;
      turn(true);
      expect_close(turned, naive::rope(x, position, cos, sin, heads, head_dim, true), 1e-7, 3e-7, "inverse");
    }
  }
}

// Gates over the whole range, among them those where silu and its slope vanish.
std::vector<float> gates(std::size_t n) {
  auto gate = values(n, 4, 12.0f);
  const std::vector<float> special = {0.0f, -0.0f, 1e-40f, -87.0f, 87.0f, 1e30f, -1e30f, 1e38f, -1e38f, -1.278f};
  for (std::size_t i = 0; i < n && i < special.size(); ++i) gate[n - 1 - i] = special[i];
  return gate;
}

TEST_P(RowLoops, SwigluIsTheDefinition) {
  for (const std::size_t n : kLengths) {
    const auto gate = gates(n), up = values(n, 5, 2.0f);
    std::vector<float> h(n);
    const auto count = static_cast<std::int64_t>(n);
    loops().swiglu_f32(gate.data(), up.data(), count, h.data());
    expect_close(h, naive::swiglu(gate, up), 6e-7, 1e-35, str("h, n ", n));

    auto gate_bf16 = as_bf16(gate);
    const auto up_bf16 = as_bf16(up);
    loops().swiglu_f32(from_bf16(gate_bf16).data(), from_bf16(up_bf16).data(), count, h.data());
    loops().swiglu_bf16(gate_bf16.data(), up_bf16.data(), count, gate_bf16.data());
    EXPECT_EQ(gate_bf16, as_bf16(h)) << "one rounding of the f32 result, over the gate, n " << n;
  }
}

TEST_P(RowLoops, SwigluBackwardIsTheDerivative) {
  for (const std::size_t n : kLengths) {
    const auto gate = gates(n), up = values(n, 5, 2.0f), dh = values(n, 6);
    auto d_gate = gate, d_up = up, h = dh;
    std::vector<float> forward(n);
    const auto count = static_cast<std::int64_t>(n);
    loops().swiglu_f32(gate.data(), up.data(), count, forward.data());
    loops().swiglu_backward_f32(h.data(), d_gate.data(), d_up.data(), count, h.data(), d_gate.data(), d_up.data());
    EXPECT_EQ(h, forward) << "the forward pass's bits, n " << n;
    const auto expected = naive::swiglu_backward(dh, gate, up);
    // silu'(g) passes through 0 near g = -1.28, where only its terms' rounding is left.
    expect_close(d_gate, expected.gate, 1e-6, 2e-7, str("d_gate, n ", n));
    expect_close(d_up, expected.up, 6e-7, 1e-35, str("d_up, n ", n));

    auto gate_bf16 = as_bf16(gate), up_bf16 = as_bf16(up);
    auto h_bf16 = as_bf16(dh), forward_bf16 = h_bf16;
    d_gate = from_bf16(gate_bf16);
    d_up = from_bf16(up_bf16);
    h = from_bf16(h_bf16);
    loops().swiglu_bf16(gate_bf16.data(), up_bf16.data(), count, forward_bf16.data());
    loops().swiglu_backward_f32(h.data(), d_gate.data(), d_up.data(), count, h.data(), d_gate.data(), d_up.data());
    loops().swiglu_backward_bf16(h_bf16.data(), gate_bf16.data(), up_bf16.data(), count, h_bf16.data(),
                                 gate_bf16.data(), up_bf16.data());
    EXPECT_EQ(h_bf16, forward_bf16) << n;
    EXPECT_EQ(gate_bf16, as_bf16(d_gate)) << n;
    EXPECT_EQ(up_bf16, as_bf16(d_up)) << n;
  }
}

}  // namespace
}  // namespace vernier
