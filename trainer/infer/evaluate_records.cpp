#include "infer/evaluate_records.h"

#include <cstddef>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "infer/prompt_rows.h"
#include "infer/row_problems.h"

namespace vernier {

namespace {

constexpr const char* kFix = "exact_json compares conversations whose last turn is the assistant's JSON";

// The expected text. Error(kInput) naming the row when it has none.
const std::string& expected_record(const ChatRecord& row) {
  const Json& messages = row.messages;
  if (!messages.is_array() || messages.size() < 2 || messages.back().value("role", "") != "assistant")
    throw Error(ErrorKind::kInput, "the last of two or more turns is not the assistant's", row.where, kFix);
  const auto content = messages.back().find("content");
  if (content == messages.back().end() || !content->is_string() || !strict_json(content->get_ref<const std::string&>()))
    throw Error(ErrorKind::kInput, "the assistant's last turn is not JSON", row.where, kFix);
  return content->get_ref<const std::string&>();
}

Prompt record_prompt(const ChatRecord& row, const ChatTemplate& chat_template, const Tokenizer& tokenizer) {
  Json before = row.messages;
  before.erase(before.size() - 1);
  return chat_prompt(before, row.tools, chat_template, tokenizer, row.where);
}

}  // namespace

std::vector<Prompt> record_prompts(std::span<const ChatRecord> rows, const ChatTemplate& chat_template,
                                   const Tokenizer& tokenizer) {
  RowProblems problems;
  std::vector<Prompt> prompts;
  for (const ChatRecord& row : rows) {
    try {
      expected_record(row);
      prompts.push_back(record_prompt(row, chat_template, tokenizer));
    } catch (const Error& problem) {
      problems.add(problem);
    }
  }
  problems.raise_if_any();
  return prompts;
}

RecordScore score_records(const Decoder& model, const Device& device, Arena& arena, const Tokenizer& tokenizer,
                          std::span<const ChatRecord> rows, std::span<const Prompt> prompts,
                          const std::vector<TokenId>& stop_ids, const GenerateOptions& options, const Log& log) {
  check(prompts.size() == rows.size(), "a prompt for each row");
  RecordScore score;
  score.completions = complete_prompts(model, device, arena, tokenizer, prompts, stop_ids, options, log);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    score.exact.push_back(same_json(score.completions.texts[i], expected_record(rows[i])));
    score.sums.add(score.exact.back());
  }
  return score;
}

}  // namespace vernier
