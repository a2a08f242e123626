#include "data/chat_template.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "data/chat_template_offsets.h"
#include "data/jinja/template.h"
#include "io/read_file.h"

namespace vernier {

using jinja::Span;
using jinja::Value;

namespace {

// Ours: the turns of ChatML and nothing else.
constexpr const char* kChatml =
    "{%- for message in messages %}\n"
    "{{- '<|im_start|>' + message['role'] + '\\n' }}\n"
    "{%- if message['role'] == 'assistant' %}\n"
    "{%- generation %}{{- message['content'] + '<|im_end|>' }}{%- endgeneration %}\n"
    "{%- else %}\n"
    "{{- message['content'] + '<|im_end|>' }}\n"
    "{%- endif %}\n"
    "{{- '\\n' }}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n"
    "{{- '<|im_start|>assistant\\n' }}\n"
    "{%- endif %}\n";

constexpr std::size_t kMaxTemplateBytes = std::size_t{4} << 20;

// What ends an assistant's turn in the known chat formats. What a template prints behind the last of them (a newline,
// an end-of-text token) is not the assistant's.
constexpr std::array<std::string_view, 11> kEndOfTurn = {
    "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|eot|>", "<end_of_turn>",        "<|end_of_turn|>",
    "<|end|>",    "<|return|>", "<|call|>",   "</s>",    "<｜end▁of▁sentence｜>"};

void check_messages(const Json& messages) {
  const auto refuse = [](const std::string& what) {
    throw Error(ErrorKind::kInput, what, "messages", "each message is {\"role\": ..., \"content\": ...}");
  };
  if (!messages.is_array()) refuse("the messages are not a list");
  if (messages.empty()) refuse("there are no messages");
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Json& message = messages[i];
    if (!message.is_object()) refuse(str("message ", i + 1, " is not an object"));
    if (!message.contains("role") || !message["role"].is_string() ||
        message["role"].get_ref<const std::string&>().empty())
      refuse(str("message ", i + 1, " has no role"));
  }
}

// transformers hands a message's reasoning on under each name that templates read.
Json with_reasoning(const Json& message) {
  for (const char* name : {"reasoning_content", "thinking", "reasoning"}) {
    if (!message.contains(name) || message[name].is_null()) continue;
    const Json reasoning = message[name];
    Json out = {{"thinking", reasoning}};
    for (const auto& [key, value] : message.items()) out[key] = value;
    out["reasoning_content"] = reasoning;
    return out;
  }
  return message;
}

struct Conversation {
  std::vector<Value> messages;
  Value tools;

  Value first(std::size_t count) const {
    return jinja::make_list({messages.begin(), messages.begin() + static_cast<std::ptrdiff_t>(count)});
  }
};

Conversation to_values(const Json& messages, const Json& tools) {
  check_messages(messages);
  Conversation conversation;
  try {
    for (const Json& message : messages) conversation.messages.push_back(jinja::from_json(with_reasoning(message)));
    conversation.tools = jinja::from_json(tools);
    conversation.first(conversation.messages.size());
  } catch (const jinja::Failure& failure) {
    throw Error(ErrorKind::kInput, failure.message, "messages");
  }
  return conversation;
}

// Bytes behind the last end-of-turn token of an assistant's text; all of them when it has none.
std::size_t end_of_turn(std::string_view turn, std::string_view eos) {
  std::size_t end = 0;
  const auto look = [&](std::string_view marker) {
    const std::size_t at = marker.empty() ? std::string_view::npos : turn.rfind(marker);
    if (at != std::string_view::npos) end = std::max(end, at + marker.size());
  };
  for (const std::string_view marker : kEndOfTurn) look(marker);
  if (end == 0) look(eos);
  return end == 0 ? turn.size() : end;
}

}  // namespace

struct ChatTemplate::State {
  std::string source;
  std::string name;
  std::string eos;
  jinja::Variables special_tokens;
  jinja::Clock clock;
  jinja::Template compiled;

  // Of the first `count` messages.
  jinja::Rendering render(const Conversation& conversation, std::size_t count, bool add_generation_prompt) const {
    jinja::Variables variables = special_tokens;
    variables.emplace_back("messages", conversation.first(count));
    variables.emplace_back("tools", conversation.tools);
    variables.emplace_back("documents", Value());
    variables.emplace_back("add_generation_prompt", Value(add_generation_prompt));
    return compiled.render(variables, clock);
  }

  std::vector<Span> generation_spans(const jinja::Rendering& whole) const {
    if (!whole.generations_placed) {
      throw Error(ErrorKind::kInput, "a {% generation %} block prints inside a macro, set, filter or call block", name,
                  "place the block where it prints straight into the text");
    }
    return whole.generations;
  }

  // Of the assistant's turns, by rendering the conversation up to each.
  std::vector<Span> prefix_spans(const Conversation& conversation, const Json& messages,
                                 const std::string& text) const {
    std::vector<Span> spans;
    for (std::size_t turn = 0; turn < messages.size(); ++turn) {
      if (messages[turn]["role"] != "assistant") continue;
      const std::string through = turn + 1 == messages.size() ? text : render(conversation, turn + 1, false).text;
      const std::optional<std::size_t> start = turn_start(conversation, turn, through);
      const std::size_t end = start ? *start + end_of_turn(std::string_view(through).substr(*start), eos) : 0;
      if (!start || text.compare(0, end, through, 0, end) != 0) {
        throw Error(ErrorKind::kInput,
                    str("the template changes the text of earlier messages, so that the assistant's turn in message ",
                        turn + 1, " cannot be told apart"),
                    name,
                    "give each row one assistant turn, the last, or use a template that marks the assistant's text "
                    "with {% generation %}");
      }
      spans.push_back({*start, end});
    }
    return spans;
  }

