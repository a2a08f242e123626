#include "data/prompt.h"

#include <utility>

#include "base/error.h"
#include "data/rows.h"

namespace vernier {

namespace {

constexpr const char* kAlpacaShape = R"({"instruction": "...", "input": "...", "output": "..."})";

// The ids of a text's head, with BOS in front where the tokenizer wants one.
std::vector<TokenId> begin_ids(std::string_view text, const Tokenizer& tokenizer) {
  std::vector<TokenId> ids = tokenizer.encode(text);
  const SpecialTokens& special = tokenizer.special();
  if (!special.add_bos) return ids;
  if (!special.bos)
    throw Error(ErrorKind::kInput, "the tokenizer asks for a BOS token and names none", "",
                "set bos_token in tokenizer_config.json, or add_bos_token to false");
  if (ids.empty() || ids.front() != *special.bos) ids.insert(ids.begin(), *special.bos);
  return ids;
}

TokenId eos_id(const Tokenizer& tokenizer) {
  if (tokenizer.special().eos) return *tokenizer.special().eos;
  throw Error(ErrorKind::kInput, "the tokenizer names no EOS token to end a text with", "",
              "set eos_token in tokenizer_config.json");
}

// Rows of a text type end with EOS. With BOS == EOS a row of that one token is its beginning, not its end.
void end_ids(std::vector<TokenId>& ids, std::size_t begin, TokenId eos) {
  if (ids.size() <= begin || ids.back() != eos) ids.push_back(eos);
}

}  // namespace

Row completion_row(std::string_view text, const Tokenizer& tokenizer) {
  Row row;
  row.input_ids = begin_ids(text, tokenizer);
  end_ids(row.input_ids, tokenizer.special().add_bos ? 1 : 0, eos_id(tokenizer));
  row.labels = row.input_ids;
  return row;
}

std::string alpaca_prompt(std::string_view instruction, std::string_view input) {
  std::string prompt = input.empty() ? "Below is an instruction that describes a task. "
                                     : "Below is an instruction that describes a task, paired with an input that "
                                       "provides further context. ";
  prompt += "Write a response that appropriately completes the request.\n\n### Instruction:\n";
  prompt += instruction;
  if (!input.empty()) prompt.append("\n\n### Input:\n").append(input);
  return prompt + "\n\n### Response:\n";
}

Row alpaca_row(const Json& record, const Tokenizer& tokenizer, bool train_on_inputs) {
  const std::string& instruction = string_field(record, "instruction", kAlpacaShape);
  const auto input = record.find("input");
  const bool has_input = input != record.end() && !input->is_null();
  const std::string prompt =
      alpaca_prompt(instruction, has_input ? string_field(record, "input", kAlpacaShape) : std::string());
  const std::vector<TokenId> response = tokenizer.encode(string_field(record, "output", kAlpacaShape));

  Row row;
  row.input_ids = begin_ids(prompt, tokenizer);
  const std::size_t prompt_tokens = row.input_ids.size();
  row.input_ids.insert(row.input_ids.end(), response.begin(), response.end());
  end_ids(row.input_ids, prompt_tokens, eos_id(tokenizer));
  row.labels = row.input_ids;
  if (!train_on_inputs) std::fill_n(row.labels.begin(), static_cast<std::ptrdiff_t>(prompt_tokens), kNoTarget);
  return row;
}

}  // namespace vernier
