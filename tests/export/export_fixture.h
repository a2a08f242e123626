#pragma once
// Adapters and bases in a directory that goes away, for the tests of merging.

#include <ATen/ATen.h>

#include <filesystem>
#include <string>
#include <utility>

#include "export/merge.h"
#include "io/peft_files.h"
#include "io/test_files.h"
#include "model/adapter.h"
#include "support/model_fixture.h"

namespace vernier::testing {

using test::error_of;
using test::slurp;
using test::TempDir;

// Writes adapter_config.json (every linear, or `targets`) and the tensors into `dir`.
inline void write_adapter(const std::string& dir, const NamedTensors& tensors, std::int64_t r, double alpha,
                          const PeftAdapterConfig::Names& targets = {"q_proj", "k_proj", "v_proj", "o_proj",
                                                                     "gate_proj", "up_proj", "down_proj"}) {
  std::filesystem::create_directories(dir);
  PeftAdapterConfig config;
  config.r = r;
  config.lora_alpha = alpha;
  config.target_modules = targets;
  std::ofstream(dir + "/adapter_config.json") << adapter_config_json(config);
  write_tensors(dir + "/adapter_model.safetensors", tensors);
}

inline void write_record(const std::string& dir, const QuantizationRecord& record) {
  std::ofstream(dir + "/vernier.json") << quantization_record_json(record);
}

// The adapter that a golden model's logits were computed with (gen_arch.py): rank 4, alpha 8.
inline NamedTensors golden_lora(const std::string& arch) {
  const SafetensorsFile file(golden("arch/" + arch + "/golden.safetensors"));
  NamedTensors tensors;
  for (const SafeTensor& entry : file.tensors())
    if (entry.name.starts_with("lora/")) tensors.emplace_back(entry.name.substr(5), read_tensor(entry));
  return tensors;
}

inline MergeSummary merge(const MergeRequest& request) {
  return merge_adapter(request, cpu(), Log(LogLevel::kOff));
}

// The logits of the golden file's ids, [tokens, vocabulary].
inline at::Tensor golden_logits(const Decoder& model, const Device& device, const std::string& arch) {
  const at::Tensor ids = tensor(SafetensorsFile(golden("arch/" + arch + "/golden.safetensors")), "input_ids");
  Rows rows;
  for (std::int64_t row = 0; row < ids.size(0); ++row) {
    const auto* data = static_cast<const std::int32_t*>(ids[row].data_ptr());
    rows.add(data, data, ids.size(1));
  }
  Arena arena;
  return all_logits(model, device, rows.batch(), arena);
}

inline at::Tensor merged_logits(const std::string& dir, const std::string& arch) {
  LoadOptions options;
  options.max_row_tokens = 24;
  const Device device = cpu();
  return golden_logits(load(dir, options, device), device, arch);
}

}  // namespace vernier::testing