 private:
  // Length of the text before a turn that opens the conversation. No rendering shows it, as templates print nothing for
  // no messages and may print a system text of their own before the first: the turn begins where two answers differ.
  std::optional<std::size_t> opening_start(const Conversation& conversation, const std::string& through) const {
    const auto answered = [&](const char* content) {
      const Json message = {{"role", "assistant"}, {"content", content}};
      return render({{jinja::from_json(message)}, conversation.tools}, 1, false).text;
    };
    const std::string one = answered("x"), other = answered("y");
    const auto differ = std::mismatch(one.begin(), one.end(), other.begin(), other.end()).first;
    const std::string before(one.begin(), differ);
    return starts_with(through, before) ? std::optional(before.size()) : std::nullopt;
  }

  // Length of the text before the turn: with the start of an answer asked for, else without; nothing when neither is a
  // prefix of `through`.
  std::optional<std::size_t> turn_start(const Conversation& conversation, std::size_t turn,
                                        const std::string& through) const {
    if (turn == 0) return opening_start(conversation, through);
    for (const bool add_generation_prompt : {true, false}) {
      try {
        const std::string before = render(conversation, turn, add_generation_prompt).text;
        if (starts_with(through, before)) return before.size();
      } catch (const Error&) {
        // The template refuses a conversation that stops here: the other form may do.
        if (!add_generation_prompt) throw;
      }
    }
    return std::nullopt;
  }
};

ChatTemplate::ChatTemplate(std::string source, std::string name, const Tokenizer& tokenizer,
                           std::function<std::tm()> clock) {
  if (trim(source).empty()) throw Error(ErrorKind::kInput, "the chat template is empty", name);
  jinja::Variables special_tokens;
  const SpecialTokens& special = tokenizer.special();
  const auto add = [&](const char* variable, const std::optional<TokenId>& id) {
    if (id) special_tokens.emplace_back(variable, Value(tokenizer.token_text(*id)));
  };
  add("bos_token", special.bos);
  add("eos_token", special.eos);
  add("pad_token", special.pad);
  add("unk_token", special.unk);
  const std::string eos = special.eos ? tokenizer.token_text(*special.eos) : std::string();
  jinja::Template compiled(source, name);
  state_ = std::unique_ptr<State>(new State{std::move(source), std::move(name), eos, std::move(special_tokens),
                                            clock ? std::move(clock) : jinja::system_clock(), std::move(compiled)});
}

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;

const std::string& ChatTemplate::source() const {
  return state_->source;
}

std::string ChatTemplate::render(const Json& messages, bool add_generation_prompt, const Json& tools) const {
  const Conversation conversation = to_values(messages, tools);
  return state_->render(conversation, messages.size(), add_generation_prompt).text;
}

ChatTemplate::Rendered ChatTemplate::encode(const Json& messages, const Tokenizer& tokenizer, const Json& tools) const {
  const Conversation conversation = to_values(messages, tools);
  const jinja::Rendering whole = state_->render(conversation, messages.size(), false);
  const bool marked = state_->compiled.has_generation();
  const std::vector<Span> spans =
      marked ? state_->generation_spans(whole) : state_->prefix_spans(conversation, messages, whole.text);
  Rendered rendered;
  rendered.ids = tokenizer.encode(whole.text);
  rendered.trained.assign(rendered.ids.size(), false);
  if (spans.empty()) return rendered;
  const TokenOffsets offsets(whole.text, rendered.ids, tokenizer);
  for (const Span& span : spans) {
    const auto [first, last] = marked ? offsets.touching(span.start, span.end) : offsets.inside(span.start, span.end);
    for (std::size_t i = first; i < last; ++i) rendered.trained[i] = true;
  }
  return rendered;
}

ChatTemplate load_chat_template(const std::string& setting, const Tokenizer& tokenizer) {
  if (setting == "chatml") return ChatTemplate(kChatml, "chatml", tokenizer);
  if (setting == "tokenizer_default") {
    if (tokenizer.chat_template().empty()) {
      throw Error(ErrorKind::kInput, "the model's tokenizer has no chat template", "chat_template",
                  "set chat_template to chatml or to the path of a .jinja file");
    }
    return ChatTemplate(tokenizer.chat_template(), "chat template of the tokenizer", tokenizer);
  }
  std::ifstream file(setting, std::ios::binary);
  std::string source(kMaxTemplateBytes + 1, '\0');
  file.read(source.data(), static_cast<std::streamsize>(source.size()));
  source.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  if (!file.is_open() || file.bad() || (source.empty() && !file.eof())) {
    throw Error(ErrorKind::kInput, "cannot read the chat template '" + setting + "'", "chat_template",
                "give tokenizer_default, chatml, or the path of a .jinja file");
  }
  if (source.size() > kMaxTemplateBytes) throw Error(ErrorKind::kInput, "a chat template over 4 MiB", setting);
  return ChatTemplate(std::move(source), setting, tokenizer);
}

}  // namespace vernier
