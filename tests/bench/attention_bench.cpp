// Causal attention of one row, forward and backward: kernels/attention.h.

#include <cmath>
#include <cstdint>

#include "base/text.h"
#include "bench/bench_support.h"
#include "kernels/attention.h"

namespace vernier {

namespace {

struct ModelHeads {
  const char* name;
  std::int64_t heads, kv_heads, head_dim;
};
constexpr ModelHeads kModels[] = {{"smollm2", 9, 3, 64}, {"qwen3_0.6b", 16, 8, 128}, {"llama3.2_1b", 32, 8, 64}};

template <typename T>
struct Attention {
  Attention(Isa isa, const ModelHeads& model, std::int64_t tokens, bool backward)
      : starts{0, static_cast<std::int32_t>(tokens)},
        q(tokens * model.heads * model.head_dim),
        k(tokens * model.kv_heads * model.head_dim, 2),
        v(k.size(), 3),
        out(q.size()),
        d_out(q.size(), 4),
        log_sum_exp(model.heads * tokens),
        d_q(q.size()),
        d_k(k.size()),
        d_v(k.size()) {
    shape.heads = model.heads;
    shape.kv_heads = model.kv_heads;
    shape.head_dim = model.head_dim;
    shape.row_starts = starts;
    shape.scale = 1 / std::sqrt(static_cast<float>(model.head_dim));
    const std::int64_t bytes =
        std::max(attention_scratch_bytes<T>(shape), backward ? attention_backward_scratch_bytes<T>(shape) : 0);
    scratch = std::make_unique<Values<float>>(bytes / 4 + 16);
    forward(isa);  // the backward pass reads its results
  }

  void forward(Isa isa) {
    attention_part<T>(isa, shape, {q.data(), k.data(), v.data()}, {out.data(), log_sum_exp.data()}, 0, 1,
                      scratch->data());
  }
  void backward(Isa isa) {
    attention_backward_part<T>(isa, shape, {q.data(), k.data(), v.data()}, {out.data(), log_sum_exp.data()},
                               {d_out.data(), d_q.data(), d_k.data(), d_v.data()}, 0, 1, scratch->data());
  }

  std::vector<std::int32_t> starts;
  AttentionShape shape;
  Values<T> q, k, v, out, d_out;
  Values<float> log_sum_exp, d_q, d_k, d_v;
  std::unique_ptr<Values<float>> scratch;
};

template <typename T>
void add(Isa isa, const ModelHeads& model, std::int64_t tokens, bool backward) {
  const auto length = static_cast<double>(tokens);
  const double flops =
      (backward ? 5.0 : 2.0) * length * length * static_cast<double>(model.heads * model.head_dim);  // causal
  add_product(str(backward ? "attention_backward/" : "attention_forward/", isa_name(isa), "/", kTypeName<T>, "/",
                  model.name, "/", tokens),
              isa, kPeakOf<T>, flops, [=]() -> Work {
                const auto attention = std::make_shared<Attention<T>>(isa, model, tokens, backward);
                if (backward) return [=] { attention->backward(isa); };
                return [=] { attention->forward(isa); };
              });
}

template <typename T>
void register_type(Isa isa) {
  if (!has_products<T>(isa) || isa == Isa::kScalar) return;
  for (const bool backward : {false, true})
    for (const ModelHeads& model : kModels)
      for (const std::int64_t tokens : {128, 512, 2048}) add<T>(isa, model, tokens, backward);
}

}  // namespace

void register_attention() {
  for (const Isa isa : isas()) {
    register_type<std::uint16_t>(isa);
    register_type<float>(isa);
  }
}

}  // namespace vernier
