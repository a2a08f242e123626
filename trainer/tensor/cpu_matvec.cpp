#include "tensor/cpu_matvec.h"

#include <algorithm>

#include "base/check.h"
#include "tensor/parallel.h"

namespace vernier {

namespace {

constexpr std::int64_t kGrain = 1 << 14;  // weights worth a thread
constexpr std::int64_t kRows = 16;        // whose scales are restored at a time

template <typename T>
T* data(const at::Tensor& tensor) {
  return static_cast<T*>(tensor.data_ptr());
}

std::int64_t row_grain(std::int64_t width) {
  return std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(width, 1));
}

// Blocks that kRows rows touch.
std::int64_t scale_room(const Nf4View& part) {
  return kRows * part.cols / part.blocksize + 2;
}

}  // namespace

void CpuMatvec::dense(const at::Tensor& matrix, const at::Tensor& x, at::Tensor& y) const {
  const std::int64_t width = matrix.size(1);
  const auto* input = data<float>(x);
  auto* out = data<float>(y);
  parallel_for(matrix.size(0), row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    if (matrix.scalar_type() == at::kFloat) {
      rows_.matvec_f32(input, data<float>(matrix) + begin * width, end - begin, width, out + begin);
    } else {
      rows_.matvec_bf16(input, data<std::uint16_t>(matrix) + begin * width, end - begin, width, out + begin);
    }
  });
}

void CpuMatvec::nf4(std::span<const Nf4View> parts, at::ScalarType compute, const at::Tensor& x, at::Tensor& y) {
  const std::int64_t width = x.numel();
  std::int64_t rows = 0, room = 0;
  for (const Nf4View& part : parts) {
    check(part.cols == width, "a vector as wide as the matrix");
    rows += part.rows;
    room = std::max(room, scale_room(part));
  }
  // x, its even elements, its odd ones.
  halves_.reserve(1, (2 * width + 1) * static_cast<std::int64_t>(sizeof(float)));
  auto* input = static_cast<float*>(halves_.of(0));
  std::copy_n(data<float>(x), width, input);
  for (std::int64_t i = 0; i < width; ++i) input[width + i % 2 * ((width + 1) / 2) + i / 2] = input[i];
  scratch_.reserve(parallel_width(), (room + width + 1) * static_cast<std::int64_t>(sizeof(float)));
  parallel_threads([&](int thread, int threads) {
    std::int64_t begin = rows * thread / threads, end = rows * (thread + 1) / threads;
    float* out = data<float>(y);
    for (const Nf4View& part : parts) {
      const std::int64_t first = std::clamp<std::int64_t>(begin, 0, part.rows);
      const std::int64_t last = std::clamp<std::int64_t>(end, 0, part.rows);
      rows_of(part, compute == at::kBFloat16, first, last, input, out, static_cast<float*>(scratch_.of(thread)));
      begin -= part.rows;
      end -= part.rows;
      out += part.rows;
    }
  });
}

void CpuMatvec::rows_of(const Nf4View& part, bool bf16, std::int64_t begin, std::int64_t end, const float* x, float* y,
                        float* scratch) const {
  const std::int64_t width = part.cols, blocksize = part.blocksize;
  float* values = scratch + scale_room(part);
  for (std::int64_t row = begin; row < end; row += kRows) {
    const std::int64_t rows = std::min(kRows, end - row), first = row * width / blocksize;
    const float* absmax = scratch;
    if (part.absmax.defined()) {
      absmax = data<float>(part.absmax) + first;
    } else {
      restore_absmax(data<std::uint8_t>(part.nested_codes), data<float>(part.nested_absmax), part.offset, first,
                     ((row + rows) * width + blocksize - 1) / blocksize, scratch);
    }
    if (width % blocksize == 0) {
      const auto kernel = bf16 ? rows_.matvec_nf4_bf16 : rows_.matvec_nf4_f32;
      kernel(x + width, x + width + width / 2, data<std::uint8_t>(part.codes) + row * width / 2, absmax, blocksize,
             rows, width, y + row);
      continue;
    }
    for (std::int64_t r = row; r < row + rows; ++r) unaligned_row(part, bf16, r, absmax - first, x, y + r, values);
  }
}

void CpuMatvec::unaligned_row(const Nf4View& part, bool bf16, std::int64_t row, const float* absmax, const float* x,
                              float* y, float* values) const {
  const std::int64_t width = part.cols, at = row * width, even = at / 2 * 2;
  const auto* codes = data<std::uint8_t>(part.codes);
  if (bf16) {
    auto* halves = reinterpret_cast<std::uint16_t*>(values);
    nf4_.decode_bf16(codes, absmax, part.blocksize, even, at + width, halves);
    rows_.matvec_bf16(x, halves + (at - even), 1, width, y);
  } else {
    nf4_.decode_f32(codes, absmax, part.blocksize, even, at + width, values);
    rows_.matvec_f32(x, values + (at - even), 1, width, y);
  }
}

}  // namespace vernier
