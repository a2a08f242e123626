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

// Generates each row's last turn from the turns before it and compares. `stop_ids` as stop_tokens() gives them.
// Error(kInput) naming every row that does not end with an assistant's JSON, before anything is generated.
RecordScore score_records(const Decoder& model, const Device& device, Arena& arena, const Tokenizer& tokenizer,
                          const ChatTemplate& chat_template, std::span<const ChatRecord> rows,
                          const std::vector<TokenId>& stop_ids, const GenerateOptions& options, const Log& log);

}  // namespace vernier
