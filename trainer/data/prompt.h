#pragma once
// Records of the text kinds to token ids and labels.
//
//   completion      [BOS] text EOS                      every token a target
//   alpaca          [BOS] prompt | response EOS         response and EOS are targets; all with train_on_inputs
//   chat_template   what the model's template writes    the assistant's turns are targets; all with train_on_inputs
//
// BOS stands where the tokenizer's own settings add one. Prompt and response are tokenized apart, so that training sees
// the ids that generation starts from. A BOS or EOS which the text spells itself is not put a second time.
// An Error(kInput) from here has no place: the caller knows file and line.

#include <string>
#include <string_view>

#include "config/config.h"
#include "data/chat_template.h"
#include "data/dataset.h"
#include "data/tokenizer.h"
#include "io/json.h"

namespace vernier {

// Error when the tokenizer has no EOS.
Row completion_row(std::string_view text, const Tokenizer& tokenizer);

// The prompt of the Alpaca data set up to and with the line end after "### Response:"; an empty `input` has none.
std::string alpaca_prompt(std::string_view instruction, std::string_view input);

// `record`: {"instruction": "...", "input": "..." (may be absent, null or empty), "output": "..."}.
Row alpaca_row(const Json& record, const Tokenizer& tokenizer, bool train_on_inputs);

// The conversation of `record` as templates expect it, a list of {"role", "content", ...}: field_messages and the
// property mappings of `config` applied, "human" and "gpt" read as user and assistant, other keys passed on. Error for
// an empty list, an unknown role, a message without content.
Json chat_messages(const Json& record, const DatasetConfig& config);

// The record's "tools" (a list, or a string that holds one), null when it has none.
Json chat_tools(const Json& record);

Row chat_row(const Json& record, const DatasetConfig& config, const ChatTemplate& chat_template,
             const Tokenizer& tokenizer, bool train_on_inputs);

}  // namespace vernier
