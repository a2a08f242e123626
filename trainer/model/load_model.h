#pragma once
// A base model's weights into a Decoder, tensor by tensor: each linear is read, quantized to NF4 (or kept), and its
// pages are given back before the next.

#include "config/config.h"
#include "io/model_dir.h"
#include "model/decoder.h"

namespace vernier {

// Error(kInput) listing what is missing or has another shape than the spec says, at the file that lists the weights.
// Looks at names and shapes only.
void check_weights(const ModelDir& base, const ModelSpec& spec);

struct LoadOptions {
  bool load_in_4bit = false;
  QuantizationConfig quantization;  // used when load_in_4bit
  std::int64_t max_row_tokens = 0;  // for the rotation's table
};

// The base alone, without adapters. Linears become NF4 of the stored values, or stay in the base's type; embeddings,
// head and norms stay in the base's type. Error(kNumeric) naming a tensor that holds NaN or Inf.
Decoder load_base(const ModelDir& base, const ModelSpec& spec, const LoadOptions& options, const Device& device);

// One linear of a dense base as NF4.
Nf4View quantize_nf4(const at::Tensor& values, const QuantizationConfig& quantization);

// Puts freshly initialised adapters on the model.
void add_lora(Decoder& model, const LoraConfig& lora, std::uint64_t seed);

}  // namespace vernier
