#include "tensor/cpu_attention.h"

#include "base/check.h"
#include "tensor/parallel.h"

namespace vernier {

namespace {

template <typename T>
T* data(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<T*>(tensor.data_ptr()) : nullptr;
}

template <typename T>
AttentionInputs<T> inputs_of(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return {data<T>(q), data<T>(k), data<T>(v)};
}

bool is_one_new_token(const AttentionShape& shape) {
  return shape.row_starts.size() == 2 && shape.row_starts.back() == 1 && shape.past > 0;
}

}  // namespace

template <typename T>
void CpuAttention::forward_as(const AttentionShape& shape, const AttentionInputs<T>& inputs,
                              const AttentionOutput<T>& output) {
  if (output.log_sum_exp == nullptr && is_one_new_token(shape)) return forward_token(shape, inputs, output.out);
  scratch_.reserve(parallel_width(), attention_scratch_bytes<T>(shape));
  parallel_threads([&](int thread, int threads) {
    attention_part(isa_, shape, inputs, output, thread, threads, scratch_.of(thread));
  });
}

template <typename T>
void CpuAttention::forward_token(const AttentionShape& shape, const AttentionInputs<T>& inputs, T* out) {
  const int parts = attention_token_parts(shape, parallel_width());
  scratch_.reserve(1, attention_token_scratch_bytes(shape, parts));
  parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part)
      attention_token_part(isa_, shape, inputs, static_cast<int>(part), parts, scratch_.of(0));
  });
  attention_token_join(isa_, shape, parts, scratch_.of(0), out);
}

template <typename T>
void CpuAttention::backward_as(const AttentionShape& shape, const AttentionInputs<T>& inputs,
                               const AttentionOutput<T>& output, const AttentionGradients<T>& gradients) {
  const int parts = parallel_width();
  scratch_.reserve(parts, attention_backward_scratch_bytes<T>(shape));
  parallel_threads([&](int thread, int threads) {
    attention_backward_part(isa_, shape, inputs, output, gradients, thread, threads, scratch_.of(thread));
  });
  if (parts == 1) return;
  parallel_threads([&](int thread, int threads) {
    for (int part = 1; part < threads; ++part)
      attention_add_shared(isa_, shape, gradients, part, threads, scratch_.of(part), thread, threads);
  });
}

void CpuAttention::forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionShape& shape,
                           at::Tensor& out, const at::Tensor& log_sum_exp) {
  check(k.scalar_type() == q.scalar_type() && out.scalar_type() == q.scalar_type(), "attention in one type");
  if (q.scalar_type() == at::kFloat) {
    forward_as<float>(shape, inputs_of<float>(q, k, v), {data<float>(out), data<float>(log_sum_exp)});
  } else {
    forward_as<std::uint16_t>(shape, inputs_of<std::uint16_t>(q, k, v),
                              {data<std::uint16_t>(out), data<float>(log_sum_exp)});
  }
}

void CpuAttention::backward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& out,
                            const at::Tensor& log_sum_exp, const at::Tensor& d_out, const AttentionShape& shape,
                            at::Tensor& d_q, at::Tensor& d_k, at::Tensor& d_v) {
  check(out.scalar_type() == q.scalar_type() && d_out.scalar_type() == q.scalar_type(), "attention in one type");
  const auto as = [&]<typename T>(T) {
    backward_as<T>(shape, inputs_of<T>(q, k, v), {data<T>(out), data<float>(log_sum_exp)},
                   {data<T>(d_out), data<float>(d_q), data<float>(d_k), data<float>(d_v)});
  };
  if (q.scalar_type() == at::kFloat) {
    as(float{});
  } else {
    as(std::uint16_t{});
  }
}

}  // namespace vernier
