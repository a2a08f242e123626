// `vernier eval CONFIG`: the loss of the held-out rows, and with metrics: [exact_json] how many of them the model
// answers exactly.

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "base/text.h"
#include "commands/chosen_template.h"
#include "commands/command.h"
#include "commands/open_model.h"
#include "commands/run_inputs.h"
#include "config/values.h"
#include "data/chat_template.h"
#include "data/prompt.h"
#include "data/rows.h"
#include "data/rows_paths.h"
#include "infer/evaluate_records.h"
#include "infer/stop_tokens.h"
#include "io/json_line.h"
#include "train/evaluate.h"

namespace vernier {

namespace {

struct EvalArguments {
  ConfigArguments config;
  std::string adapter, load_in_4bit;
  std::int64_t max_new_tokens = 256;
  bool json = false;
};

// The rows that are held out, or all when the config holds none out.
const Dataset& evaluated(const RunInputs& inputs) {
  return inputs.evaluation.size() > 0 ? inputs.evaluation : inputs.train;
}

// Where those come from: "data/test.jsonl", "val_set_size 0.1 of data/train.jsonl".
std::string source_text(const DataConfig& data) {
  std::vector<std::string> paths;
  for (const DatasetConfig& dataset : data.test_datasets.empty() ? data.datasets : data.test_datasets)
    paths.push_back(dataset.path);
  const bool split = data.test_datasets.empty() && data.val_set_size > 0;
  return str(split ? str("val_set_size ", number_text(data.val_set_size), " of ") : "", join(paths, ", "));
}

std::vector<ChatRecord> chat_records(const Config& config) {
  const auto& datasets = config.data.test_datasets.empty() ? config.data.datasets : config.data.test_datasets;
  if (config.data.test_datasets.empty() && config.data.val_set_size > 0)
    throw Error(ErrorKind::kInput, "exact_json needs its rows in test_datasets", "metrics");
  std::vector<ChatRecord> records;
  for (const DatasetConfig& dataset : datasets) {
    if (dataset.type != DatasetType::kChatTemplate)
      throw Error(ErrorKind::kInput, "exact_json compares answers of type: chat_template rows", dataset.where);
    for (const std::string& path : find_data_files(dataset)) {
      RowReader reader(path);
      for (RawRow raw; reader.next(raw);) {
        const Json row = parse_row(raw, path);
        records.push_back({chat_messages(row, dataset), chat_tools(row), str(path, ":", raw.line)});
      }
    }
  }
  return records;
}

struct EvalResult {
  Evaluation evaluation;
  std::int64_t rows = 0;
  std::string source;  // of the rows
  std::optional<ScoreSums> records;

