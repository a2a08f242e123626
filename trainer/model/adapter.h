#pragma once
// Adapters on disk to and from a Decoder: PEFT's two files, the weights last.

#include <string>

#include "config/config.h"
#include "io/file_system.h"
#include "model/decoder.h"

namespace vernier {

// The LoRA options that an adapter directory's adapter_config.json describes. Error(kInput) naming file and key for
// what is missing or not built, and when the directory holds no adapter. Of all that read here: Error(kIntegrity) for a
// file that is not what the adapter's manifest says (io/peft_files).
LoraConfig read_adapter_options(const std::string& dir);

// Puts the adapter of `dir` on the base that was read from `base`: its own rank, alpha and targets. Errors as below.
void load_adapter(Decoder& model, const std::string& dir, const std::string& base);

// Copies the adapter's tensors into a model whose adapters have the same rank and targets. Error(kInput) when a tensor
// is missing, has another shape or is left over: it names the first such tensor, `base` (empty: not known here) and the
// base that the adapter's config names. No value is changed then.
void load_adapter_tensors(const Decoder& model, const std::string& dir, const std::string& base = "");

// Writes adapter_model.safetensors (f32) to `path`.
void write_adapter_tensors(const Decoder& model, const std::string& path, FileSystem& files);

}  // namespace vernier
