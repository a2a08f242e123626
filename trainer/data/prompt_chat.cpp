#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"
#include "data/prompt.h"
#include "data/rows.h"

namespace vernier {

namespace {

// Roles that templates of the known model families look for.
constexpr std::array<std::string_view, 7> kRoles = {"system",    "user",     "assistant", "tool",
                                                    "developer", "function", "ipython"};

std::string read_role(const std::string& role, std::size_t index) {
  if (role == "human") return "user";
  if (role == "gpt") return "assistant";
  if (std::find(kRoles.begin(), kRoles.end(), role) != kRoles.end()) return role;
  throw Error(ErrorKind::kInput, str("message ", index + 1, " has the unknown role \"", role, "\""), "",
              "roles: system, user (human), assistant (gpt), tool, developer, function, ipython");
}

bool is_text_parts(const Json& content) {
  return content.is_array() && !content.empty() && std::all_of(content.begin(), content.end(), [](const Json& part) {
           return part.is_object() && part.value("type", Json()) == "text" && part.contains("text") &&
                  part["text"].is_string();
         });
}

void check_content(const Json& message, std::size_t index, const std::string& property) {
  const auto content = message.find("content");
  const bool calls_tools = message.contains("tool_calls") && message["tool_calls"].is_array();
  if (content == message.end() || content->is_null()) {
    if (calls_tools) return;
    throw Error(ErrorKind::kInput, str("message ", index + 1, " has no \"", property, "\""), "",
                "messages hold a string there; message_property_mappings names other keys");
  }
  if (content->is_string() || is_text_parts(*content)) return;
  throw Error(
      ErrorKind::kInput,
      str("\"", property, "\" of message ", index + 1, " is of the JSON type ", content->type_name(),
          content->is_array() ? " and not a list of {\"type\": \"text\", \"text\": \"...\"}" : ", not a string"),
      "", "only text can be trained on");
}

Json read_message(const Json& message, std::size_t index, const DatasetConfig& config) {
  if (!message.is_object())
    throw Error(
        ErrorKind::kInput, str("message ", index + 1, " is of the JSON type ", message.type_name(), ", not an object"),
        "", str("expected: {\"", config.property_role, "\": \"user\", \"", config.property_content, "\": \"...\"}"));
  const auto role = message.find(config.property_role);
  if (role == message.end() || !role->is_string()) {
    const bool sharegpt = message.contains("from") && message.contains("value");
    throw Error(ErrorKind::kInput, str("message ", index + 1, " has no string \"", config.property_role, "\""), "",
                sharegpt ? "set message_property_mappings: {role: from, content: value}"
                         : "message_property_mappings names other keys");
  }
  Json read = {{"role", read_role(role->get_ref<const std::string&>(), index)}};
  if (message.contains(config.property_content)) read["content"] = message[config.property_content];
  for (const auto& item : message.items())
    if (item.key() != config.property_role && item.key() != config.property_content && !read.contains(item.key()))
      read[item.key()] = item.value();
  check_content(read, index, config.property_content);
  return read;
}

// A key of `record` that holds a list of objects, as a conversation does; empty: none.
std::string likely_messages_key(const Json& record) {
  for (const auto& item : record.items())
    if (item.key() != "tools" && item.value().is_array() && !item.value().empty() && item.value().front().is_object())
      return item.key();
  return "";
}

}  // namespace

Json chat_messages(const Json& record, const DatasetConfig& config) {
  const auto found = record.find(config.field_messages);
  if (found == record.end()) {
    const std::string likely = likely_messages_key(record);
    throw Error(ErrorKind::kInput, str("no \"", config.field_messages, "\": ", describe_keys(record)), "",
                likely.empty() ? "field_messages names the key that holds the conversation"
                               : str("set field_messages: ", likely));
  }
  if (!found->is_array() || found->empty())
    throw Error(ErrorKind::kInput,
                found->is_array()
                    ? str("\"", config.field_messages, "\" is an empty list")
                    : str("\"", config.field_messages, "\" is of the JSON type ", found->type_name(), ", not a list"),
                "", "expected: [{\"role\": \"user\", \"content\": \"...\"}, ...]");
  Json messages = Json::array();
  for (const Json& message : *found) messages.push_back(read_message(message, messages.size(), config));
  return messages;
}

Json chat_tools(const Json& record) {
  const auto found = record.find("tools");
  if (found == record.end() || found->is_null()) return nullptr;
  Json tools = *found;
  if (tools.is_string() && !trim(tools.get_ref<const std::string&>()).empty()) {
    try {
      tools = parse_json(found->get_ref<const std::string&>(), "tools");
    } catch (const Error& problem) {
      throw Error(ErrorKind::kInput, str("the string in \"tools\" is not JSON: ", problem.what()));
    }
  }
  if (tools.is_string() || (tools.is_array() && tools.empty())) return nullptr;
  if (!tools.is_array())
    throw Error(ErrorKind::kInput, str("\"tools\" is of the JSON type ", tools.type_name(), ", not a list"));
  return tools;
}

Row chat_row(const Json& record, const DatasetConfig& config, const ChatTemplate& chat_template,
             const Tokenizer& tokenizer, bool train_on_inputs) {
  const Json messages = chat_messages(record, config);
  const ChatTemplate::Rendered rendered = chat_template.encode(messages, tokenizer, chat_tools(record));
  Row row;
  row.input_ids = rendered.ids;
  row.labels.reserve(rendered.ids.size());
  for (std::size_t t = 0; t < rendered.ids.size(); ++t)
    row.labels.push_back(train_on_inputs || rendered.trained[t] ? rendered.ids[t] : kNoTarget);
  const auto& bos = tokenizer.special().bos;
  if (bos && row.input_ids.size() > 1 && row.input_ids[0] == *bos && row.input_ids[1] == *bos)
    throw Error(ErrorKind::kInput, "the conversation begins with two BOS tokens", "",
                "the template writes BOS itself: take it out of the first message");
  return row;
}

}  // namespace vernier
