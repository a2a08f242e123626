#pragma once
// What a run writes: the adapter in PEFT's files, alone at the root of output_dir and, with the trainer's state, in
// each checkpoint. The bytes and their safety are io/run_store's; here is what they hold.
//
//   adapter_config.json, adapter_model.safetensors, vernier.json   a checkpoint loads in PEFT as it is
//   chat_template.jinja     the template of the training rows, when conversations were among them
//   optimizer.safetensors   all of the optimizer's state, by trained tensor
//   trainer_state.json      step, length of metrics.jsonl, and what must be the same when the run goes on

#include <cstdint>
#include <string>

#include "io/json.h"
#include "io/output_lock.h"
#include "io/peft_files.h"
#include "model/decoder.h"
#include "optim/optimizer.h"

namespace vernier {

// What identifies a run: a resume must find it again.
struct RunIdentity {
  std::string base, tokenizer, data;  // SHA-256
  std::string config, binary;         // SHA-256 of the YAML file and of this program: told when changed, not refused
  Json settings;                      // the options that shape the numbers, key by key
  std::string device;                 // kernels, type, threads: bits may differ under others
};

// Its fields into a JSON object, as run.json and a checkpoint's state both hold them.
void put_identity(const RunIdentity& identity, Json& json);

struct TrainerState {
  std::int64_t step = 0;
  std::uint64_t metrics_bytes = 0;
};

struct AdapterFiles {
  PeftAdapterConfig peft;
  QuantizationRecord quantization;
  std::string chat_template;  // empty: no conversations were trained on
};

// checkpoint-N with everything; durable when it returns. Errors as io/run_store's checkpoint_error.
void save_checkpoint(const OutputLock& lock, const Decoder& model, const Optimizer& optimizer,
                     const AdapterFiles& files, const RunIdentity& identity, const TrainerState& state);

// Adapter, optimizer and state out of a checkpoint that has been verified. Error(kInput) saying what changed when base,
// data, tokenizer or a setting is not the checkpoint's; `notes` gets a line for each of device, config file and program
// that is another.
TrainerState restore_checkpoint(const std::string& checkpoint_dir, const Decoder& model, Optimizer& optimizer,
                                const RunIdentity& identity, std::vector<std::string>& notes);

// The adapter at the root of the output directory: each file by rename, the weights last.
void write_root_adapter(const std::string& output_dir, const Decoder& model, const AdapterFiles& files);

}  // namespace vernier
