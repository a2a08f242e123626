#include "train/checkpoint.h"

#include "base/error.h"
#include "base/text.h"
#include "io/checkpoint_manifest.h"
#include "io/run_files.h"
#include "io/run_store.h"
#include "model/adapter.h"
#include "train/resume_changes.h"

namespace vernier {

namespace {

constexpr const char* kOptimizerName = "optimizer.safetensors";
constexpr const char* kStateName = "trainer_state.json";
constexpr int kStateFormat = 3;

std::uint64_t bytes_of(const Decoder& model, const Optimizer& optimizer) {
  return static_cast<std::uint64_t>(checkpoint_bytes(model.lora->values().numel(), optimizer.state_bytes()));
}

std::string state_json(const RunIdentity& identity, const TrainerState& state) {
  Json json;
  json["format"] = kStateFormat;
  put_state(state, json);
  put_identity(identity, json);
  return json.dump(2) + "\n";
}

Error not_a_state(const std::string& path, const Json::exception& error) {
  return Error(ErrorKind::kIntegrity, str("not a trainer's state: ", error.what()), path);
}

}  // namespace

void put_identity(const RunIdentity& identity, Json& json) {
  json["base_sha256"] = identity.base;
  json["tokenizer_sha256"] = identity.tokenizer;
  json["data_sha256"] = identity.data;
  json["evaluation_sha256"] = identity.evaluation;
  json["data_files"] = identity.data_files;
  json["evaluation_files"] = identity.evaluation_files;
  json["config_sha256"] = identity.config;
  json["binary_sha256"] = identity.binary;
  json["device"] = identity.device;
  json["settings"] = identity.settings;
  json["options"] = identity.options;
}

std::int64_t checkpoint_bytes(std::int64_t trained_parameters, std::int64_t state_bytes) {
  constexpr std::int64_t kHeadersAndSmallFiles = 256 * 1024;
  return 4 * trained_parameters + state_bytes + kHeadersAndSmallFiles;
}

void require_save_space(const OutputLock& lock, const Decoder& model, const Optimizer& optimizer,
                        std::uint64_t more_bytes) {
  require_checkpoint_space(lock, bytes_of(model, optimizer) + more_bytes);
}

double expected_save_seconds(std::int64_t checkpoint_bytes) {
  constexpr double kSlowDisk = 50e6;
  return 0.5 + static_cast<double>(checkpoint_bytes) / kSlowDisk;
}

void save_checkpoint(const OutputLock& lock, const Decoder& model, const Optimizer& optimizer,
                     const AdapterFiles& files, const RunIdentity& identity, const TrainerState& state) {
  try {
    CheckpointWriter writer(lock, state.step, bytes_of(model, optimizer));
    writer.write_file(kAdapterConfigName, adapter_config_json(files.peft));
    writer.write_file(kQuantizationRecordName, quantization_record_json(files.quantization));
    if (!files.chat_template.empty()) writer.write_file(kAdapterTemplateName, files.chat_template);
    write_adapter_tensors(model, writer.path(kAdapterWeightsName), writer.files());
    writer.add_file(kAdapterWeightsName);
    optimizer.save(writer.path(kOptimizerName), writer.files());
    writer.add_file(kOptimizerName);
    writer.write_file(kStateName, state_json(identity, state));
    writer.commit();
  } catch (const Error& problem) {
    throw checkpoint_error(lock, state.step, problem);
  }
}

TrainerState restore_checkpoint(const std::string& checkpoint_dir, const Decoder& model, Optimizer& optimizer,
                                const RunIdentity& identity, const std::set<std::string>& allowed,
                                std::vector<std::string>& notes) {
  const std::string state_path = checkpoint_dir + "/" + kStateName;
  const Json saved = read_json_file(state_path);
  try {
    if (const Json format = saved.at("format"); format != kStateFormat)
      throw Error(ErrorKind::kInput,
                  str("a checkpoint of format ", format.dump(), ", and this program reads ", kStateFormat), state_path,
                  "go on from its adapter in a new run: lora_model_dir: DIR with another output_dir");
    compare_runs(saved, identity, allowed, checkpoint_dir, notes);
    load_adapter_tensors(model, checkpoint_dir);
    optimizer.restore(checkpoint_dir + "/" + kOptimizerName);
    TrainerState state = get_state(saved);
    // Losses on other rows do not compare.
    if (saved.at("evaluation_sha256") != identity.evaluation) {
      state.evaluations = {};
      state.evaluation = {};
    }
    return state;
  } catch (const Json::exception& error) {
    throw not_a_state(state_path, error);
  }
}

std::optional<EvaluationHistory::Measured> saved_evaluation(const std::string& checkpoint_dir,
                                                            const std::string& evaluation_rows) {
  const std::string state_path = checkpoint_dir + "/" + kStateName;
  const Json saved = read_json_file(state_path);
  try {
    if (saved.at("format") != kStateFormat || saved.at("evaluation_sha256") != evaluation_rows) return std::nullopt;
    const TrainerState state = get_state(saved);
    const auto& newest = state.evaluations.newest;
    return newest && newest->step == state.step ? newest : std::nullopt;
  } catch (const Json::exception& error) {
    throw not_a_state(state_path, error);
  }
}

void write_root_adapter(const OutputLock& lock, const Decoder& model, const AdapterFiles& files, std::int64_t step) {
  remove_run_files(lock, {kManifestName});
  CheckpointManifest manifest{step, {}};
  const auto sum = [&](const char* name) { manifest.files.push_back(sum_file(lock.path(name), name, lock.files())); };
  const auto write = [&](const char* name, const std::string& bytes) {
    write_run_file(lock, name, bytes);
    sum(name);
  };
  write(kQuantizationRecordName, quantization_record_json(files.quantization));
  if (!files.chat_template.empty()) write(kAdapterTemplateName, files.chat_template);
  write(kAdapterConfigName, adapter_config_json(files.peft));
  write_run_file(lock, kAdapterWeightsName,
                 [&](const std::string& path) { write_adapter_tensors(model, path, lock.files()); });
  sum(kAdapterWeightsName);
  write_run_file(lock, kManifestName, manifest_text(manifest));
}

}  // namespace vernier
