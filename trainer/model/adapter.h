#pragma once
// Adapters on disk to and from a Decoder: PEFT's two files, the weights last.

#include <string>

#include "config/config.h"
#include "model/decoder.h"

namespace vernier {

// The LoRA options that an adapter directory's adapter_config.json describes. Error(kInput) naming file and key for
// what is missing or not built, and when the directory holds no adapter.
LoraConfig read_adapter_options(const std::string& dir);

// Puts the adapter of `dir` on the base: its own rank, alpha and targets. Error(kInput) when a tensor is missing, one
// is left over, or a shape differs.
void load_adapter(Decoder& model, const std::string& dir, std::uint64_t seed = 0);

// Copies the adapter's tensors into a model whose adapters have the same rank and targets.
void load_adapter_tensors(const Decoder& model, const std::string& dir);

// Writes adapter_model.safetensors (f32) to `path`.
void write_adapter_tensors(const Decoder& model, const std::string& path);

}  // namespace vernier
