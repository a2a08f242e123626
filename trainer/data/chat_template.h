#pragma once
// Conversations to text by the model's own chat template, and which of the text is the assistant's.

#include <cstddef>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer.h"
#include "io/json.h"

namespace vernier {

class ChatTemplate {
 public:
  // `source` is Jinja. Error(kInput) with the template's line when it cannot be parsed; `name` names it.
  // The special tokens of `tokenizer` are given to the template by name (bos_token, eos_token, ...). `clock` gives the
  // local time that strftime_now prints; none: the real one.
  ChatTemplate(std::string source, std::string name, const Tokenizer& tokenizer,
               std::function<std::tm()> clock = nullptr);
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;

  // The rendered text of `messages` (a JSON list of {"role", "content", ...}); `tools` may be null.
  std::string render(const Json& messages, bool add_generation_prompt, const Json& tools = nullptr) const;

  struct Rendered {
    std::vector<TokenId> ids;
    std::vector<bool> trained;  // per id: belongs to an assistant turn, its end-of-turn token included
  };
  // Tokens of the whole conversation with the assistant's marked: by the template's {% generation %} blocks where it
  // has them, else by rendering growing prefixes and comparing (each prefix must be a prefix of the next; where the
  // template rewrites earlier turns, only the last assistant turn can be told: Error(kInput) says so unless that is the
  // only one). What a template prints before a first assistant turn, such as a system text of its own, is not marked.
  Rendered encode(const Json& messages, const Tokenizer& tokenizer, const Json& tools = nullptr) const;

  const std::string& source() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `setting` is the config key chat_template: "tokenizer_default", "chatml", or a path to a .jinja file.
// Error(kInput) when the tokenizer has no template, or the file is absent.
ChatTemplate load_chat_template(const std::string& setting, const Tokenizer& tokenizer);

}  // namespace vernier
