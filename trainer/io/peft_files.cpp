#include "io/peft_files.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "io/checkpoint_manifest.h"
#include "io/json_fields.h"
#include "io/read_file.h"

namespace vernier {
namespace {

constexpr std::int64_t kRecordFormat = 1;
constexpr std::int64_t kMaxRank = std::int64_t{1} << 20;
constexpr const char* kOwnAdapterFix = "merge the adapter with PEFT, or train one without it";

// What changes the function of an adapter and is not computed here; off are null, false, "" and empty lists.
constexpr std::array<std::pair<const char*, const char*>, 20> kUnsupported = {{
    {"use_dora", "DoRA scales each row of the weights"},
    {"lora_bias", "the adapter has biases"},
    {"modules_to_save", "it replaces whole modules"},
    {"rank_pattern", "its ranks differ between modules"},
    {"alpha_pattern", "its scalings differ between modules"},
    {"layers_to_transform", "it adapts some layers only"},
    {"layers_pattern", "it adapts some layers only"},
    {"exclude_modules", "it leaves modules out"},
    {"trainable_token_indices", "it replaces rows of the embedding"},
    {"target_parameters", "it adapts parameters that are no linear layer"},
    {"layer_replication", "it repeats layers of the base"},
    {"alora_invocation_tokens", "it is switched on by tokens of the prompt"},
    {"use_qalora", "QALoRA pools its inputs"},
    {"use_bdlora", "its matrices are block diagonal"},
    {"arrow_config", "it chooses between adapters for each token"},
    {"kasa_config", "KaSA has singular values of its own"},
    {"velora_config", "VeLoRA is not built"},
    {"monteclora_config", "MonteCLoRA samples its weights"},
    {"megatron_config", "its layers are Megatron's"},
    {"fan_in_fan_out", "its weights are stored transposed"},
}};

bool is_off(const Json& value) {
  if (value.is_boolean()) return !value.get<bool>();
  return value.is_null() || ((value.is_array() || value.is_object()) && value.empty()) || value == "";
}

// The inits that leave the base as it is. The others subtract a start from it, which PEFT does anew when it loads.
bool leaves_base_alone(const Json& init) {
  static constexpr std::array<const char*, 4> kNames = {"gaussian", "eva", "orthogonal", "mica"};
  return init.is_boolean() || std::any_of(kNames.begin(), kNames.end(), [&](const char* name) { return init == name; });
}

void refuse_unsupported(const JsonFields& fields) {
  if (fields.text("peft_type") != "LORA")
    fields.fail("peft_type", str("only LORA is supported, not ", fields.text("peft_type")));
  if (const std::string task = fields.text("task_type", "CAUSAL_LM"); task != "CAUSAL_LM")
    fields.fail("task_type", str("only CAUSAL_LM is supported, not ", task));
  if (const std::string bias = fields.text("bias", "none"); bias != "none")
    fields.fail("bias", str("\"", bias, "\" is not supported: it changes the base's biases"), kOwnAdapterFix);
  for (const auto& [key, reason] : kUnsupported)
    if (const Json* const value = fields.find(key); value != nullptr && !is_off(*value))
      fields.fail(key, str(value->dump(), " is not supported: ", reason), kOwnAdapterFix);
  if (const Json* const init = fields.find("init_lora_weights"); init != nullptr && !leaves_base_alone(*init))
    fields.fail("init_lora_weights", str(init->dump(), " is not supported: it changes the base's weights"),
                "convert it to plain LoRA with PEFT (path_initial_model_for_weight_conversion)");
}

std::variant<PeftAdapterConfig::Regex, PeftAdapterConfig::Names> read_targets(const JsonFields& fields) {
  const Json& targets = fields.at("target_modules");
  if (targets.is_string() && !targets.get_ref<const std::string&>().empty()) return targets.get<std::string>();
  if (!targets.is_array()) fields.fail("target_modules", "expected a list of names or a regex");
  PeftAdapterConfig::Names names;
  for (const Json& name : targets) {
    if (!name.is_string()) fields.fail("target_modules", str("expected names, found ", name.dump()));
    names.push_back(name.get<std::string>());
  }
  if (names.empty()) fields.fail("target_modules", "is empty");
  return names;
}

Json text_or_null(const std::string& text) {
  if (!is_utf8(text)) throw Error(ErrorKind::kInput, "is not UTF-8 and cannot be written to JSON", text);
  return text.empty() ? Json(nullptr) : Json(text);
}

// Python writes 16 for an int and 16.0 for a float; PEFT's field is an int, and takes floats.
Json alpha_json(double alpha) {
  constexpr double kExact = 9007199254740992.0;
  if (std::nearbyint(alpha) == alpha && std::fabs(alpha) < kExact) return static_cast<std::int64_t>(alpha);
  return alpha;
}

Json targets_json(const PeftAdapterConfig& config) {
  if (const auto* const regex = std::get_if<PeftAdapterConfig::Regex>(&config.target_modules)) {
    check(!regex->empty(), "an adapter has targets");
    return text_or_null(*regex);
  }
  const auto& names = std::get<PeftAdapterConfig::Names>(config.target_modules);
  check(!names.empty(), "an adapter has targets");
  Json list = Json::array();
  for (const std::string& name : std::set<std::string>(names.begin(), names.end())) list.push_back(text_or_null(name));
  return list;
}

// A dangling link is there: reading it says what is wrong.
bool is_there(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

// As Python's json.dumps(.., indent=2): other letters than ASCII are escaped.
std::string dump(const Json& json) {
  return json.dump(2, ' ', true);
}

}  // namespace

std::string verified_adapter_file(const std::string& adapter_dir, const std::string& name) {
  const std::string path = adapter_dir + "/" + name;
  if (!is_there(adapter_dir + "/" + kManifestName)) return path;
  try {
    for (const CheckpointManifest::File& file : read_manifest(adapter_dir).files)
      if (file.name == name) verify_file(adapter_dir, file, local_file_system());
  } catch (const Error& error) {
    throw Error(error.kind(), error.what(), error.where(),
                str("take another checkpoint; if it was changed on purpose, remove ", kManifestName,
                    " beside it: the adapter is then taken as it is"));
  }
  return path;
}

std::string adapter_config_json(const PeftAdapterConfig& config) {
  // Sorted by key. PEFT 0.21.2's own version is named because this is its layout, and readers compare it with theirs.
  return dump(Json::object({
      {"alora_invocation_tokens", nullptr},
      {"alpha_pattern", Json::object()},
      {"arrow_config", nullptr},
      {"auto_mapping", nullptr},
      {"base_model_name_or_path", text_or_null(config.base_model_name_or_path)},
      {"bias", "none"},
      {"corda_config", nullptr},
      {"ensure_weight_tying", false},
      {"eva_config", nullptr},
      {"exclude_modules", nullptr},
      {"fan_in_fan_out", false},
      {"inference_mode", true},
      {"init_lora_weights", true},
      {"kasa_config", nullptr},
      {"layer_replication", nullptr},
      {"layers_pattern", nullptr},
      {"layers_to_transform", nullptr},
      {"loftq_config", Json::object()},
      {"lora_alpha", alpha_json(config.lora_alpha)},
      {"lora_bias", false},
      {"lora_dropout", config.lora_dropout},
      {"lora_ga_config", nullptr},
      {"megatron_config", nullptr},
      {"megatron_core", "megatron.core"},
      {"modules_to_save", nullptr},
      {"monteclora_config", nullptr},
      {"peft_type", "LORA"},
      {"peft_version", "0.21.2"},
      {"qalora_group_size", 16},
      {"r", config.r},
      {"rank_pattern", Json::object()},
      {"revision", text_or_null(config.revision)},
      {"target_modules", targets_json(config)},
      {"target_parameters", nullptr},
      {"task_type", "CAUSAL_LM"},
      {"trainable_token_indices", nullptr},
      {"use_bdlora", nullptr},
      {"use_dora", false},
      {"use_qalora", false},
      {"use_rslora", config.use_rslora},
      {"velora_config", nullptr},
  }));
}

PeftAdapterConfig read_adapter_config(const std::string& adapter_dir) {
  const std::string path = verified_adapter_file(adapter_dir, kAdapterConfigName);
  const Json json = read_json_file(path);
  const JsonFields fields(json, path);
  refuse_unsupported(fields);
  PeftAdapterConfig config;
  config.base_model_name_or_path = fields.text("base_model_name_or_path", "");
  config.revision = fields.text("revision", "");
  config.r = fields.integer("r", config.r);
  if (config.r < 1 || config.r > kMaxRank) fields.fail("r", str("must be 1 to ", kMaxRank, ", not ", config.r));
  config.lora_alpha = fields.number("lora_alpha", config.lora_alpha);
  if (!(config.lora_alpha > 0)) fields.fail("lora_alpha", "must be greater than 0");
  config.lora_dropout = fields.number("lora_dropout", config.lora_dropout);
  if (!(config.lora_dropout >= 0 && config.lora_dropout < 1)) fields.fail("lora_dropout", "must be in [0, 1)");
  config.use_rslora = fields.flag("use_rslora", config.use_rslora);
  config.target_modules = read_targets(fields);
  return config;
}

AdapterBase read_adapter_base(const std::string& adapter_dir) {
  const PeftAdapterConfig peft = read_adapter_config(adapter_dir);
  if (peft.base_model_name_or_path.empty())
    throw Error(ErrorKind::kInput, "the adapter does not name its base", adapter_dir + "/" + kAdapterConfigName,
                "--base DIR");
  std::error_code ignored;
  const bool local = std::filesystem::exists(peft.base_model_name_or_path, ignored);
  return {peft.base_model_name_or_path, local ? "" : peft.revision};
}

std::string quantization_record_json(const QuantizationRecord& record) {
  return dump(Json::object({
             {"format", kRecordFormat},
             {"vernier_version", text_or_null(record.vernier_version)},
             {"load_in_4bit", record.load_in_4bit},
             {"bnb_4bit_quant_type", text_or_null(record.quant_type)},
             {"bnb_4bit_blocksize", record.blocksize},
             {"bnb_4bit_use_double_quant", record.double_quant},
             {"bnb_4bit_compute_dtype", text_or_null(record.compute_dtype)},
             {"base_sha256", text_or_null(record.base_identity)},
             {"chat_template_sha256", text_or_null(record.chat_template_sha256)},
         })) +
         "\n";
}

std::optional<QuantizationRecord> read_quantization_record(const std::string& adapter_dir) {
  const std::string path = verified_adapter_file(adapter_dir, kQuantizationRecordName);
  if (!is_there(path)) return std::nullopt;
  const Json json = read_json_file(path);
  const JsonFields fields(json, path);
  const std::int64_t format = fields.integer("format");
  if (format != kRecordFormat) fields.fail("format", str("this build reads format ", kRecordFormat, ", not ", format));
  QuantizationRecord record;
  record.load_in_4bit = fields.flag("load_in_4bit");
  record.quant_type = fields.text("bnb_4bit_quant_type", record.quant_type);
  if (record.load_in_4bit && record.quant_type != "nf4")
    fields.fail("bnb_4bit_quant_type", str("only nf4 is supported, not ", record.quant_type));
  record.blocksize = fields.integer("bnb_4bit_blocksize", record.blocksize);
  if (record.blocksize < 1) fields.fail("bnb_4bit_blocksize", "must be greater than 0");
  record.double_quant = fields.flag("bnb_4bit_use_double_quant", record.double_quant);
  record.compute_dtype = fields.text("bnb_4bit_compute_dtype", "");
  record.base_identity = fields.text("base_sha256", "");
  record.chat_template_sha256 = fields.text("chat_template_sha256", "");
  record.vernier_version = fields.text("vernier_version", "");
  return record;
}

std::optional<std::string> read_adapter_template_file(const std::string& adapter_dir) {
  const std::string path = verified_adapter_file(adapter_dir, kAdapterTemplateName);
  constexpr std::size_t kMostBytes = std::size_t{4} << 20;
  return is_there(path) ? std::optional(read_file(path, kMostBytes)) : std::nullopt;
}

}  // namespace vernier
