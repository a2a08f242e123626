#include "commands/run_identity.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>

#include "base/hash.h"
#include "base/text.h"
#include "config/keys.h"
#include "data/rows_paths.h"
#include "io/file_records.h"
#include "io/mapped_file.h"
#include "optim/state_layout.h"

namespace vernier {

namespace {

// Of the program that runs, whatever has become of the file's name since.
std::string binary_sha256() {
  const MappedFile file("/proc/self/exe");
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  Sha256 sha;
  for (std::size_t at = 0; at < file.bytes().size(); at += kPiece) {
    const std::string_view piece = file.bytes().substr(at, kPiece);
    sha.update(piece);
    file.release(piece);
  }
  return sha.finish();
}

// The adapted linears as lora_target_modules names them: by the last part of their names where every layer has the
// same, else by their whole paths.
Json target_names(const std::vector<LoraTarget>& targets, std::int64_t layers) {
  Json names = Json::array(), paths = Json::array();
  bool same = true;
  for (const Linear linear : kLinears) {
    const auto adapted = std::count_if(targets.begin(), targets.end(),
                                       [&](const LoraTarget& target) { return target.linear == linear; });
    same &= adapted == 0 || adapted == layers;
    if (adapted > 0) names.push_back(split(linear_name(linear), '.').back());
  }
  for (const LoraTarget& target : targets) paths.push_back(module_path(target.layer, target.linear));
  return same ? names : paths;
}

template <typename Value>
Json optional_json(const std::optional<Value>& value) {
  return value ? Json(*value) : Json();
}

// The settings that shape the numbers: what a resume may do with another value of each is in train/resume_changes.cpp.
Json shaping_settings(const Config& config, std::int64_t total) {
  Json settings;
  settings["seed"] = config.seed;
  settings["load_in_4bit"] = config.quantization.load_in_4bit;
  settings["bnb_4bit_blocksize"] = config.quantization.blocksize;
  settings["bnb_4bit_use_double_quant"] = config.quantization.double_quant;
  settings["lora_r"] = config.lora.r;
  settings["lora_alpha"] = config.lora.alpha;
  settings["lora_dropout"] = config.lora.dropout;
  settings["use_rslora"] = config.lora.use_rslora;
  settings["micro_batch_size"] = config.batch.micro_batch_size;
  settings["gradient_accumulation_steps"] = config.batch.gradient_accumulation_steps;
  settings["rows_per_step"] = config.batch.micro_batch_size * config.batch.gradient_accumulation_steps;
  settings["shuffle"] = config.batch.shuffle;
  settings["optimizer"] = optimizer_name(config.optimizer.optimizer.kind);
  settings["learning_rate"] = config.optimizer.learning_rate;
  settings["lr_scheduler"] = find_key("lr_scheduler").key->write(config);
  settings["adam_beta1"] = config.optimizer.adam_beta1;
  settings["adam_beta2"] = config.optimizer.adam_beta2;
  settings["adam_epsilon"] = config.optimizer.adam_epsilon;
  settings["weight_decay"] = config.optimizer.weight_decay;
  settings["max_grad_norm"] = config.optimizer.max_grad_norm;
  settings["warmup_steps"] = optional_json(config.optimizer.warmup_steps);
  settings["warmup_ratio"] = optional_json(config.optimizer.warmup_ratio);
  settings["total_steps"] = total;
  return settings;
}

// All other keys, as YAML writes them. What only says how to start or where to compute is left out: `device` of the
// identity has the one.
Json free_options(const Config& config, const Json& settings) {
  static const std::set<std::string> kLeftOut = {
      "resume_from_checkpoint", "overwrite_output_dir", "device", "bf16", "kernels", "threads", "adapter"};
  Json options = Json::object();
  for (const Key& key : keys())
    if (!settings.contains(key.name) && kLeftOut.count(key.name) == 0) options[key.name] = key.write(config);
  return options;
}

Json file_records(const std::vector<DatasetConfig>& datasets) {
  std::vector<std::string> files;
  for (const DatasetConfig& dataset : datasets)
    for (std::string& file : find_data_files(dataset)) files.push_back(std::move(file));
  return record_files(files);
}

}  // namespace

RunIdentity run_identity(const RunInputs& inputs, const Device& device, const LoraParameters& lora,
                         std::int64_t total) {
  RunIdentity identity;
  identity.base = inputs.base->identity();
  identity.tokenizer = inputs.tokenizer == nullptr ? "" : inputs.tokenizer->identity();
  identity.data = inputs.train.identity();
  if (inputs.evaluation.size() > 0) identity.evaluation = inputs.evaluation.identity();
  identity.data_files = file_records(inputs.config().data.datasets);
  identity.evaluation_files = file_records(inputs.config().data.test_datasets);
  identity.config = inputs.loaded.sha256;
  identity.binary = binary_sha256();
  identity.device = device.description();
  identity.settings = shaping_settings(inputs.config(), total);
  identity.settings["lora_target_modules"] = target_names(lora.targets(), inputs.spec.layers);
  identity.options = free_options(inputs.config(), identity.settings);
  return identity;
}

std::string run_json(const RunIdentity& identity) {
  Json json;
  json["vernier"] = VERNIER_VERSION;
  put_identity(identity, json);
  return json.dump(2) + "\n";
}

}  // namespace vernier
