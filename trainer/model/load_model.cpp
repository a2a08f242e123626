#include "model/load_model.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "kernels/nf4.h"
#include "model/rope.h"

namespace vernier {

namespace {

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::vector<std::string> sizes;
  for (const std::int64_t size : shape) sizes.push_back(str(size));
  return "[" + join(sizes, ", ") + "]";
}

class Loader {
 public:
  Loader(const ModelDir& base, const ModelSpec& spec, const LoadOptions& options, const Device& device)
      : base_(base), spec_(spec), options_(options), device_(device) {
    std::int64_t largest = 0;
    for (const Linear linear : kLinears)
      largest = std::max(largest, linear_in(spec, linear) * linear_out(spec, linear));
    if (options.load_in_4bit) scratch_ = at::empty({largest}, at::kFloat);
  }

  at::Tensor norm(const std::string& name) const { return read(name, Dtype::kF32); }

  FrozenMatrix dense(const std::string& name) const { return FrozenMatrix(read(name, base_.find(name)->dtype)); }

  LinearGroup group(std::int64_t layer, std::vector<Linear> linears) const {
    if (options_.load_in_4bit) {
      std::vector<Nf4View> parts;
      for (const Linear linear : linears)
        parts.push_back(quantize_nf4(read_scratch(weight_name(layer, linear)), options_.quantization));
      return LinearGroup(layer, std::move(linears), FrozenMatrix(std::move(parts)));
    }
    std::int64_t rows = 0, row = 0;
    Dtype dtype = base_.find(weight_name(layer, linears.front()))->dtype;
    for (const Linear linear : linears) {
      rows += linear_out(spec_, linear);
      if (base_.find(weight_name(layer, linear))->dtype != dtype) dtype = Dtype::kF32;
    }
    at::Tensor weight = at::empty({rows, linear_in(spec_, linears.front())}, torch_type(dtype));
    for (const Linear linear : linears) {
      at::Tensor slice = weight.narrow(0, row, linear_out(spec_, linear));
      read_into(weight_name(layer, linear), dtype, slice);
      row += slice.size(0);
    }
    return LinearGroup(layer, std::move(linears), FrozenMatrix(weight));
  }

  Block block(std::int64_t layer) const {
    Block block;
    block.attention_norm = norm(layer_weight(layer, "input_layernorm"));
    block.mlp_norm = norm(layer_weight(layer, "post_attention_layernorm"));
    if (spec_.qk_norm)
      block.head_norms = {norm(layer_weight(layer, "self_attn.q_norm")), norm(layer_weight(layer, "self_attn.k_norm"))};
    block.qkv = group(layer, {Linear::kQ, Linear::kK, Linear::kV});
    block.o = group(layer, {Linear::kO});
    block.gate_up = group(layer, {Linear::kGate, Linear::kUp});
    block.down = group(layer, {Linear::kDown});
    return block;
  }

 private:
  void read_into(const std::string& name, Dtype dtype, at::Tensor& out) const {
    base_.read(*base_.find(name), dtype, out.data_ptr());
    if (dtype == Dtype::kF32 && !device_.ops->all_finite(out))
      throw Error(ErrorKind::kNumeric, "holds NaN or Inf", str(base_.path(), ": ", name));
  }

  at::Tensor read(const std::string& name, Dtype dtype) const {
    at::Tensor out = at::empty(base_.find(name)->shape, torch_type(dtype));
    read_into(name, dtype, out);
    return out;
  }

  // One buffer for all: a fresh one a tensor would leave holes between the codes that stay.
  at::Tensor read_scratch(const std::string& name) const {
    const std::vector<std::int64_t>& shape = base_.find(name)->shape;
    at::Tensor out = scratch_.narrow(0, 0, shape[0] * shape[1]).view(shape);
    read_into(name, Dtype::kF32, out);
    return out;
  }

  const ModelDir& base_;
  const ModelSpec& spec_;
  const LoadOptions& options_;
  const Device& device_;
  at::Tensor scratch_;  // f32, as large as the largest linear
};

}  // namespace

void check_weights(const ModelDir& base, const ModelSpec& spec) {
  std::vector<std::string> problems;
  for (const ExpectedWeight& expected : expected_weights(spec)) {
    const WeightInfo* found = base.find(expected.name);
    if (found == nullptr) {
      problems.push_back(str("no tensor ", expected.name, ", which the config asks for"));
    } else if (found->shape != expected.shape) {
      problems.push_back(str("tensor ", expected.name, " has shape ", shape_text(found->shape),
                             " where the config asks for ", shape_text(expected.shape)));
    }
    constexpr std::size_t kMost = 10;
    if (problems.size() == kMost) break;
  }
  if (problems.empty()) return;
  throw Error(ErrorKind::kInput, join(problems, "\n"), base.weight_list(),
              "config and weights are not of one model, or some of it is missing: fetch the model again");
}

Nf4View quantize_nf4(const at::Tensor& values, const QuantizationConfig& quantization) {
  const std::int64_t n = values.numel(), blocksize = quantization.blocksize;
  const std::int64_t blocks = (n + blocksize - 1) / blocksize;
  Nf4View view;
  view.rows = values.size(0);
  view.cols = values.size(1);
  view.blocksize = blocksize;
  view.codes = at::empty({(n + 1) / 2}, at::kByte);
  at::Tensor absmax = at::empty({blocks}, at::kFloat);
  nf4_quantize(static_cast<const float*>(values.data_ptr()), n, blocksize,
               static_cast<std::uint8_t*>(view.codes.data_ptr()), static_cast<float*>(absmax.data_ptr()));
  if (!quantization.double_quant) {
    view.absmax = absmax;
    return view;
  }
  view.nested_codes = at::empty({blocks}, at::kByte);
  view.nested_absmax = at::empty({(blocks + kNestedBlocksize - 1) / kNestedBlocksize}, at::kFloat);
  double_quantize(static_cast<const float*>(absmax.data_ptr()), blocks, &view.offset,
                  static_cast<std::uint8_t*>(view.nested_codes.data_ptr()),
                  static_cast<float*>(view.nested_absmax.data_ptr()));
  return view;
}

Decoder load_base(const ModelDir& base, const ModelSpec& spec, const LoadOptions& options, const Device& device) {
  check_weights(base, spec);
  const Loader loader(base, spec, options, device);
  Decoder model;
  model.spec = spec;
  model.embedding = loader.dense(kEmbeddingWeight);
  for (std::int64_t layer = 0; layer < spec.layers; ++layer) model.blocks.push_back(loader.block(layer));
  model.head.norm = loader.norm(kFinalNormWeight);
  model.head.weight = spec.tied_head ? model.embedding : loader.dense(kHeadWeight);
  model.rope = make_rope_table(spec, std::max<std::int64_t>(options.max_row_tokens, 1));
  return model;
}

void add_lora(Decoder& model, const LoraConfig& lora, std::uint64_t seed) {
  model.lora = std::make_unique<LoraParameters>(model.spec, match_lora_targets(model.spec, lora), lora.r,
                                                lora_scaling(lora), lora.dropout, seed);
  model.seed = seed;
}

}  // namespace vernier
