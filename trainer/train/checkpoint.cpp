#include "train/checkpoint.h"

#include "base/error.h"
#include "base/text.h"
#include "io/atomic_file.h"
#include "io/run_store.h"
#include "model/adapter.h"

namespace vernier {

namespace {

constexpr const char* kOptimizerName = "optimizer.safetensors";
constexpr const char* kStateName = "trainer_state.json";

std::string state_json(const RunIdentity& identity, const TrainerState& state) {
  Json json;
  json["format"] = 1;
  json["step"] = state.step;
  json["metrics_bytes"] = state.metrics_bytes;
  put_identity(identity, json);
  return json.dump(2) + "\n";
}

void refuse_changes(const Json& saved, const RunIdentity& identity, const std::string& where) {
  std::vector<std::string> changes;
  const auto compare = [&](const char* key, const std::string& now, const char* what) {
    if (saved.at(key).get<std::string>() != now) changes.push_back(str(what, " changed"));
  };
  compare("base_sha256", identity.base, "the base model");
  compare("tokenizer_sha256", identity.tokenizer, "the tokenizer");
  compare("data_sha256", identity.data, "the training data");
  for (const auto& [key, now] : identity.settings.items()) {
    const Json before = saved.at("settings").contains(key) ? saved["settings"][key] : Json();
    if (before != now) changes.push_back(str(key, " was ", before.dump(), " and is ", now.dump()));
  }
  if (changes.empty()) return;
  throw Error(
      ErrorKind::kInput, str("this is not the run that the checkpoint belongs to: ", join(changes, "; ")), where,
      "undo the change; or keep what is trained so far in a new run: lora_model_dir: DIR with another output_dir");
}

void note_changes(const Json& saved, const RunIdentity& identity, std::vector<std::string>& notes) {
  if (const auto device = saved.at("device").get<std::string>(); device != identity.device)
    notes.push_back(str("the checkpoint was written on \"", device, "\", this is \"", identity.device,
                        "\": the last bits may differ"));
  if (saved.at("config_sha256").get<std::string>() != identity.config)
    notes.push_back("the config file has changed since the checkpoint, in nothing that shapes the numbers");
  if (saved.at("binary_sha256").get<std::string>() != identity.binary)
    notes.push_back("the checkpoint was written by another build of this program: the last bits may differ");
}

}  // namespace

void put_identity(const RunIdentity& identity, Json& json) {
  json["base_sha256"] = identity.base;
  json["tokenizer_sha256"] = identity.tokenizer;
  json["data_sha256"] = identity.data;
  json["config_sha256"] = identity.config;
  json["binary_sha256"] = identity.binary;
  json["device"] = identity.device;
  json["settings"] = identity.settings;
}

void save_checkpoint(const OutputLock& lock, const Decoder& model, const Optimizer& optimizer,
                     const AdapterFiles& files, const RunIdentity& identity, const TrainerState& state) {
  try {
    CheckpointWriter writer(lock, state.step);
    writer.write_file(kAdapterConfigName, adapter_config_json(files.peft));
    writer.write_file(kQuantizationRecordName, quantization_record_json(files.quantization));
    if (!files.chat_template.empty()) writer.write_file(kAdapterTemplateName, files.chat_template);
    write_adapter_tensors(model, writer.path(kAdapterWeightsName));
    writer.add_file(kAdapterWeightsName);
    optimizer.save(writer.path(kOptimizerName));
    writer.add_file(kOptimizerName);
    writer.write_file(kStateName, state_json(identity, state));
    writer.commit();
  } catch (const Error& problem) {
    throw checkpoint_error(lock, state.step, problem);
  }
}

TrainerState restore_checkpoint(const std::string& checkpoint_dir, const Decoder& model, Optimizer& optimizer,
                                const RunIdentity& identity, std::vector<std::string>& notes) {
  const std::string state_path = checkpoint_dir + "/" + kStateName;
  const Json saved = read_json_file(state_path);
  try {
    refuse_changes(saved, identity, checkpoint_dir);
    note_changes(saved, identity, notes);
    load_adapter_tensors(model, checkpoint_dir);
    optimizer.restore(checkpoint_dir + "/" + kOptimizerName);
    return {saved.at("step").get<std::int64_t>(), saved.at("metrics_bytes").get<std::uint64_t>()};
  } catch (const Json::exception& error) {
    throw Error(ErrorKind::kIntegrity, str("not a trainer's state: ", error.what()), state_path);
  }
}

void write_root_adapter(const std::string& output_dir, const Decoder& model, const AdapterFiles& files) {
  write_file_atomically(output_dir + "/" + kQuantizationRecordName, quantization_record_json(files.quantization));
  if (!files.chat_template.empty()) write_file_atomically(output_dir + "/" + kAdapterTemplateName, files.chat_template);
  write_file_atomically(output_dir + "/" + kAdapterConfigName, adapter_config_json(files.peft));
  const std::string weights = output_dir + "/" + kAdapterWeightsName, temporary = temporary_path(weights);
  write_adapter_tensors(model, temporary);
  replace_by_rename(temporary, weights);
}

}  // namespace vernier
