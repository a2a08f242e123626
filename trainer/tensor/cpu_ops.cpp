#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/check.h"
#include "kernels/nf4.h"
#include "kernels/rows.h"
#include "tensor/cpu_attention.h"
#include "tensor/cpu_heads.h"
#include "tensor/cpu_matvec.h"
#include "tensor/cpu_products.h"
#include "tensor/ops.h"
#include "tensor/parallel.h"

namespace vernier {

namespace {

constexpr std::int64_t kGrain = 1 << 14;        // elements worth a thread
constexpr std::int64_t kPiecesGrain = 4;        // pieces of an optimizer's work worth a thread
constexpr std::int64_t kChunk = 1 << 16;        // elements of a piece whose sums have one order
constexpr std::int64_t kDecodeChunk = 1 << 14;  // elements decoded with one set of restored scales

template <typename T>
T* data(const at::Tensor& tensor) {
  return static_cast<T*>(tensor.data_ptr());
}
float* f32(const at::Tensor& tensor) {
  return data<float>(tensor);
}
std::uint16_t* bf16(const at::Tensor& tensor) {
  return data<std::uint16_t>(tensor);
}
bool is_f32(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kFloat;
}

std::int64_t row_grain(std::int64_t width) {
  return std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(width, 1));
}

class CpuOps final : public Ops {
 public:
  explicit CpuOps(Isa isa)
      : rows_(row_kernels(isa)),
        nf4_(nf4_kernels(isa)),
        optimizer_(optimizer_kernels(isa)),
        products_(isa),
        attention_(isa),
        heads_(isa),
        matvec_(isa) {}

  void products(std::span<const Product> products) const override { products_.run(products); }

  void decode_nf4(const Nf4View& matrix, at::Tensor& out) const override {
    check(out.is_contiguous() && out.numel() == matrix.rows * matrix.cols, "decode_nf4 fills a whole matrix");
    const std::int64_t n = out.numel(), chunks = (n + kDecodeChunk - 1) / kDecodeChunk;
    parallel_for(chunks, 1, [&](std::int64_t first, std::int64_t last) {
      std::vector<float> scales(static_cast<std::size_t>(kDecodeChunk / 32));
      for (std::int64_t chunk = first; chunk < last; ++chunk) {
        const std::int64_t begin = chunk * kDecodeChunk, end = std::min(n, begin + kDecodeChunk);
        if (is_f32(out)) {
          decode_range(matrix, begin, end, scales.data(), f32(out) + begin);
        } else {
          decode_range(matrix, begin, end, scales.data(), bf16(out) + begin);
        }
      }
    });
  }

  void matvec(const at::Tensor& matrix, const at::Tensor& x, at::Tensor& y) const override {
    matvec_.dense(matrix, x, y);
  }
  void matvec_nf4(std::span<const Nf4View> parts, at::ScalarType compute, const at::Tensor& x,
                  at::Tensor& y) const override {
    matvec_.nf4(parts, compute, x, y);
  }

  void rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, at::Tensor& y,
                at::Tensor& rstd) const override {
    const std::int64_t width = x.size(1);
    const auto epsilon = static_cast<float>(eps);
    parallel_for(x.size(0), row_grain(width), [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t at = begin * width, rows = end - begin;
      if (is_f32(x)) {
        rows_.rms_norm_f32(f32(x) + at, f32(weight), epsilon, rows, width, f32(y) + at, f32(rstd) + begin);
      } else {
        rows_.rms_norm_bf16(bf16(x) + at, f32(weight), epsilon, rows, width, bf16(y) + at, f32(rstd) + begin);
      }
    });
  }

