#pragma once
// What train, check and eval read before any weight is loaded: config, model description, tokenizer, rows.

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "commands/config_arguments.h"
#include "config/read_config.h"
#include "data/dataset.h"
#include "data/tokenizer.h"
#include "io/model_dir.h"
#include "optim/state_layout.h"
#include "spec/memory_plan.h"
#include "spec/model_spec.h"

namespace vernier {

struct RunInputs {
  LoadedConfig loaded;
  std::unique_ptr<ModelDir> base;
  ModelSpec spec;
  std::unique_ptr<Tokenizer> tokenizer;  // nullptr: the base has none
  Dataset train, evaluation;             // evaluation: may be empty

  const Config& config() const { return loaded.config; }
};

// Reads the config and shows its notes, then opens the base and its tokenizer. With an adapter to start from
// (lora_model_dir) its rank, alpha and targets take the place of the config's. Error(kInput) as the rooms below; for
// training also at the key's place when a target matches no linear.
RunInputs open_run(const std::string& config_path, const std::vector<std::string>& overrides, Purpose purpose,
                   const Log& log);

// Reads and tokenizes the rows: training rows (all but val_set_size) and those of test_datasets or val_set_size.
// Error(kInput) as data/dataset.h, what is wrong with val_set_size at its place.
void read_datasets(RunInputs& inputs, const Log& log);

// The longest row of both.
std::int64_t longest_row(const RunInputs& inputs);

// What of a run may be kept in memory or not.
struct Kept {
  KeptLayers layers;
  std::int64_t optimizer_bytes = 0;  // of the optimizer's states
};

// `config` of the next three: the inputs' own, or one with other sizes to ask what they would need; rows longer than
// its sequence_len count as cut.

// How the states of the run's optimizer lie in memory, or in pages where it is a paged one.
StateLayout state_layout(const RunInputs& inputs, const Config& config);

// The sizes of a run with these inputs that its memory follows from.
MemoryRequest memory_request(const RunInputs& inputs, const Config& config, bool bf16_compute, int threads,
                             const Kept& kept);

// What it will hold.
MemoryPlan plan_run_memory(const RunInputs& inputs, const Config& config, bool bf16_compute, int threads,
                           const Kept& kept);

}  // namespace vernier
