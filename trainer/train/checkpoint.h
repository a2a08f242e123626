#pragma once
// What a run writes: the adapter in PEFT's files, alone at the root of output_dir and, with the trainer's state, in
// each checkpoint. The bytes and their safety are io/run_store's; here is what they hold.
//
//   adapter_config.json, adapter_model.safetensors, vernier.json   a checkpoint loads in PEFT as it is
//   chat_template.jinja     the template of the training rows, when conversations were among them
//   manifest.json           size and hash of the others
//   optimizer.safetensors   all of the optimizer's state, by trained tensor
//   trainer_state.json      where the run is (train/trainer_state.h), and what must be the same when it goes on

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "io/json.h"
#include "io/output_lock.h"
#include "io/peft_files.h"
#include "model/decoder.h"
#include "optim/optimizer.h"
#include "train/trainer_state.h"

namespace vernier {

// What identifies a run: a resume must find it again.
struct RunIdentity {
  std::string base, tokenizer, data;  // SHA-256
  std::string evaluation;             // SHA-256 of the evaluation rows; empty without any
  Json data_files, evaluation_files;  // io/file_records: the files of both, to say which one changed
  std::string config, binary;         // SHA-256 of the YAML file and of this program: told when changed, not refused
  Json settings;                      // the options that shape the numbers, key by key
  Json options;                       // all others that a resume may change freely, as YAML writes them
  std::string device;                 // kernels, type, threads: bits may differ under others
};

// Its fields into a JSON object, as run.json and a checkpoint's state both hold them.
void put_identity(const RunIdentity& identity, Json& json);

struct AdapterFiles {
  PeftAdapterConfig peft;
  QuantizationRecord quantization;
  std::string chat_template;  // empty: no conversations were trained on
};

// checkpoint-N with everything; durable when it returns. Errors as io/run_store's checkpoint_error.
void save_checkpoint(const OutputLock& lock, const Decoder& model, const Optimizer& optimizer,
                     const AdapterFiles& files, const RunIdentity& identity, const TrainerState& state);

// Bytes of a checkpoint of so many trained parameters and bytes of optimizer state.
std::int64_t checkpoint_bytes(std::int64_t trained_parameters, std::int64_t state_bytes);
// Error(kResource) with what is missing in all when a checkpoint and `more_bytes` beside it do not fit on the disk.
void require_save_space(const OutputLock& lock, const Decoder& model, const Optimizer& optimizer,
                        std::uint64_t more_bytes);
// A guess at the seconds that writing it takes.
double expected_save_seconds(std::int64_t checkpoint_bytes);

// Adapter, optimizer and state out of a checkpoint that has been verified. Errors and `notes` as compare_runs
// (train/resume_changes.h), with the settings that may be others in `allowed`.
TrainerState restore_checkpoint(const std::string& checkpoint_dir, const Decoder& model, Optimizer& optimizer,
                                const RunIdentity& identity, const std::set<std::string>& allowed,
                                std::vector<std::string>& notes);

// The evaluation after the step of a checkpoint that has been verified, when one was made on the rows of this SHA-256.
std::optional<EvaluationHistory::Measured> saved_evaluation(const std::string& checkpoint_dir,
                                                            const std::string& evaluation_rows);

// The adapter of `step` at the root of the output directory: each file by rename, the weights after the others, and a
// manifest of them last. An older manifest goes first, so that none ever speaks of other files.
void write_root_adapter(const OutputLock& lock, const Decoder& model, const AdapterFiles& files, std::int64_t step);

}  // namespace vernier
