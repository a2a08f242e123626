#pragma once
// What is worth a line before a run begins: nothing here is an error, and nothing of it goes without a word.

#include <cstdint>
#include <string>

#include "base/log.h"
#include "commands/run_inputs.h"

namespace vernier {

// A sequence_len above the model's positions.
void note_model_limit(const LoadedConfig& loaded, std::int64_t max_positions, const Log& log);

// A tokenizer with far fewer tokens than the model has rows for, or without the BOS or EOS of config.json: it is likely
// another model's. Says nothing without a tokenizer.
void note_foreign_tokenizer(const RunInputs& inputs, const Log& log);

// An adapter in lora_model_dir that was trained on a base quantized in another way: with this one it is another
// function.
void note_start_adapter(const LoadedConfig& loaded, const Log& log);

// An adapter in lora_model_dir that learned under another chat template than `source` (empty: no conversations here).
void note_start_template(const LoraConfig& lora, const std::string& source, const Log& log);

// A warm-up that is longer than the run.
void note_long_warmup(const LoadedConfig& loaded, std::int64_t total_steps, const Log& log);

}  // namespace vernier
