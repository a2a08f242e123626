#pragma once
// Records written by the model against the expected ones, for `eval` with metrics: [exact_json].

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "data/chat_template.h"
#include "infer/complete.h"
#include "infer/exact_json.h"

namespace vernier {

// A conversation whose last turn is the assistant's, its content the expected JSON.
struct ChatRecord {
  Json messages;      // as data/prompt.h's chat_messages gives them
  Json tools;         // null: none
  std::string where;  // "file:line"
};

struct RecordScore {
  ScoreSums sums;
  std::vector<bool> exact;  // as the rows
  Completions completions;
};

// What each row's last turn is generated from: the turns before it. Error(kInput) naming every row (up to 20) that does
// not end with an assistant's JSON, or that the template refuses.
std::vector<Prompt> record_prompts(std::span<const ChatRecord> rows, const ChatTemplate& chat_template,
                                   const Tokenizer& tokenizer);

// Generates the answers to record_prompts(rows) and compares. `stop_ids` as stop_tokens() gives them. Errors as
// complete_prompts.
RecordScore score_records(const Decoder& model, const Device& device, Arena& arena, const Tokenizer& tokenizer,
                          std::span<const ChatRecord> rows, std::span<const Prompt> prompts,
                          const std::vector<TokenId>& stop_ids, const GenerateOptions& options, const Log& log);

}  // namespace vernier
