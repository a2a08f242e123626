#pragma once
// A base's weights with an adapter merged in, tensor by tensor: W + scaling * B A in f32, rounded once. W is what the
// base stores, or what the 4-bit codes of it decode to; of 4-bit bases every linear is replaced, with or without an
// adapter, because that is the function that was trained.

#include <map>
#include <optional>
#include <string>

#include "config/config.h"
#include "export/sharded_safetensors.h"
#include "io/model_dir.h"
#include "model/lora.h"
#include "tensor/device.h"

namespace vernier {

class MergedWeights {
 public:
  // All outlive this. `quantization`: the linears' codes; nullopt merges onto the stored values.
  MergedWeights(const ModelDir& base, const ModelSpec& spec, const LoraParameters& lora,
                std::optional<QuantizationConfig> quantization, const Device& device);

  // Every tensor of the base in `dtype`, in the base's order.
  std::vector<DeclaredTensor> tensors(Dtype dtype) const;
  // The tensor's bytes to `sink`. Holds one tensor in f32. Error(kNumeric) naming it at a NaN or Inf.
  void produce(const DeclaredTensor& tensor, const TensorSink& sink) const;

 private:
  void copy(const DeclaredTensor& tensor, const TensorSink& sink) const;
  at::Tensor base_values(const std::string& name) const;
  [[noreturn]] void not_finite(const std::string& name, const char* whose) const;

  const ModelDir& base_;
  const Device& device_;
  std::optional<QuantizationConfig> quantization_;
  float scaling_;
  std::map<std::string, const LoraPair*> linears_;  // by the weight's name; nullptr: no adapter
};

}  // namespace vernier
