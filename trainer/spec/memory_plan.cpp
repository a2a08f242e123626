#include "spec/memory_plan.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "base/round_up.h"
#include "io/control_groups.h"
#include "spec/step_sizes.h"

namespace vernier {

namespace {

// Of a process that has loaded LibTorch and run its first step, measured.
constexpr std::int64_t kRuntimeBytes = std::int64_t{128} << 20;
constexpr std::int64_t kThreadBytes = std::int64_t{1100} << 10;  // kernels/gemm.h's working memory
constexpr std::int64_t kTokenBytes = 600;                        // of a tokenizer, a vocabulary entry

std::int64_t nf4_bytes(std::int64_t weights, const QuantizationConfig& quantization) {
  const std::int64_t blocks = (weights + quantization.blocksize - 1) / quantization.blocksize;
  return weights / 2 + (quantization.double_quant ? blocks + (blocks + 255) / 256 * 4 : blocks * 4);
}

struct Sizes {
  const ModelSpec& spec;
  const MemoryRequest& request;
  std::int64_t n;  // tokens
  std::int64_t c;  // bytes of a compute element

  std::int64_t qkv_out() const { return spec.q_dim() + 2 * spec.kv_dim(); }
  bool recomputes() const { return request.kept.all < spec.layers; }
};

std::int64_t frozen_bytes(const ModelSpec& spec, const MemoryRequest& request) {
  const auto element = static_cast<std::int64_t>(dtype_bytes(request.base_type));
  std::int64_t layer = 2 * 4 * spec.hidden + (spec.qk_norm ? 2 * 4 * spec.head_dim : 0);
  for (const Linear linear : kLinears) {
    const std::int64_t weights = linear_in(spec, linear) * linear_out(spec, linear);
    layer += request.load_in_4bit ? nf4_bytes(weights, request.quantization) : weights * element;
  }
  return spec.layers * layer + (spec.tied_head ? 1 : 2) * spec.vocab * spec.hidden * element;
}

std::int64_t kept_bytes(const Sizes& sizes) {
  const ModelSpec& spec = sizes.spec;
  const std::int64_t ranks = static_cast<std::int64_t>(kLinears.size()) * sizes.request.rank;
  const std::int64_t always = sizes.c * (2 * spec.hidden + ranks);
  const std::int64_t attention = sizes.c * spec.q_dim() + 4 * spec.heads;
  const std::int64_t all = sizes.c * (sizes.qkv_out() + 2 * spec.intermediate);
  const std::int64_t stream_and_gradient = 2 * 4 * spec.hidden;
  return sizes.n * (spec.layers * always + sizes.request.kept.attention * attention + sizes.request.kept.all * all +
                    stream_and_gradient);
}

std::int64_t head_scratch(const Sizes& sizes) {
  const ModelSpec& spec = sizes.spec;
  return logits_rows(spec.vocab, sizes.request.micro_batch_targets, most_logits_rows(sizes.request.kept)) *
         (4 * spec.vocab + (2 * sizes.c + 4) * spec.hidden);
}

std::int64_t mlp_scratch(const Sizes& sizes) {
  const ModelSpec& spec = sizes.spec;
  const std::int64_t masks = sizes.request.dropout ? 3 * 4 * spec.intermediate : 0;
  const std::int64_t recomputed = sizes.recomputes() ? sizes.c * 2 * spec.intermediate : 0;
  return sizes.n * (sizes.c * (3 * spec.hidden + spec.intermediate + 4 * sizes.request.rank) + recomputed + masks);
}

// What kernels/attention.h takes for one thread of the backward pass.
std::int64_t attention_thread_bytes(const Sizes& sizes) {
  const std::int64_t dim = sizes.spec.head_dim, wide = rounded_up(dim, 32), keys = sizes.request.longest_row;
  const std::int64_t key_sums = 2 * 2 * 4 * keys * wide, operands = 3 * sizes.c * keys * dim;
  constexpr std::int64_t kOfBlock = std::int64_t{400} << 10;
  return key_sums + operands + kOfBlock;
}

std::int64_t attention_scratch(const Sizes& sizes) {
  const ModelSpec& spec = sizes.spec;
  const std::int64_t stream =
      sizes.c * (3 * spec.hidden + spec.q_dim() + (sizes.recomputes() ? 2 : 1) * sizes.qkv_out());
  const std::int64_t heads_and_gradients = (sizes.c + 4) * sizes.qkv_out();
  const bool again = sizes.request.kept.attention < spec.layers;
  const std::int64_t attended = again ? sizes.c * spec.q_dim() + 4 * spec.heads : 0;
  return sizes.n * (stream + heads_and_gradients + attended) + sizes.request.threads * attention_thread_bytes(sizes);
}

}  // namespace

std::int64_t MemoryPlan::peak() const {
  return runtime + frozen + data + std::max(loading, adapters + kept + working);
}

MemoryPlan plan_memory(const ModelSpec& spec, const MemoryRequest& request) {
  const Sizes sizes{spec, request, request.micro_batch_tokens, request.bf16_compute ? 2 : 4};
  MemoryPlan plan;
  plan.runtime = kRuntimeBytes + kThreadBytes * request.threads + kTokenBytes * request.tokenizer_entries;
  plan.frozen = frozen_bytes(spec, request);
  plan.adapters = 2 * 4 * request.lora_parameters + request.optimizer_bytes;
  plan.kept = kept_bytes(sizes);
  plan.working = std::max({head_scratch(sizes), mlp_scratch(sizes), attention_scratch(sizes)});
  std::int64_t largest = 0;
  for (const Linear linear : kLinears) largest = std::max(largest, linear_in(spec, linear) * linear_out(spec, linear));
  plan.loading = request.load_in_4bit ? 4 * largest : 0;
  return plan;
}

std::int64_t available_memory() {
  std::int64_t available = std::int64_t{1} << 50;
  std::ifstream meminfo("/proc/meminfo");
  for (std::string key; meminfo >> key;) {
    std::int64_t kib = 0;
    if (key == "MemAvailable:" && meminfo >> kib) available = kib * 1024;
    std::getline(meminfo, key);
  }
  return std::min(available, cgroup_memory().value_or(available));
}

}  // namespace vernier
