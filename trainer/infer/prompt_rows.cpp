#include "infer/prompt_rows.h"

#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "data/prompt.h"
#include "data/rows.h"
#include "infer/row_problems.h"

namespace vernier {

namespace {

constexpr const char* kShape = R"(a row is {"prompt": "..."} or {"messages": [{"role": "user", "content": "..."}]})";

void check_shape(const Json& row) {
  const bool prompt = row.contains("prompt"), messages = row.contains("messages");
  if (prompt && messages)
    throw Error(ErrorKind::kInput, "this row has both \"prompt\" and \"messages\"", "", "leave one out");
  if (!prompt && !messages)
    throw Error(ErrorKind::kInput, str("no \"prompt\" and no \"messages\": ", describe_keys(row)), "", kShape);
  if (prompt) string_field(row, "prompt", kShape);
  if (messages && !row["messages"].is_array())
    throw Error(ErrorKind::kInput,
                str("\"messages\" is of the JSON type ", row["messages"].type_name(), ", not a list"), "", kShape);
}

Json without_answer(Json messages) {
  if (!messages.empty() && messages.back()["role"] == "assistant") messages.erase(messages.size() - 1);
  if (messages.empty())
    throw Error(ErrorKind::kInput, "no message is left before the assistant's answer", "",
                "a conversation begins with a user or system message");
  return messages;
}

}  // namespace

std::vector<PromptRow> read_prompt_rows(const std::string& path) {
  RowProblems problems;
  std::vector<PromptRow> rows;
  read_rows(path, problems, [&](Json row, const std::string& where) {
    check_shape(row);
    rows.push_back({std::move(row), where});
  });
  problems.raise_if_any();
  if (rows.empty()) throw Error(ErrorKind::kInput, "the file holds no rows", path, kShape);
  return rows;
}

Prompt raw_prompt(std::string_view text, const Tokenizer& tokenizer, std::string where) {
  Prompt prompt{tokenizer.encode(text), true, std::move(where)};
  const SpecialTokens& special = tokenizer.special();
  if (!special.add_bos) return prompt;
  if (!special.bos)
    throw Error(ErrorKind::kInput, "the tokenizer asks for a BOS token and names none", prompt.where,
                "set bos_token in tokenizer_config.json, or add_bos_token to false");
  if (prompt.ids.empty() || prompt.ids.front() != *special.bos) prompt.ids.insert(prompt.ids.begin(), *special.bos);
  return prompt;
}

Prompt chat_prompt(const Json& messages, const Json& tools, const ChatTemplate& chat_template,
                   const Tokenizer& tokenizer, std::string where) {
  std::string text;
  try {
    text = chat_template.render(messages, true, tools);
  } catch (const Error& problem) {
    throw placed(problem, where);
  }
  return {tokenizer.encode(text), false, std::move(where)};
}

Prompt row_prompt(const PromptRow& row, const ChatTemplate* chat_template, const Tokenizer& tokenizer) {
  if (row.row.contains("prompt"))
    return text_prompt(row.row["prompt"].get_ref<const std::string&>(), chat_template, tokenizer, row.where);
  if (chat_template == nullptr)
    throw Error(ErrorKind::kInput, "a conversation needs a chat template", row.where,
                "leave --raw out, or give the row a \"prompt\"");
  Json messages, tools;
  try {
    messages = without_answer(chat_messages(row.row, DatasetConfig{}));
    tools = chat_tools(row.row);
  } catch (const Error& problem) {
    throw placed(problem, row.where);
  }
  return chat_prompt(messages, tools, *chat_template, tokenizer, row.where);
}

std::vector<Prompt> row_prompts(const std::vector<PromptRow>& rows, const ChatTemplate* chat_template,
                                const Tokenizer& tokenizer) {
  RowProblems problems;
  std::vector<Prompt> prompts;
  for (const PromptRow& row : rows) {
    try {
      prompts.push_back(row_prompt(row, chat_template, tokenizer));
    } catch (const Error& problem) {
      problems.add(problem);
    }
  }
  problems.raise_if_any();
  return prompts;
}

Prompt text_prompt(const std::string& text, const ChatTemplate* chat_template, const Tokenizer& tokenizer,
                   std::string where) {
  if (chat_template == nullptr) return raw_prompt(text, tokenizer, std::move(where));
  Json messages = Json::array();
  messages.push_back({{"role", "user"}, {"content", text}});
  return chat_prompt(messages, nullptr, *chat_template, tokenizer, std::move(where));
}

std::string completion_text(const Prompt& prompt, const std::vector<TokenId>& ids, const Tokenizer& tokenizer) {
  if (prompt.raw) {
    std::vector<TokenId> all = prompt.ids;
    all.insert(all.end(), ids.begin(), ids.end());
    const std::string before = tokenizer.decode(prompt.ids, true), whole = tokenizer.decode(all, true);
    if (starts_with(whole, before)) return whole.substr(before.size());
  }
  return tokenizer.decode(ids, true);
}

}  // namespace vernier
