#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "data/chat_template.h"
#include "data/dataset.h"
#include "data/prompt.h"
#include "data/rows.h"
#include "data/rows_paths.h"
#include "data/rows_tokenized.h"

namespace vernier {

namespace {

// The bad rows of all files, each with its place, as one Error.
class Problems {
 public:
  void add(const Error& problem) {
    ++total_;
    if (shown_.size() < kShown) shown_.push_back(problem);
  }

  void raise_if_any() const {
    if (total_ == 0) return;
    if (total_ == 1) throw shown_.front();
    std::string what = str(total_, " bad rows in the data", total_ > kShown ? str(", the first ", kShown, ":") : ":");
    std::vector<std::string> fixes;
    for (const Error& problem : shown_) {
      what += str("\n", problem.where(), ": ", problem.what());
      if (!problem.fix().empty() && std::find(fixes.begin(), fixes.end(), problem.fix()) == fixes.end())
        fixes.push_back(problem.fix());
    }
    throw Error(shown_.front().kind(), what, "", join(fixes, "\n  "));
  }

 private:
  static constexpr std::size_t kShown = 20;
  std::size_t total_ = 0;
  std::vector<Error> shown_;
};

class Loader {
 public:
  Loader(const DataConfig& data, const Tokenizer* tokenizer, const DatasetOptions& options)
      : data_(data), tokenizer_(tokenizer), options_(options) {
    for (const std::int64_t limit : {data.sequence_len, options.sequence_len, options.max_positions})
      if (limit > 0) limit_ = limit_ > 0 ? std::min(limit_, limit) : limit;
  }

  void read(const DatasetConfig& config);
  Dataset finish();

 private:
  void read_file(const DatasetConfig& config, const std::string& path);
  Row convert(const DatasetConfig& config, const RawRow& raw, bool is_text, const std::string& path) const;
  void check_ids(const Row& row, DatasetType type) const;
  void admit(Row row, DatasetType type, const std::string& path, std::int64_t line);
  bool fit(Row& row, RowReport report);
  bool admit_without_targets(DatasetType type, RowReport report);

