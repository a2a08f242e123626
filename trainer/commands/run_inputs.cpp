#include "commands/run_inputs.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "config/check_paths.h"
#include "config/reference.h"
#include "data/batches.h"
#include "data/data_report.h"
#include "model/adapter.h"
#include "model/load_model.h"
#include "spec/step_sizes.h"

namespace vernier {

void ConfigArguments::add_to(CLI::App& command, LogOptions& log) {
  log.add_to(command);
  command.add_option("CONFIG", path, "The YAML file (docs/config.md)")->required();
  command.allow_extras();
  command.fallthrough(false);
  command.footer(
      "Any key of the file can be set behind it: learning_rate=1e-4 or --learning-rate 1e-4.\n"
      "All keys with their defaults: vernier config-reference");
}

std::vector<std::string> ConfigArguments::overrides(const CLI::App& command) {
  std::vector<std::string> overrides;
  const std::vector<std::string> words = command.remaining();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool option = starts_with(word, "--"), valued = word.find('=') != std::string::npos;
    if (option && !valued && i + 1 < words.size() && !starts_with(words[i + 1], "--")) {
      overrides.push_back(word + "=" + words[++i]);
    } else if (option || valued) {
      overrides.push_back(word);
    } else {
      throw Error(ErrorKind::kInput, str("unexpected word \"", word, "\""), "command line",
                  "overrides look like learning_rate=1e-4 or --learning-rate 1e-4");
    }
  }
  return overrides;
}

namespace {

// The adapter's rank, alpha and targets, where the config leaves them open. Error(kInput) where it says otherwise.
void take_adapter_options(LoadedConfig& loaded) {
  LoraConfig& ours = loaded.config.lora;
  LoraConfig theirs = read_adapter_options(ours.lora_model_dir);
  const auto take = [&](const char* key, bool same) {
    const Origin& origin = loaded.origins[key];
    if (!origin.is_default && !same)
      throw Error(ErrorKind::kInput, str(key, " is another than that of the adapter in lora_model_dir"), origin.text(),
                  "leave it out: the adapter's own is used");
    if (!same) loaded.origins[key].reason = "of the adapter in lora_model_dir";
  };
  take("lora_r", ours.r == theirs.r);
  take("lora_alpha", ours.alpha == theirs.alpha);
  take("use_rslora", ours.use_rslora == theirs.use_rslora);
  take("lora_target_modules", ours.target_modules == theirs.target_modules);
  theirs.lora_model_dir = ours.lora_model_dir;
  theirs.dropout = ours.dropout;
  ours = theirs;
}

void note_model_limit(const LoadedConfig& loaded, std::int64_t max_positions, const Log& log) {
  const std::int64_t asked = loaded.config.data.sequence_len;
  if (asked <= max_positions) return;
  log.info(str(loaded.origins.at("sequence_len").place.text(), ": sequence_len ", asked, " is above the model's ",
               max_positions, " positions: ", max_positions, " is used"));
}

}  // namespace

RunInputs open_run(const std::string& config_path, const std::vector<std::string>& overrides, Purpose purpose,
                   const Log& log) {
  RunInputs inputs;
  inputs.loaded = read_config(config_path, overrides, purpose);
  for (const std::string& note : inputs.loaded.notes) log.info(note);
  check_paths(inputs.loaded);
  Config& config = inputs.loaded.config;
  inputs.base = std::make_unique<ModelDir>(config.model.base_model, config.model.revision_of_model);
  inputs.spec = parse_model_spec(inputs.base->config(), inputs.base->path());
  note_model_limit(inputs.loaded, inputs.spec.max_positions, log);
  check_weights(*inputs.base, inputs.spec);
  inputs.tokenizer = load_tokenizer(*inputs.base);
  if (!config.lora.lora_model_dir.empty()) {
    take_adapter_options(inputs.loaded);
    const std::string& dir = config.lora.lora_model_dir;
    log.info(str("starting from the adapter in ", dir, ": its rank ", config.lora.r, ", alpha and targets are used"));
  }
  return inputs;
}

void read_datasets(RunInputs& inputs, const Log& log) {
  const Config& config = inputs.config();
  if (inputs.tokenizer != nullptr && inputs.tokenizer->vocab_size() > inputs.spec.vocab)
    throw Error(ErrorKind::kInput,
                str("the tokenizer has ", inputs.tokenizer->vocab_size(), " tokens and the model ", inputs.spec.vocab),
                inputs.base->path(), "tokenizer and model are not of the same release");
  const DatasetOptions options{inputs.spec.vocab, config.data.sequence_len, inputs.spec.max_positions};
  if (!config.data.datasets.empty()) {
    Dataset all = load_dataset(config.data.datasets, config.data, inputs.tokenizer.get(), options);
    std::vector<RowReport> reports = std::move(all.reports);
    if (config.data.val_set_size > 0) {
      std::tie(inputs.train, inputs.evaluation) = split_dataset(all, config.data.val_set_size, config.seed);
    } else {
      inputs.train = std::move(all);
    }
    inputs.train.reports = std::move(reports);
  }
  if (!config.data.test_datasets.empty()) {
    inputs.evaluation = load_dataset(config.data.test_datasets, config.data, inputs.tokenizer.get(), options);
    auto& reports = inputs.train.reports;
    reports.insert(reports.end(), inputs.evaluation.reports.begin(), inputs.evaluation.reports.end());
  }
  const std::string summary = summarize_reports(inputs.train.reports);
  if (!summary.empty()) log.warning("not used whole: " + summary);
}

std::int64_t longest_row(const RunInputs& inputs) {
  return std::max({inputs.train.stats().longest, inputs.evaluation.stats().longest, std::int64_t{1}});
}

namespace {

// The largest micro batch that an epoch can hold: its rows are drawn at random, so the longest ones together.
void add_largest_micro_batch(const Dataset& dataset, std::int64_t rows, MemoryRequest& request) {
  std::vector<std::pair<std::int64_t, std::int64_t>> sizes;
  for (std::int64_t i = 0; i < dataset.size(); ++i) sizes.emplace_back(dataset.row_tokens(i), dataset.row_targets(i));
  const auto most = std::min(static_cast<std::size_t>(rows), sizes.size());
  std::partial_sort(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(most), sizes.end(), std::greater<>());
  for (std::size_t i = 0; i < most; ++i) {
    request.micro_batch_tokens += sizes[i].first;
    request.micro_batch_targets += sizes[i].second;
  }
}

}  // namespace

MemoryPlan plan_run_memory(const RunInputs& inputs, bool bf16_compute, int threads, bool keep_all) {
  const Config& config = inputs.config();
  MemoryRequest request;
  request.load_in_4bit = config.quantization.load_in_4bit;
  request.quantization = config.quantization;
  request.base_type = inputs.base->find(kEmbeddingWeight)->dtype;
  request.bf16_compute = bf16_compute;
  request.rank = config.lora.r;
  request.lora_parameters = lora_parameters(inputs.spec, match_lora_targets(inputs.spec, config.lora), config.lora.r);
  request.longest_row = longest_row(inputs);
  request.threads = threads;
  request.tokenizer_entries = inputs.tokenizer == nullptr ? 0 : inputs.tokenizer->vocab_size();
  request.keep_all = keep_all;
  add_largest_micro_batch(inputs.train, config.batch.micro_batch_size, request);
  MemoryPlan plan = plan_memory(inputs.spec, request);
  plan.data = 8 * (inputs.train.stats().tokens + inputs.evaluation.stats().tokens);
  return plan;
}

}  // namespace vernier
