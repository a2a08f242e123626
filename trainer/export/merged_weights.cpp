#include "export/merged_weights.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "io/element_convert.h"
#include "model/load_model.h"

namespace vernier {

namespace {

constexpr std::int64_t kPieceElements = std::int64_t{1} << 20;

// Computed from config.json by whoever reads it; old Llama checkpoints still carry them.
bool is_rope_buffer(const std::string& name) {
  return ends_with(name, ".rotary_emb.inv_freq");
}

std::string_view bytes_of(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), size};
}

void give(const at::Tensor& values, Dtype dtype, const TensorSink& sink) {
  const auto count = static_cast<std::size_t>(values.numel());
  if (dtype == Dtype::kF32) return sink(bytes_of(values.data_ptr(), count * sizeof(float)));
  std::string out(count * dtype_bytes(dtype), '\0');
  narrow(static_cast<const float*>(values.data_ptr()), count, dtype, out.data());
  sink(out);
}

}  // namespace

MergedWeights::MergedWeights(const ModelDir& base, const ModelSpec& spec, const LoraParameters& lora,
                             std::optional<QuantizationConfig> quantization, const Device& device)
    : base_(base), device_(device), quantization_(quantization), scaling_(static_cast<float>(lora.scaling())) {
  for (std::int64_t layer = 0; layer < spec.layers; ++layer)
    for (const Linear linear : kLinears) linears_.emplace(weight_name(layer, linear), lora.find(layer, linear));
}

std::vector<DeclaredTensor> MergedWeights::tensors(Dtype dtype) const {
  std::vector<DeclaredTensor> tensors;
  for (const WeightInfo& weight : base_.weights())
    if (!is_rope_buffer(weight.name)) tensors.push_back({weight.name, dtype, weight.shape});
  return tensors;
}

void MergedWeights::produce(const DeclaredTensor& tensor, const TensorSink& sink) const {
  const auto found = linears_.find(tensor.name);
  const LoraPair* pair = found == linears_.end() ? nullptr : found->second;
  if (found == linears_.end() || (pair == nullptr && !quantization_)) return copy(tensor, sink);
  const at::Tensor values = base_values(tensor.name);
  const std::int64_t rows = values.size(0), step = std::max<std::int64_t>(1, kPieceElements / values.size(1));
  for (std::int64_t row = 0; row < rows; row += step) {
    const std::int64_t part = std::min(step, rows - row);
    at::Tensor slice = values.narrow(0, row, part);
    if (pair != nullptr) slice.add_(at::mm(pair->b.narrow(0, row, part), pair->a).mul_(scaling_));
    if (!device_.ops->all_finite(slice)) not_finite(tensor.name, "merged");
    give(slice, tensor.dtype, sink);
  }
}

void MergedWeights::copy(const DeclaredTensor& tensor, const TensorSink& sink) const {
  std::string bytes(tensor_bytes(tensor), '\0');
  base_.read(*base_.find(tensor.name), tensor.dtype, bytes.data());
  sink(bytes);
}

at::Tensor MergedWeights::base_values(const std::string& name) const {
  const WeightInfo& weight = *base_.find(name);
  at::Tensor values = at::empty(weight.shape, at::kFloat);
  base_.read(weight, Dtype::kF32, values.data_ptr());
  if (!device_.ops->all_finite(values)) not_finite(name, "base's");
  if (quantization_) device_.ops->decode_nf4(quantize_nf4(values, *quantization_), values);
  return values;
}

void MergedWeights::not_finite(const std::string& name, const char* whose) const {
  throw Error(ErrorKind::kNumeric, str("the ", whose, " weights hold NaN or Inf"), str(base_.path(), ": ", name),
              "the adapter or the base is damaged: look at the losses of its training");
}

}  // namespace vernier