  const DataConfig& data_;
  const Tokenizer* tokenizer_;
  const DatasetOptions& options_;
  std::int64_t limit_ = 0;  // tokens of a row; 0: none
  std::optional<ChatTemplate> chat_template_;
  Problems problems_;
  Dataset dataset_;
};

void Loader::read(const DatasetConfig& config) {
  if (config.type != DatasetType::kTokenized && tokenizer_ == nullptr)
    throw Error(ErrorKind::kInput, "this data set holds text, and the base model has no tokenizer", config.where,
                "add tokenizer.json or tokenizer.model to the model's directory, or give type: tokenized rows");
  if (config.type == DatasetType::kChatTemplate && !chat_template_)
    chat_template_.emplace(load_chat_template(data_.chat_template, *tokenizer_));
  for (const std::string& path : find_data_files(config)) read_file(config, path);
}

// A row's own problem has no place yet, or one inside something else, such as the chat template.
Error placed(const Error& problem, const std::string& path, const RawRow& raw) {
  const std::string& where = problem.where();
  if (where.starts_with(path + ":")) return problem;
  const std::string what = where.empty() ? problem.what() : where + ": " + problem.what();
  return Error(problem.kind(), what, str(path, ":", raw.line), problem.fix());
}

void Loader::read_file(const DatasetConfig& config, const std::string& path) {
  RowReader reader(path);
  if (reader.is_text() && config.type != DatasetType::kCompletion)
    throw Error(ErrorKind::kInput, "a .txt file holds text for type: completion, not records", config.where,
                str("give ", path, " type: completion, or records as .jsonl"));
  RawRow raw;
  while (true) {
    try {
      if (!reader.next(raw)) return;
    } catch (const Error& problem) {
      if (problem.kind() != ErrorKind::kInput) throw;
      problems_.add(problem);
      return;
    }
    try {
      Row row = convert(config, raw, reader.is_text(), path);
      check_ids(row, config.type);
      admit(std::move(row), config.type, path, raw.line);
    } catch (const Error& problem) {
      if (problem.kind() != ErrorKind::kInput) throw;
      problems_.add(placed(problem, path, raw));
    }
  }
}

Row Loader::convert(const DatasetConfig& config, const RawRow& raw, bool is_text, const std::string& path) const {
  if (is_text) {
    check_text(raw, path);
    return completion_row(raw.text, *tokenizer_);
  }
  if (config.type == DatasetType::kTokenized)
    if (auto row = plain_tokenized_row(raw.text)) return *std::move(row);
  const Json record = parse_row(raw, path);
  switch (config.type) {
    case DatasetType::kTokenized:
      return tokenized_row(record);
    case DatasetType::kCompletion:
      return completion_row(string_field(record, config.field, str("{\"", config.field, "\": \"...\"}")), *tokenizer_);
    case DatasetType::kAlpaca:
      return alpaca_row(record, *tokenizer_, data_.train_on_inputs);
    case DatasetType::kChatTemplate:
      return chat_row(record, config, *chat_template_, *tokenizer_, data_.train_on_inputs);
  }
  check(false, "an unknown data set type");
  return {};
}

void Loader::check_ids(const Row& row, DatasetType type) const {
  const auto outside = [&](std::int32_t id) {
    return id < 0 || (options_.vocab_size > 0 && id >= options_.vocab_size);
  };
  const auto refuse = [&](const char* name, std::size_t t, std::int32_t id) {
    throw Error(ErrorKind::kInput,
                str(name, "[", t, "] is ", id, ", outside the model's vocabulary of ", options_.vocab_size, " ids"), "",
                type == DatasetType::kTokenized ? "were the ids made with this model's tokenizer?"
                                                : "the tokenizer does not belong to this model");
  };
  for (std::size_t t = 0; t < row.input_ids.size(); ++t) {
    if (outside(row.input_ids[t])) refuse("input_ids", t, row.input_ids[t]);
    if (row.labels[t] != kNoTarget && outside(row.labels[t])) refuse("labels", t, row.labels[t]);
  }
}

void Loader::admit(Row row, DatasetType type, const std::string& path, std::int64_t line) {
  const bool too_long = limit_ > 0 && static_cast<std::int64_t>(row.input_ids.size()) > limit_;
  if (!too_long && row.targets() > 0) {
    dataset_.add(row, path, line);
    return;
  }
  RowReport report;
  report.file = path;
  report.line = line;
  report.tokens = static_cast<std::int64_t>(row.input_ids.size());
  report.kept_tokens = report.tokens;
  if (too_long && !fit(row, report)) return;
  report.kept_tokens = static_cast<std::int64_t>(row.input_ids.size());
  if (row.targets() == 0 && !admit_without_targets(type, report)) return;
  dataset_.add(row, path, line);
}

// An over-long row: cuts it (true), or leaves it out (false).
bool Loader::fit(Row& row, RowReport report) {
  report.reason = "too_long";
  if (data_.excess_length == ExcessLength::kRaise)
    throw Error(ErrorKind::kInput, str("this row has ", report.tokens, " tokens, and ", limit_, " is the limit"), "",
                limit_ == options_.max_positions
                    ? "the model has no more positions; excess_length_strategy: drop or truncate"
                    : "raise sequence_len, or set excess_length_strategy: drop or truncate");
  const bool cut = data_.excess_length == ExcessLength::kTruncate;
  report.action = cut ? "truncated" : "dropped";
  report.kept_tokens = cut ? limit_ : 0;
  dataset_.reports.push_back(report);
  if (!cut) return false;
  row.input_ids.resize(static_cast<std::size_t>(limit_));
  row.labels.resize(static_cast<std::size_t>(limit_));
  return true;
}

bool Loader::admit_without_targets(DatasetType type, RowReport report) {
  OnEmptyTargets rule = data_.on_empty_targets;
  if (rule == OnEmptyTargets::kDefault)
    rule = type == DatasetType::kTokenized ? OnEmptyTargets::kKeep : OnEmptyTargets::kRaise;
  if (rule == OnEmptyTargets::kRaise)
    throw Error(ErrorKind::kInput,
                str("this row has no target to train on",
                    report.kept_tokens < report.tokens ? str(" in its first ", report.kept_tokens, " tokens") : ""),
                "", "set on_empty_targets: drop or keep");
  report.reason = "no_targets";
  report.action = rule == OnEmptyTargets::kKeep ? "kept" : "dropped";
  if (rule == OnEmptyTargets::kDrop) {
    // A row that was cut first is reported once, by what became of it in the end.
    if (report.kept_tokens < report.tokens) dataset_.reports.pop_back();
    report.kept_tokens = 0;
  }
  dataset_.reports.push_back(report);
  return rule == OnEmptyTargets::kKeep;
}

Dataset Loader::finish() {
  problems_.raise_if_any();
  return std::move(dataset_);
}

}  // namespace

Dataset load_dataset(const std::vector<DatasetConfig>& datasets, const DataConfig& data, const Tokenizer* tokenizer,
                     const DatasetOptions& options) {
  if (datasets.empty())
    throw Error(ErrorKind::kInput, "no data set is given", "", "datasets: [{path: ..., type: ...}]");
  Loader loader(data, tokenizer, options);
  for (const DatasetConfig& config : datasets) loader.read(config);
  Dataset dataset = loader.finish();

  std::vector<std::string> paths;
  for (const DatasetConfig& config : datasets) paths.push_back(config.path);
  const std::string names = join(paths, ", ");
  if (dataset.size() == 0)
    throw Error(ErrorKind::kInput,
                dataset.reports.empty()
                    ? str("no row in ", names)
                    : str("no row of ", names, " is left: all ", dataset.reports.size(), " dropped"),
                datasets.front().where,
                dataset.reports.empty() ? "" : "see excess_length_strategy, sequence_len and on_empty_targets");
  if (dataset.targets() == 0)
    throw Error(ErrorKind::kInput, str("no row of ", names, " has a target: there is nothing to learn from"),
                datasets.front().where, "labels are -100 where there is no target; labels[0] is never one");
  return dataset;
}

}  // namespace vernier
