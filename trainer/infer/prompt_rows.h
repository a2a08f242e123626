#pragma once
// Prompts out of files and texts, as token ids. A row holds `prompt`, a text, or `messages`, a conversation whose
// trailing assistant turn is what a completion has to match and is therefore not read. What a chat template writes is
// tokenized as in training: nothing is put around it.

#include <string>
#include <string_view>
#include <vector>

#include "data/chat_template.h"
#include "data/tokenizer.h"
#include "infer/generate.h"
#include "io/json.h"

namespace vernier {

struct PromptRow {
  Json row;           // the whole object
  std::string where;  // "file:line"
};

// Rows of a .jsonl or .json file, each with a string `prompt` or a list `messages`. Error(kInput) naming file:line of
// every bad row (up to 20), or of a file without rows.
std::vector<PromptRow> read_prompt_rows(const std::string& path);

// `text` as it is, behind BOS where the tokenizer adds one.
Prompt raw_prompt(std::string_view text, const Tokenizer& tokenizer, std::string where);

// The conversation up to the start of the assistant's answer. Errors of the template are given the place `where`.
Prompt chat_prompt(const Json& messages, const Json& tools, const ChatTemplate& chat_template,
                   const Tokenizer& tokenizer, std::string where);

// A row through the template, or raw without one. Error(kInput) naming the row for a conversation that cannot be read,
// and for `messages` without a template.
Prompt row_prompt(const PromptRow& row, const ChatTemplate* chat_template, const Tokenizer& tokenizer);

// All rows by row_prompt; the bad ones (up to 20) as one Error.
std::vector<Prompt> row_prompts(const std::vector<PromptRow>& rows, const ChatTemplate* chat_template,
                                const Tokenizer& tokenizer);

// A text as one user message, or raw without a template.
Prompt text_prompt(const std::string& text, const ChatTemplate* chat_template, const Tokenizer& tokenizer,
                   std::string where);

// The text of a completion, special tokens left out. A chat's answer stands for itself; a raw prompt's completion is
// what comes behind the prompt's text, a leading space included.
std::string completion_text(const Prompt& prompt, const std::vector<TokenId>& ids, const Tokenizer& tokenizer);

}  // namespace vernier