  void rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& rstd,
                         at::Tensor& dx) const override {
    const std::int64_t width = x.size(1);
    parallel_for(x.size(0), row_grain(width), [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t at = begin * width, rows = end - begin;
      if (is_f32(x)) {
        rows_.rms_norm_backward_f32(f32(dy) + at, f32(x) + at, f32(weight), f32(rstd) + begin, rows, width,
                                    f32(dx) + at);
      } else {
        rows_.rms_norm_backward_bf16(bf16(dy) + at, bf16(x) + at, f32(weight), f32(rstd) + begin, rows, width,
                                     f32(dx) + at);
      }
    });
  }

  void add(const at::Tensor& x, at::Tensor& y) const override {
    parallel_for(x.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      if (is_f32(x)) {
        rows_.add_f32(f32(x) + begin, end - begin, f32(y) + begin);
      } else {
        rows_.add_bf16(bf16(x) + begin, end - begin, f32(y) + begin);
      }
    });
  }

  void convert(const at::Tensor& x, at::Tensor& y) const override {
    if (x.scalar_type() == y.scalar_type() || (!is_f32(x) && !is_f32(y))) {
      y.copy_(x);
      return;
    }
    if (x.is_contiguous() && y.is_contiguous()) {
      parallel_for(x.numel(), kGrain,
                   [&](std::int64_t begin, std::int64_t end) { convert_range(x, begin, end, y, begin); });
      return;
    }
    const std::int64_t width = x.size(1);
    parallel_for(x.size(0), row_grain(width), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r)
        convert_range(x, r * x.stride(0), r * x.stride(0) + width, y, r * y.stride(0));
    });
  }

  void swiglu(const at::Tensor& gate_up, at::Tensor& h) const override {
    const std::int64_t width = h.size(1);
    parallel_for(h.size(0), row_grain(width), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const std::int64_t gate = r * 2 * width, up = gate + width;
        if (is_f32(h)) {
          rows_.swiglu_f32(f32(gate_up) + gate, f32(gate_up) + up, width, f32(h) + r * width);
        } else {
          rows_.swiglu_bf16(bf16(gate_up) + gate, bf16(gate_up) + up, width, bf16(h) + r * width);
        }
      }
    });
  }

  void swiglu_backward(at::Tensor& dh, at::Tensor& gate_up) const override {
    const std::int64_t width = dh.size(1);
    parallel_for(dh.size(0), row_grain(width), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const std::int64_t at_gate = r * 2 * width, at_up = at_gate + width;
        if (is_f32(dh)) {
          float *h = f32(dh) + r * width, *gate = f32(gate_up) + at_gate, *up = f32(gate_up) + at_up;
          rows_.swiglu_backward_f32(h, gate, up, width, h, gate, up);
        } else {
          std::uint16_t *h = bf16(dh) + r * width, *gate = bf16(gate_up) + at_gate, *up = bf16(gate_up) + at_up;
          rows_.swiglu_backward_bf16(h, gate, up, width, h, gate, up);
        }
      }
    });
  }

  void split_heads(const at::Tensor& qkv, const HeadSource& source, std::span<const std::int32_t> row_starts,
                   std::span<const std::int32_t> positions, at::Tensor& out) const override {
    heads_.split(qkv, source, row_starts, positions, out);
  }
  void split_heads_backward(at::Tensor& d_heads, const at::Tensor& qkv, const HeadSource& source,
                            std::span<const std::int32_t> row_starts, std::span<const std::int32_t> positions,
                            at::Tensor& d_qkv) const override {
    heads_.split_backward(d_heads, qkv, source, row_starts, positions, d_qkv);
  }

  void attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionShape& shape,
                 at::Tensor& out, const at::Tensor& log_sum_exp) const override {
    attention_.forward(q, k, v, shape, out, log_sum_exp);
  }
  void attention_backward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& out,
                          const at::Tensor& log_sum_exp, const at::Tensor& d_out, const AttentionShape& shape,
                          at::Tensor& d_q, at::Tensor& d_k, at::Tensor& d_v) const override {
    attention_.backward(q, k, v, out, log_sum_exp, d_out, shape, d_q, d_k, d_v);
  }

  void cross_entropy(at::Tensor& logits, std::span<const std::int32_t> target, const float* gradient_scale,
                     at::Tensor& loss) const override {
    const std::int64_t vocab = logits.size(1);
    parallel_for(logits.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
      float* from = f32(logits) + begin * vocab;
      const std::int32_t* wanted = target.data() + begin;
      if (gradient_scale != nullptr) {
        rows_.cross_entropy(from, wanted, end - begin, vocab, *gradient_scale, f32(loss) + begin);
      } else {
        rows_.cross_entropy_loss(from, wanted, end - begin, vocab, f32(loss) + begin);
      }
    });
  }

  void dropout_scale(std::uint64_t key, std::uint64_t stream, std::uint64_t first, double p,
                     at::Tensor& scale) const override {
    parallel_for(scale.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      rows_.dropout_scale(key, stream, first + static_cast<std::uint64_t>(begin), end - begin, static_cast<float>(p),
                          f32(scale) + begin);
    });
  }

  double sum_of_squares(const at::Tensor& x) const override {
    const std::int64_t n = x.numel(), chunks = (n + kChunk - 1) / kChunk;
    std::vector<double> partial(static_cast<std::size_t>(chunks));
    parallel_for(chunks, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t chunk = first; chunk < last; ++chunk)
        partial[static_cast<std::size_t>(chunk)] =
            rows_.sum_of_squares(f32(x) + chunk * kChunk, std::min(kChunk, n - chunk * kChunk));
    });
    double total = 0;
    for (const double sum : partial) total += sum;
    return total;
  }

  bool all_finite(const at::Tensor& x) const override { return rows_.all_finite(f32(x), x.numel()); }

  void update(const UpdateStep& step, std::span<const UpdatePiece> pieces, const at::Tensor& gradients,
              at::Tensor& values, std::byte* states) const override {
    parallel_for(static_cast<std::int64_t>(pieces.size()), kPiecesGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        update_piece(optimizer_, step, pieces[static_cast<std::size_t>(i)], f32(gradients), f32(values), states);
    });
  }

 private:
  void convert_range(const at::Tensor& x, std::int64_t begin, std::int64_t end, at::Tensor& y, std::int64_t at) const {
    if (is_f32(x)) {
      rows_.to_bf16(f32(x) + begin, end - begin, bf16(y) + at);
    } else if (x.scalar_type() == at::kHalf) {
      rows_.f16_to_f32(bf16(x) + begin, end - begin, f32(y) + at);
    } else {
      rows_.to_f32(bf16(x) + begin, end - begin, f32(y) + at);
    }
  }

  void decode(const std::uint8_t* codes, const float* absmax, std::int64_t blocksize, std::int64_t begin,
              std::int64_t end, float* out) const {
    nf4_.decode_f32(codes, absmax, blocksize, begin, end, out);
  }
  void decode(const std::uint8_t* codes, const float* absmax, std::int64_t blocksize, std::int64_t begin,
              std::int64_t end, std::uint16_t* out) const {
    nf4_.decode_bf16(codes, absmax, blocksize, begin, end, out);
  }

  // Elements [begin, end) of the flat matrix to out[0...]; `scales` has room for their blocks. Precondition: begin
  // even.
  template <typename Out>
  void decode_range(const Nf4View& matrix, std::int64_t begin, std::int64_t end, float* scales, Out* out) const {
    const std::int64_t blocksize = matrix.blocksize, first_block = begin / blocksize;
    const float* absmax = scales;
    if (matrix.absmax.defined()) {
      absmax = f32(matrix.absmax) + first_block;
    } else {
      restore_absmax(data<std::uint8_t>(matrix.nested_codes), f32(matrix.nested_absmax), matrix.offset, first_block,
                     (end + blocksize - 1) / blocksize, scales);
    }
    const std::int64_t start = first_block * blocksize;
    decode(data<std::uint8_t>(matrix.codes) + start / 2, absmax, blocksize, begin - start, end - start, out);
  }

  const RowKernels& rows_;
  const Nf4Kernels& nf4_;
  const OptimizerKernels& optimizer_;
  mutable CpuProducts products_;
  mutable CpuAttention attention_;
  mutable CpuHeads heads_;
  mutable CpuMatvec matvec_;
};

}  // namespace

std::unique_ptr<Ops> make_cpu_ops(Isa isa) {
  return std::make_unique<CpuOps>(isa);
}

}  // namespace vernier
