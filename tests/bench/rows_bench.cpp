// The loops of a decoder layer that walk rows (kernels/rows.h), on SmolLM2's sizes at 512 tokens.

#include <cstdint>

#include "base/text.h"
#include "bench/bench_support.h"
#include "kernels/rows.h"

namespace vernier {

namespace {

constexpr std::int64_t kTokens = 512, kHidden = 576, kIntermediate = 1536, kHeads = 9, kHeadDim = 64;
constexpr std::int64_t kVocabRows = 32, kVocab = 49152, kParameters = 1 << 20;

template <typename T>
std::shared_ptr<Values<T>> values(std::int64_t count) {
  return std::make_shared<Values<T>>(count);
}

void add(Isa isa, const char* name, std::int64_t bytes, const std::function<Work(const RowKernels&)>& make) {
  add_loop(str("rows/", isa_name(isa), "/", name), isa, bytes, [=] { return make(row_kernels(isa)); });
}

void add_norms(Isa isa) {
  constexpr std::int64_t kCount = kTokens * kHidden;
  add(isa, "rms_norm_bf16", 4 * kCount, [](const RowKernels& rows) -> Work {
    const auto x = values<std::uint16_t>(kCount), y = values<std::uint16_t>(kCount);
    const auto weight = values<float>(kHidden), rstd = values<float>(kTokens);
    return
        [=, &rows] { rows.rms_norm_bf16(x->data(), weight->data(), 1e-5f, kTokens, kHidden, y->data(), rstd->data()); };
  });
  add(isa, "rms_norm_backward_bf16", 12 * kCount, [](const RowKernels& rows) -> Work {
    const auto dy = values<std::uint16_t>(kCount), x = values<std::uint16_t>(kCount);
    const auto weight = values<float>(kHidden), rstd = values<float>(kTokens), dx = values<float>(kCount);
    return [=, &rows] {
      rows.rms_norm_backward_bf16(dy->data(), x->data(), weight->data(), rstd->data(), kTokens, kHidden, dx->data());
    };
  });
}

void add_swiglu(Isa isa) {
  constexpr std::int64_t kCount = kTokens * kIntermediate;
  add(isa, "swiglu_bf16", 6 * kCount, [](const RowKernels& rows) -> Work {
    const auto gate = values<std::uint16_t>(kCount), up = values<std::uint16_t>(kCount),
               h = values<std::uint16_t>(kCount);
    return [=, &rows] { rows.swiglu_bf16(gate->data(), up->data(), kCount, h->data()); };
  });
  add(isa, "swiglu_backward_bf16", 12 * kCount, [](const RowKernels& rows) -> Work {
    const auto dh = values<std::uint16_t>(kCount), gate = values<std::uint16_t>(kCount),
               up = values<std::uint16_t>(kCount), h = values<std::uint16_t>(kCount),
               d_gate = values<std::uint16_t>(kCount), d_up = values<std::uint16_t>(kCount);
    return [=, &rows] {
      rows.swiglu_backward_bf16(dh->data(), gate->data(), up->data(), kCount, h->data(), d_gate->data(), d_up->data());
    };
  });
}

void add_heads_and_loss(Isa isa) {
  constexpr std::int64_t kCount = kTokens * kHeads * kHeadDim;
  add(isa, "rope", 8 * kCount, [](const RowKernels& rows) -> Work {
    const auto x = values<float>(kCount), cos = values<float>(kTokens * kHeadDim / 2),
               sin = values<float>(kTokens * kHeadDim / 2);
    const auto positions = std::make_shared<std::vector<std::int32_t>>();
    for (std::int32_t i = 0; i < kTokens; ++i) positions->push_back(i);
    return [=, &rows] {
      rows.rope(x->data(), positions->data(), cos->data(), sin->data(), kTokens, kHeads, kHeadDim, false);
    };
  });
  add(isa, "cross_entropy", 12 * kVocabRows * kVocab, [](const RowKernels& rows) -> Work {
    const auto logits = values<float>(kVocabRows * kVocab), loss = values<float>(kVocabRows);
    const auto targets = std::make_shared<std::vector<std::int32_t>>(kVocabRows, 7);
    return [=, &rows] { rows.cross_entropy(logits->data(), targets->data(), kVocabRows, kVocab, 1, loss->data()); };
  });
}

void add_flat(Isa isa) {
  add(isa, "to_bf16", 6 * kParameters, [](const RowKernels& rows) -> Work {
    const auto x = values<float>(kParameters);
    const auto y = values<std::uint16_t>(kParameters);
    return [=, &rows] { rows.to_bf16(x->data(), kParameters, y->data()); };
  });
}

}  // namespace

void register_rows() {
  for (const Isa isa : isas()) {
    add_norms(isa);
    add_swiglu(isa);
    add_heads_and_loss(isa);
    add_flat(isa);
  }
}

}  // namespace vernier
