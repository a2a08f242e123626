#pragma once
// Every option of a run, with its default, in the sections the parts of the program take. Filled by
// config/read_config.h from YAML and command-line overrides; the one list of keys is config/keys.h.
// Only commands/ sees a whole Config.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace vernier {

enum class Adapter { kLora, kQlora };
enum class Compute { kAuto, kBF16, kF32 };  // bf16: auto | true | false
enum class DatasetType { kTokenized, kCompletion, kAlpaca, kChatTemplate };
enum class ExcessLength { kRaise, kDrop, kTruncate };
enum class OnEmptyTargets { kDefault, kKeep, kDrop, kRaise };  // kDefault: keep for tokenized, raise otherwise
enum class SaveStrategy { kSteps, kEpoch, kNo, kBest };        // kBest: of save_strategy alone
enum class OnSaveError { kStop, kContinue };
enum class Scheduler { kConstant, kConstantWithWarmup, kLinear, kCosine };
enum class Checkpointing { kAuto, kOn, kOff };  // gradient_checkpointing: auto | true | false

struct ModelConfig {
  std::string base_model;  // a Hugging Face directory, a GGUF file, or a hub id in the local cache
  std::string revision_of_model;

  bool operator==(const ModelConfig&) const = default;
};

struct QuantizationConfig {
  bool load_in_4bit = true;
  std::int64_t blocksize = 64;  // elements of one absmax: 32, 64, 128, ..., 4096
  bool double_quant = true;

  bool operator==(const QuantizationConfig&) const = default;
};

struct LoraConfig {
  std::int64_t r = 16;
  double alpha = 32;  // when unset: 2 * r
  double dropout = 0;
  bool use_rslora = false;
  // Names ("q_proj"), one regular expression over full module names (a single string), or all linears.
  struct AllLinear {
    bool operator==(const AllLinear&) const = default;
  };
  struct Regex {
    std::string pattern;

    bool operator==(const Regex&) const = default;
  };
  using Names = std::vector<std::string>;
  std::variant<AllLinear, Regex, Names> target_modules = AllLinear{};
  std::string lora_model_dir;  // a PEFT adapter to start from; empty: none

  bool operator==(const LoraConfig&) const = default;
};

struct DatasetConfig {
  std::string path;
  DatasetType type = DatasetType::kTokenized;
  std::string field = "text";               // completion
  std::string field_messages = "messages";  // chat_template
  std::string property_role = "role";       // chat_template: message_property_mappings
  std::string property_content = "content";
  std::string where;  // file:line:column of the entry, for messages

  bool operator==(const DatasetConfig&) const = default;
};

struct DataConfig {
  std::vector<DatasetConfig> datasets;
  std::vector<DatasetConfig> test_datasets;
  double val_set_size = 0;                          // below 1 a share of the rows, from 1 on a count
  std::string chat_template = "tokenizer_default";  // or chatml, or a path to a .jinja file
  bool train_on_inputs = false;
  std::int64_t sequence_len = 0;  // 0: the longest row, at most what the model allows
  ExcessLength excess_length = ExcessLength::kRaise;
  OnEmptyTargets on_empty_targets = OnEmptyTargets::kDefault;

  bool operator==(const DataConfig&) const = default;
};

struct BatchConfig {
  std::int64_t micro_batch_size = 1;
  std::int64_t gradient_accumulation_steps = 1;
  bool shuffle = true;

  bool operator==(const BatchConfig&) const = default;
};

enum class OptimizerKind { kAdamwTorch, kAdamw8bit, kLion32bit, kLion8bit, kSgd };

struct OptimizerChoice {
  OptimizerKind kind = OptimizerKind::kAdamwTorch;
  bool paged = false;  // its states may lie in pages on a disk

  bool operator==(const OptimizerChoice&) const = default;
};

struct OptimizerConfig {
  OptimizerChoice optimizer;
  std::optional<std::int64_t>
      optimizer_memory;    // bytes of a paged optimizer's states in memory; unset: as memory allows
  std::string paging_dir;  // where its other pages lie; empty: output_dir
  double learning_rate = 2e-4;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.999;
  double adam_epsilon = 1e-8;
  double weight_decay = 0;
  double max_grad_norm = 1.0;  // 0: no clipping
  Scheduler lr_scheduler = Scheduler::kCosine;
  std::optional<std::int64_t> warmup_steps;
  std::optional<double> warmup_ratio;

  bool operator==(const OptimizerConfig&) const = default;
};

struct TrainConfig {
  double num_epochs = 1;
  std::optional<std::int64_t> max_steps;
  std::optional<double> max_time;                     // seconds from the program's start
  SaveStrategy eval_strategy = SaveStrategy::kEpoch;  // kSteps: one of the next two is set; needs evaluation data
  std::optional<std::int64_t> eval_steps;
  std::optional<std::int64_t> evals_per_epoch;
  std::optional<std::int64_t> early_stopping_patience;  // evaluations in a row without a gain
  double early_stopping_threshold = 0;                  // the least fall of the evaluation loss that is one
  bool load_best_model_at_end = false;
  std::optional<double> loss_watchdog_threshold;
  std::int64_t loss_watchdog_patience = 3;            // steps in a row
  SaveStrategy save_strategy = SaveStrategy::kEpoch;  // kSteps: one of the next two is set
  std::optional<std::int64_t> save_steps;
  std::optional<std::int64_t> saves_per_epoch;
  std::optional<double> save_minutes;
  std::int64_t save_total_limit = 3;  // 0: keep all; 1 keeps 2
  OnSaveError on_save_error = OnSaveError::kStop;
  std::int64_t logging_steps = 1;
  Checkpointing gradient_checkpointing = Checkpointing::kAuto;
  std::optional<std::int64_t> max_memory;  // bytes
  std::string output_dir;
  bool overwrite_output_dir = false;
  bool resume = false;               // --resume, or resume_from_checkpoint: true or a directory
  std::string resume_from;           // with resume: this checkpoint directory; empty: the newest whole one
  std::vector<std::string> metrics;  // for `eval`: "exact_json"

  bool operator==(const TrainConfig&) const = default;
};

struct DeviceConfig {
  std::string device = "auto";  // auto | cpu
  Compute compute = Compute::kAuto;
  std::string kernels = "auto";  // auto | scalar | avx2 | avx512
  std::int64_t threads = 0;      // 0: the CPUs this process may use

  bool operator==(const DeviceConfig&) const = default;
};

struct Config {
  ModelConfig model;
  Adapter adapter = Adapter::kQlora;
  QuantizationConfig quantization;
  LoraConfig lora;
  DataConfig data;
  BatchConfig batch;
  OptimizerConfig optimizer;
  TrainConfig train;
  DeviceConfig device;
  std::uint64_t seed = 42;

  bool operator==(const Config&) const = default;
};

}  // namespace vernier
