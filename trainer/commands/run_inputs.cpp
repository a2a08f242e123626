#include "commands/run_inputs.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <tuple>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/stopwatch.h"
#include "base/text.h"
#include "commands/run_notes.h"
#include "config/check_paths.h"
#include "config/dataset_entry.h"
#include "data/data_report.h"
#include "data/rows_paths.h"
#include "io/page_file.h"
#include "model/adapter.h"
#include "model/load_model.h"
#include "spec/step_sizes.h"

namespace vernier {

namespace {

// The adapter's rank, alpha and targets, where the config leaves them open. Error(kInput) where it says otherwise.
void take_adapter_options(LoadedConfig& loaded) {
  LoraConfig& ours = loaded.config.lora;
  LoraConfig theirs = read_adapter_options(ours.lora_model_dir);
  const auto take = [&](const char* key, bool same) {
    const Origin& origin = loaded.origins[key];
    if (!origin.is_default && !same)
      throw Error(ErrorKind::kInput, str(key, " is another than that of the adapter in lora_model_dir"),
                  origin.place.text(), "leave it out: the adapter's own is used");
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

// An Error about a key's value out of a room that does not know the file: with the key's place there.
Error at_key(const LoadedConfig& loaded, const std::string& key, const Error& problem) {
  const Origin& origin = loaded.origins.at(key);
  if (origin.is_default) return problem;
  const std::string what = problem.what();
  return Error(problem.kind(), what.find(key) == std::string::npos ? str(key, ": ", what) : what, origin.place.text(),
               problem.fix());
}

// Before any weight is read, and whether or not the states will need the file.
void check_paging_dir(const LoadedConfig& loaded) {
  const OptimizerConfig& optimizer = loaded.config.optimizer;
  if (!optimizer.optimizer.paged || optimizer.paging_dir.empty()) return;
  try {
    try_page_file(optimizer.paging_dir);
  } catch (const Error& problem) {
    throw Error(problem.kind(), str("paging_dir: ", problem.where(), ": ", problem.what()),
                loaded.origins.at("paging_dir").place.text(), problem.fix());
  }
}

void check_targets(const RunInputs& inputs) {
  try {
    match_lora_targets(inputs.spec, inputs.config().lora);
  } catch (const Error& problem) {
    throw at_key(inputs.loaded, "lora_target_modules", problem);
  }
}

std::pair<Dataset, Dataset> split(const LoadedConfig& loaded, const Dataset& all) {
  try {
    return split_dataset(all, loaded.config.data.val_set_size, loaded.config.seed);
  } catch (const Error& problem) {
    throw at_key(loaded, "val_set_size", problem);
  }
}

Dataset load(const RunInputs& inputs, const std::vector<DatasetConfig>& datasets, const Log& log) {
  const Stopwatch watch;
  const DatasetOptions options{inputs.spec.vocab, inputs.config().data.sequence_len, inputs.spec.max_positions};
  Dataset dataset = load_dataset(datasets, inputs.config().data, inputs.tokenizer.get(), options);
  for (const DatasetConfig& entry : datasets)
    log.debug(str("read ", join(find_data_files(entry), ", "), " as ", dataset_type_name(entry.type)));
  log.debug(str(count_of(dataset.size(), "row"), ", ", count_of(dataset.tokens(), "token"), " in ", watch.text()));
  return dataset;
}

}  // namespace

RunInputs open_run(const std::string& config_path, const std::vector<std::string>& overrides, Purpose purpose,
                   const Log& log) {
  RunInputs inputs;
  inputs.loaded = read_config(config_path, overrides, purpose);
  for (const std::string& note : inputs.loaded.notes) log.info(note);
  log.debug(str("config ", config_path, ", SHA-256 ", inputs.loaded.sha256));
  check_paths(inputs.loaded);
  if (purpose == Purpose::kTrain) check_paging_dir(inputs.loaded);
  Config& config = inputs.loaded.config;
  Stopwatch watch;
  inputs.base = std::make_unique<ModelDir>(config.model.base_model, config.model.revision_of_model);
  inputs.spec = parse_model_spec(inputs.base->config(), inputs.base->path());
  log.debug(str("base ", inputs.base->weight_list(), ": ", count_of(inputs.base->weights().size(), "tensor"),
                ", opened in ", watch.text()));
  note_model_limit(inputs.loaded, inputs.spec.max_positions, log);
  check_weights(*inputs.base, inputs.spec);
  watch = Stopwatch();
  inputs.tokenizer = load_tokenizer(*inputs.base);
  if (inputs.tokenizer != nullptr)
    log.debug(str("tokenizer of ", inputs.tokenizer->vocab_size(), " tokens, read in ", watch.text()));
  note_foreign_tokenizer(inputs, log);
  if (!config.lora.lora_model_dir.empty()) {
    take_adapter_options(inputs.loaded);
    const std::string& dir = config.lora.lora_model_dir;
    log.info(str("starting from the adapter in ", dir, ": its rank ", config.lora.r, ", alpha and targets are used"));
    note_start_adapter(inputs.loaded, log);
  }
  if (purpose == Purpose::kTrain) check_targets(inputs);
  return inputs;
}

void read_datasets(RunInputs& inputs, const Log& log) {
  const Config& config = inputs.config();
  if (inputs.tokenizer != nullptr && inputs.tokenizer->vocab_size() > inputs.spec.vocab)
    throw Error(ErrorKind::kInput,
                str("the tokenizer has ", inputs.tokenizer->vocab_size(), " tokens and the model ", inputs.spec.vocab),
                inputs.base->path(), "tokenizer and model are not of the same release");
  if (!config.data.datasets.empty()) {
    Dataset all = load(inputs, config.data.datasets, log);
    std::vector<RowReport> reports = std::move(all.reports);
    if (config.data.val_set_size > 0) {
      std::tie(inputs.train, inputs.evaluation) = split(inputs.loaded, all);
    } else {
      inputs.train = std::move(all);
    }
    inputs.train.reports = std::move(reports);
  }
  if (!config.data.test_datasets.empty()) {
    inputs.evaluation = load(inputs, config.data.test_datasets, log);
    auto& reports = inputs.train.reports;
    reports.insert(reports.end(), inputs.evaluation.reports.begin(), inputs.evaluation.reports.end());
  }
  const std::string summary = summarize_reports(inputs.train.reports);
  if (!summary.empty()) log.warning("not used whole: " + summary);
}

std::int64_t longest_row(const RunInputs& inputs) {
  return std::max({inputs.train.longest_row(), inputs.evaluation.longest_row(), std::int64_t{1}});
}

namespace {

// The largest micro batch that an epoch can hold: its rows are drawn at random, so the longest ones together.
void add_largest_micro_batch(const Dataset& dataset, std::int64_t rows, std::int64_t most_tokens,
                             MemoryRequest& request) {
  using Size = std::pair<std::int64_t, std::int64_t>;  // tokens, targets
  std::priority_queue<Size, std::vector<Size>, std::greater<>> largest;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const std::int64_t length = dataset.row_tokens(i), tokens = std::min(length, most_tokens);
    const bool full = static_cast<std::int64_t>(largest.size()) == rows;
    if (full && Size{tokens, std::min(length - 1, most_tokens)} <= largest.top()) continue;
    largest.emplace(tokens, std::min(dataset.row_targets(i), most_tokens));
    if (full) largest.pop();
  }
  for (; !largest.empty(); largest.pop()) {
    request.micro_batch_tokens += largest.top().first;
    request.micro_batch_targets += largest.top().second;
  }
}

}  // namespace

StateLayout state_layout(const RunInputs& inputs, const Config& config) {
  std::vector<OptimizedTensor> tensors;
  std::int64_t first = 0;
  const auto add = [&](std::int64_t count) {
    tensors.push_back({"", first, count});
    first += count;
  };
  for (const LoraTarget& target : match_lora_targets(inputs.spec, config.lora)) {
    add(config.lora.r * linear_in(inputs.spec, target.linear));
    add(config.lora.r * linear_out(inputs.spec, target.linear));
  }
  const OptimizerChoice& optimizer = config.optimizer.optimizer;
  return StateLayout(optimizer.kind, std::move(tensors), optimizer.paged ? kPageBytes : 0);
}

MemoryRequest memory_request(const RunInputs& inputs, const Config& config, bool bf16_compute, int threads,
                             const Kept& kept) {
  const std::int64_t longest = longest_row(inputs);
  const std::int64_t most_tokens = config.data.sequence_len > 0 ? std::min(config.data.sequence_len, longest) : longest;
  MemoryRequest request;
  request.load_in_4bit = config.quantization.load_in_4bit;
  request.quantization = config.quantization;
  request.base_type = inputs.base->find(kEmbeddingWeight)->dtype;
  request.bf16_compute = bf16_compute;
  request.rank = config.lora.r;
  request.lora_parameters = lora_parameters(inputs.spec, match_lora_targets(inputs.spec, config.lora), config.lora.r);
  request.longest_row = most_tokens;
  request.threads = threads;
  request.tokenizer_entries = inputs.tokenizer == nullptr ? 0 : inputs.tokenizer->vocab_size();
  request.kept = kept.layers;
  request.optimizer_bytes = kept.optimizer_bytes;
  request.dropout = config.lora.dropout > 0;
  add_largest_micro_batch(inputs.train, config.batch.micro_batch_size, most_tokens, request);
  return request;
}

MemoryPlan plan_run_memory(const RunInputs& inputs, const Config& config, bool bf16_compute, int threads,
                           const Kept& kept) {
  MemoryPlan plan = plan_memory(inputs.spec, memory_request(inputs, config, bf16_compute, threads, kept));
  plan.data = inputs.train.bytes() + inputs.evaluation.bytes();
  return plan;
}

}  // namespace vernier