  double perplexity() const { return std::exp(evaluation.loss()); }
};

void print_json(const EvalResult& result) {
  JsonLine line;
  line.number("loss", result.evaluation.loss())
      .number("perplexity", result.perplexity())
      .integer("rows", result.rows)
      .text("source", result.source)
      .integer("tokens", result.evaluation.tokens)
      .integer("targets", result.evaluation.targets);
  if (result.records)
    line.number("exact_json", result.records->share())
        .integer("exact_json_rows", result.records->rows)
        .integer("exact_json_right", result.records->exact);
  std::printf("%s\n", line.str().c_str());
}

void print_text(const EvalResult& result) {
  std::printf("loss        %s\nperplexity  %s\nrows        %lld\nsource      %s\ntokens      %lld (%lld targets)\n",
              format_float(result.evaluation.loss()).c_str(), format_float(result.perplexity()).c_str(),
              static_cast<long long>(result.rows), result.source.c_str(),
              static_cast<long long>(result.evaluation.tokens), static_cast<long long>(result.evaluation.targets));
  if (result.records)
    std::printf("exact_json  %lld of %lld (%.1f %%)\n", static_cast<long long>(result.records->exact),
                static_cast<long long>(result.records->rows), 100 * result.records->share());
}

// What exact_json needs, read and checked before a weight is.
struct RecordTask {
  std::vector<ChatRecord> records;
  std::vector<Prompt> prompts;
  std::vector<TokenId> stops;
};

RecordTask read_records(const RunInputs& inputs) {
  RecordTask task;
  task.records = chat_records(inputs.config());
  const ChatTemplate chat = load_chat_template(inputs.config().data.chat_template, *inputs.tokenizer);
  task.prompts = record_prompts(task.records, chat, *inputs.tokenizer);
  check_prompts(task.prompts, inputs.spec, inputs.spec.max_positions);
  task.stops = stop_tokens(inputs.spec, *inputs.base, *inputs.tokenizer, &chat);
  return task;
}

ScoreSums score(const RunInputs& inputs, const RecordTask& task, const OpenedModel& opened, std::int64_t max_new_tokens,
                Arena& arena, const Log& log) {
  GenerateOptions options;
  options.max_new_tokens = max_new_tokens;
  options.seed = inputs.config().seed;
  return score_records(opened.model, opened.device, arena, *inputs.tokenizer, task.records, task.prompts, task.stops,
                       options, log)
      .sums;
}

// Conversations are put through the template of the adapter, unless the config names one.
void take_adapter_template(RunInputs& inputs, const std::string& adapter, const Log& log) {
  DataConfig& data = inputs.loaded.config.data;
  const auto is_chat = [](const DatasetConfig& dataset) { return dataset.type == DatasetType::kChatTemplate; };
  const bool chats = std::any_of(data.datasets.begin(), data.datasets.end(), is_chat) ||
                     std::any_of(data.test_datasets.begin(), data.test_datasets.end(), is_chat);
  if (!chats || inputs.tokenizer == nullptr) return;
  const std::string asked = inputs.loaded.origins.at("chat_template").is_default ? "" : data.chat_template;
  data.chat_template = choose_chat_template(asked, adapter, *inputs.tokenizer, log);
}

int evaluate_config(const EvalArguments& arguments, const std::vector<std::string>& overrides, const Log& log) {
  RunInputs inputs = open_run(arguments.config.path, overrides, Purpose::kEvaluate, log);
  const Config& config = inputs.config();
  take_adapter_template(inputs, arguments.adapter, log);
  read_datasets(inputs, log);
  const bool records = !config.train.metrics.empty();
  const RecordTask task = records ? read_records(inputs) : RecordTask{};
  ModelRequest request;
  request.adapter = arguments.adapter;
  request.load_in_4bit = parse_load_in_4bit(arguments.load_in_4bit);
  request.max_row_tokens = longest_row(inputs) + (records ? arguments.max_new_tokens : 0);
  request.device = config.device.device;
  request.kernels = config.device.kernels;
  request.threads = config.device.threads;
  request.compute = config.device.compute == Compute::kAuto   ? "auto"
                    : config.device.compute == Compute::kBF16 ? "bf16"
                                                              : "f32";
  const OpenedModel opened = open_model({std::move(inputs.base), inputs.spec}, request, log);
  Arena arena;
  const Dataset& dataset = evaluated(inputs);
  if (inputs.evaluation.size() == 0) log.warning("the config holds no rows out: these are the training rows");
  EvalResult result;
  result.rows = dataset.size();
  result.source = source_text(config.data);
  evaluate(opened.model, opened.device, dataset, config.batch.micro_batch_size, arena, result.evaluation,
           [&] { log.live(str("evaluating ", result.evaluation.rows, "/", count_of(dataset.size(), "row"))); });
  if (records) result.records = score(inputs, task, opened, arguments.max_new_tokens, arena, log);
  if (arguments.json) {
    print_json(result);
  } else {
    print_text(result);
  }
  return 0;
}

}  // namespace

void add_eval(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand("eval", "Loss, perplexity and exact answers on the held-out rows");
  const auto arguments = std::make_shared<EvalArguments>();
  arguments->config.add_to(*command, line.log);
  command->add_option("--adapter", arguments->adapter, "The adapter to evaluate (none: the base as stored)");
  command->add_option("--load-in-4bit", arguments->load_in_4bit,
                      "true or false, instead of what the adapter was trained on");
  command->add_option("--max-new-tokens", arguments->max_new_tokens, "Longest answer for exact_json")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "One JSON object on stdout");
  command->callback([&line, command, arguments] {
    line.run = [=](const Log& log) { return evaluate_config(*arguments, ConfigArguments::overrides(*command), log); };
  });
}

}  // namespace vernier
