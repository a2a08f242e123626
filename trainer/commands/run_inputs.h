#pragma once
// What train, check and eval read before any weight is loaded: config, model description, tokenizer, rows.

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "commands/command.h"
#include "config/read_config.h"
#include "data/dataset.h"
#include "data/tokenizer.h"
#include "io/model_dir.h"
#include "spec/memory_plan.h"
#include "spec/model_spec.h"

namespace vernier {

// CONFIG and the overrides behind it, "learning_rate=1e-4" or "--learning-rate 1e-4".
struct ConfigArguments {
  std::string path;

  // Adds them to a command. As its other words may be overrides, it takes the log's options itself.
  void add_to(CLI::App& command, LogOptions& log);
  // The overrides among the words that the command's own options left over.
  static std::vector<std::string> overrides(const CLI::App& command);
};

struct RunInputs {
  LoadedConfig loaded;
  std::unique_ptr<ModelDir> base;
  ModelSpec spec;
  std::unique_ptr<Tokenizer> tokenizer;  // nullptr: the base has none
  Dataset train, evaluation;             // evaluation: may be empty

  const Config& config() const { return loaded.config; }
};

// Reads the config and shows its notes, then opens the base and its tokenizer. With an adapter to start from
// (lora_model_dir) its rank, alpha and targets take the place of the config's.
RunInputs open_run(const std::string& config_path, const std::vector<std::string>& overrides, Purpose purpose,
                   const Log& log);

// Reads and tokenizes the rows: training rows (all but val_set_size) and those of test_datasets or val_set_size.
void read_datasets(RunInputs& inputs, const Log& log);

// The longest row of both.
std::int64_t longest_row(const RunInputs& inputs);

// What a run with these inputs will hold, keeping all activations or not.
MemoryPlan plan_run_memory(const RunInputs& inputs, bool bf16_compute, int threads, bool keep_all);

}  // namespace vernier
