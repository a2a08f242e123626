#include "model/decoder.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "base/text.h"

namespace vernier {

namespace {

// f32 [N, H]: the embedding's rows of the batch's ids, taken from the arena.
at::Tensor embed(const Decoder& model, const Pass& pass) {
  const at::Tensor& table = model.embedding.dense();
  at::Tensor x = pass.take_f32({pass.tokens(), model.spec.hidden});
  for (std::int64_t i = 0; i < pass.tokens(); ++i) {
    const std::int32_t id = pass.batch.input_ids[static_cast<std::size_t>(i)];
    check(id >= 0 && id < model.spec.vocab, "a token id of the vocabulary");
    at::Tensor row = x.narrow(0, i, 1);
    pass.ops().convert(table.narrow(0, id, 1), row);
  }
  return x;
}

Pass make_pass(const Decoder& model, const Device& device, const TokenBatch& batch, Arena& arena, bool training) {
  return {device, model.spec, model.rope, model.lora.get(), batch, arena, training, model.seed};
}

// The stream behind the last block, without anything kept; `seen` sees it after the embedding and after each block.
template <typename Seen>
at::Tensor forward_only(const Decoder& model, const Pass& pass, Seen seen) {
  at::Tensor x = embed(model, pass);
  seen(x);
  for (const Block& block : model.blocks) {
    const Arena::Scope scope(pass.arena);
    BlockSaved saved(pass, block, Keep::kStream);
    block_forward(block, pass, saved, x);
    seen(x);
  }
  return x;
}

Keep keep_of(std::int64_t layer, const KeptLayers& kept) {
  if (layer < kept.all) return Keep::kAll;
  return layer < kept.attention ? Keep::kAttention : Keep::kStream;
}

constexpr auto kUnseen = [](const at::Tensor&) {};

}  // namespace

std::int64_t Decoder::frozen_bytes() const {
  std::int64_t total = embedding.bytes();
  if (!spec.tied_head) total += head.weight.bytes();
  for (const Block& block : blocks)
    for (const LinearGroup* group : {&block.qkv, &block.o, &block.gate_up, &block.down})
      total += group->weight().bytes();
  return total;
}

std::int64_t max_row_tokens(const Decoder& model) {
  return model.rope.cos.size(0);
}

LossSum loss_and_gradients(const Decoder& model, const Device& device, const TokenBatch& batch, float gradient_scale,
                           const KeptLayers& kept, Arena& arena, const std::function<void(double)>& progress) {
  const Arena::Scope scope(arena);
  Pass pass = make_pass(model, device, batch, arena, true);
  pass.most_logits_rows = most_logits_rows(kept);
  at::Tensor x = embed(model, pass);
  // A layer backward costs two forward.
  auto tell = [&, done = 0.0](double layers) mutable {
    done += layers;
    if (progress) progress(done / (3 * static_cast<double>(model.blocks.size())));
  };
  std::vector<BlockSaved> saved;
  for (const Block& block : model.blocks) {
    saved.emplace_back(pass, block, keep_of(static_cast<std::int64_t>(saved.size()), kept));
    block_forward(block, pass, saved.back(), x);
    tell(1);
  }
  at::Tensor d_x = pass.take_f32(x.sizes());
  const LossSum sum = head_loss(model.head, pass, x, gradient_scale, &d_x);
  for (std::size_t i = model.blocks.size(); i-- > 0;) {
    block_backward(model.blocks[i], pass, saved[i], i == 0, d_x);
    tell(2);
  }
  return sum;
}

LossSum evaluate_loss(const Decoder& model, const Device& device, const TokenBatch& batch, Arena& arena) {
  const Arena::Scope scope(arena);
  const Pass pass = make_pass(model, device, batch, arena, false);
  return head_loss(model.head, pass, forward_only(model, pass, kUnseen), 0, nullptr);
}

at::Tensor all_logits(const Decoder& model, const Device& device, const TokenBatch& batch, Arena& arena) {
  constexpr std::int64_t kRows = 64;
  const Arena::Scope scope(arena);
  const Pass pass = make_pass(model, device, batch, arena, false);
  const at::Tensor x = forward_only(model, pass, kUnseen);
  at::Tensor logits = at::empty({pass.tokens(), model.spec.vocab}, at::kFloat);
  for (std::int64_t begin = 0; begin < pass.tokens(); begin += kRows) {
    at::Tensor part = logits.narrow(0, begin, std::min(kRows, pass.tokens() - begin));
    head_logits(model.head, pass, x, begin, part);
  }
  return logits;
}

at::Tensor next_logits(const Decoder& model, const Device& device, std::span<const std::int32_t> input_ids,
                       KvCache& cache, Arena& arena) {
  const Arena::Scope scope(arena);
  std::vector<std::int32_t> positions(input_ids.size());
  std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(cache.length));
  const std::vector<std::int32_t> row_starts = {0, static_cast<std::int32_t>(input_ids.size())};
  const TokenBatch batch{input_ids, {}, positions, row_starts};
  const Pass pass = make_pass(model, device, batch, arena, false);
  at::Tensor x = embed(model, pass);
  for (std::size_t layer = 0; layer < model.blocks.size(); ++layer)
    block_cached(model.blocks[layer], pass, cache, static_cast<std::int64_t>(layer), x);
  cache.length += pass.tokens();
  at::Tensor logits = at::empty({1, model.spec.vocab}, at::kFloat);
  head_logits(model.head, pass, x, pass.tokens() - 1, logits);
  return logits.view({-1});
}

std::string first_bad_output(const Decoder& model, const Device& device, const TokenBatch& batch, Arena& arena) {
  const Arena::Scope scope(arena);
  const Pass pass = make_pass(model, device, batch, arena, true);
  std::string bad;
  forward_only(model, pass, [&, module = std::string("model.embed_tokens"), layer = 0](const at::Tensor& x) mutable {
    if (bad.empty() && !device.ops->all_finite(x)) bad = module;
    module = str("model.layers.", layer++);
  });
  return bad.empty() ? "lm_head" : bad;
}

std::vector<at::Tensor> hidden_states(const Decoder& model, const Device& device, const TokenBatch& batch,
                                      Arena& arena) {
  const Arena::Scope scope(arena);
  const Pass pass = make_pass(model, device, batch, arena, false);
  std::vector<at::Tensor> states;
  forward_only(model, pass, [&](const at::Tensor& x) { states.push_back(x.clone()); });
  return states;
}

}  // namespace vernier
