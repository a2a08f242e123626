#pragma once
// The small files of an adapter directory: adapter_config.json as PEFT 0.21 writes and reads it (docs/formats.md),
// vernier.json beside it, which says how the base was quantized while the adapter was trained, and
// chat_template.jinja, the template that its conversations went through.
//
// What an adapter of ours holds is in a manifest.json beside it (io/checkpoint_manifest.h). Every function that reads
// from an adapter directory verifies its file against it first: Error(kIntegrity) when the manifest is damaged, or the
// file is not what the manifest says. Without a manifest, as other trainers leave an adapter, it is taken as it is.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace vernier {

inline constexpr const char* kAdapterConfigName = "adapter_config.json";
inline constexpr const char* kAdapterWeightsName = "adapter_model.safetensors";
inline constexpr const char* kQuantizationRecordName = "vernier.json";
inline constexpr const char* kAdapterTemplateName = "chat_template.jinja";

// The path of a file of an adapter that is about to be read, verified as said above.
std::string verified_adapter_file(const std::string& adapter_dir, const std::string& name);

struct PeftAdapterConfig {
  using Regex = std::string;
  using Names = std::vector<std::string>;

  std::string base_model_name_or_path;  // empty: null
  std::string revision;                 // empty: null
  std::int64_t r = 8;
  double lora_alpha = 8;
  double lora_dropout = 0;
  bool use_rslora = false;
  // Names match a module's whole path or its end after a dot, a regex the whole path. "all-linear" is resolved to names
  // before it is written; read, it may be the Regex.
  std::variant<Regex, Names> target_modules;
};

// The bytes of adapter_config.json: every field of PEFT 0.21.2, keys and names sorted, no trailing newline. Error
// (kInput) when a string is not UTF-8. Precondition: some target.
std::string adapter_config_json(const PeftAdapterConfig& config);

// Reads DIR/adapter_config.json. Missing keys have PEFT's defaults and unknown ones are ignored, as in PEFT. Error
// (kInput) naming file and key for everything that would make this adapter another function than the one we compute.
PeftAdapterConfig read_adapter_config(const std::string& adapter_dir);

// The base that an adapter names, as ModelDir takes it. The revision is empty for a local path, although PEFT may write
// one beside it.
struct AdapterBase {
  std::string name, revision;
};

// Error(kInput) as read_adapter_config, and when the config names no base.
AdapterBase read_adapter_base(const std::string& adapter_dir);

struct QuantizationRecord {
  bool load_in_4bit = false;
  std::string quant_type = "nf4";
  std::int64_t blocksize = 64;
  bool double_quant = false;
  std::string compute_dtype;         // "bf16" or "f32"
  std::string base_identity;         // SHA-256 of the base's weights
  std::string chat_template_sha256;  // of the template that the training rows went through; empty: none was used
  std::string vernier_version;
};

// The bytes of vernier.json.
std::string quantization_record_json(const QuantizationRecord& record);

// Reads DIR/vernier.json; nullopt when there is none (an adapter of another trainer). Error(kInput) naming file and key
// when it is malformed or of a later format.
std::optional<QuantizationRecord> read_quantization_record(const std::string& adapter_dir);

// The text of DIR/chat_template.jinja; nullopt when there is none. Error(kInput) when it cannot be read.
std::optional<std::string> read_adapter_template_file(const std::string& adapter_dir);

}  // namespace vernier
