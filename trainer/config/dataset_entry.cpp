#include "config/dataset_entry.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "config/key_types.h"
#include "config/values.h"

namespace vernier {

using key_types::KnownWord;
using key_types::Word;

namespace {

const std::vector<Word<DatasetType>>& type_words() {
  static const std::vector<Word<DatasetType>> words = {{"tokenized", DatasetType::kTokenized},
                                                       {"completion", DatasetType::kCompletion},
                                                       {"alpaca", DatasetType::kAlpaca},
                                                       {"chat_template", DatasetType::kChatTemplate}};
  return words;
}

const std::vector<KnownWord>& known_types() {
  static const std::vector<KnownWord> known = {
      {"sharegpt*",
       "removed from Axolotl too: use type: chat_template with field_messages: conversations and "
       "message_property_mappings: {role: from, content: value}, roles being user, assistant and system"},
      {"pretraining", "use type: completion"},
      {"input_output", "this format is not built yet; type: tokenized takes input_ids and labels"},
      {"prompt_completion", "this format is not built yet; type: alpaca or chat_template may fit"},
      {"dpo*", "preference training is not built"},
      {"kto*", "preference training is not built"},
      {"orpo*", "preference training is not built"},
      {"alpaca*", "only plain alpaca (instruction, input, output) is built"},
      {"alpaca:*", "only plain alpaca (instruction, input, output) is built"},
      {"completion:*", "write type: completion and field: NAME"},
      {"openassistant", "this format is not built; convert to messages and use type: chat_template"},
      {"gpteacher", "this format is not built; type: alpaca may fit"}};
  return known;
}

// Keys of other projects inside an entry.
struct PeerEntryKey {
  std::string name;
  std::vector<std::string> accepted;  // under these words the key changes nothing here
  std::string reason;                 // why any other is refused
};

const std::vector<PeerEntryKey>& peer_entry_keys() {
  static const std::vector<PeerEntryKey> list = {
      {"ds_type", {"json", "text"}, "only JSON, JSONL and text files are read in this build"},
      {"split", {"train"}, "a local file has no splits: give the file that holds the rows"},
      {"weight", {"1"}, "weights of data sets are not built yet"},
      {"roles_to_train", {"assistant"}, "only the assistant's turns can be trained on"},
      {"train_on_eos", {"turn"}, "only the end of each trained turn is built"},
      {"chat_template", {"tokenizer_default"}, "one template is for all data: set chat_template at the top"},
      {"data_files", {}, "give the file as path"},
      {"name", {}, "data sets are read from local files: give the file as path"},
      {"conversation", {}, "this was sharegpt's key: use type: chat_template"},
      {"roles", {}, "mapping role names is not built yet: write user, assistant and system in the data"},
      {"shards", {}, "reading a part of a data set is not built"},
      {"preprocess_shards", {}, "reading a part of a data set is not built"},
      {"message_field_training", {}, "training single messages by a flag is not built"},
      {"message_field_training_detail", {}, "training parts of messages is not built"},
      {"field_instruction", {}, "alpaca rows have instruction, input and output"},
      {"field_input", {}, "alpaca rows have instruction, input and output"},
      {"field_output", {}, "alpaca rows have instruction, input and output"},
      {"field_system", {}, "a system message is a message with role: system"},
      {"field_tools", {}, "tools in the data are not built yet"},
      {"format", {}, "own prompt formats are not built: type: chat_template with a chat_template file may fit"}};
  return list;
}

template <typename Access>
EntryKey text_entry_key(std::string name, std::string values, std::string default_text, std::string help,
                        std::vector<DatasetType> types, Access access) {
  EntryKey key{name, std::move(values), std::move(default_text), std::move(help), std::move(types), {}, {}};
  key.read = [=](const YamlNode& node, DatasetConfig& entry, Report& report) {
    if (const auto text = key_types::read_text(name, node, report)) access(entry) = *text;
  };
  key.write = [=](const DatasetConfig& entry) { return yaml_text(access(entry)); };
  return key;
}

EntryKey type_entry_key() {
  EntryKey key{"type",
               "tokenized, completion, alpaca, chat_template",
               "tokenized",
               "What a row is: token ids (input_ids, labels), one text, instruction/input/output, or a conversation.",
               {},
               {},
               {}};
  key.read = [](const YamlNode& node, DatasetConfig& entry, Report& report) {
    if (node.is_map()) {
      report.problem("type: own prompt formats are not built", node.place,
                     "type: chat_template with a chat_template file may fit");
      return;
    }
    const auto* word = node.is_scalar() ? key_types::find_word(type_words(), node.text) : nullptr;
    if (word) {
      entry.type = word->value;
    } else {
      key_types::refuse_word("type", node, key_types::word_list(type_words()), known_types(), report);
    }
  };
  key.write = [](const DatasetConfig& entry) { return dataset_type_name(entry.type); };
  return key;
}

EntryKey mappings_entry_key() {
  EntryKey key{"message_property_mappings",
               "a map with role and content",
               "{role: role, content: content}",
               "What the two fields of a message are called in the file.",
               {DatasetType::kChatTemplate},
               {},
               {}};
  key.read = [](const YamlNode& node, DatasetConfig& entry, Report& report) {
    if (!node.is_map()) {
      key_types::refuse_value("message_property_mappings", node, "a map with role and content", report);
      return;
    }
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      const YamlKey& name = node.keys[i];
      if (node.items[i].is_unset()) continue;
      if (name.text != "role" && name.text != "content") {
        report.problem("message_property_mappings: \"" + name.text + "\" is not mapped in this build", name.place,
                       "role and content are");
        continue;
      }
      const auto text = key_types::read_text("message_property_mappings." + name.text, node.items[i], report);
      if (text) (name.text == "role" ? entry.property_role : entry.property_content) = *text;
    }
  };
  key.write = [](const DatasetConfig& entry) {
    return "{role: " + yaml_text(entry.property_role) + ", content: " + yaml_text(entry.property_content) + "}";
  };
  return key;
}

std::vector<EntryKey> all_entry_keys() {
  return {
      text_entry_key(
          "path", "a path", "required", "A .jsonl, .json or .txt file, a folder of them, or a pattern (data/*.jsonl).",
          {}, [](auto& e) -> auto& { return e.path; }),
      type_entry_key(),
      text_entry_key(
          "field", "text", "text", "The field that holds the text.", {DatasetType::kCompletion},
          [](auto& e) -> auto& { return e.field; }),
      text_entry_key(
          "field_messages", "text", "messages", "The field that holds the conversation.", {DatasetType::kChatTemplate},
          [](auto& e) -> auto& { return e.field_messages; }),
      mappings_entry_key()};
}

bool uses(const EntryKey& key, DatasetType type) {
  return key.types.empty() || std::find(key.types.begin(), key.types.end(), type) != key.types.end();
}

// Axolotl's older spelling of the two mappings: {the key's name, what it maps}.
std::string older_mapping(const std::string& name) {
  if (name == "message_field_role") return "role";
  if (name == "message_field_content") return "content";
  return "";
}

void read_peer_key(const PeerEntryKey& peer, const YamlKey& name, const YamlNode& value, Report& report) {
  const std::vector<YamlNode> items = value.is_sequence() ? value.items : std::vector<YamlNode>{value};
  for (const YamlNode& item : items) {
    const auto number = item.is_scalar() ? parse_number(item.text) : std::nullopt;
    const std::string text = number ? number_text(*number) : item.is_scalar() ? lower_case(item.text) : "";
    if (std::find(peer.accepted.begin(), peer.accepted.end(), text) == peer.accepted.end()) {
      report.problem(name.text + ": " + peer.reason, name.place);
      return;
    }
  }
  report.note(name.text + " has no effect here", name.place);
}

void read_unlisted_key(const YamlKey& name, const YamlNode& value, DatasetConfig& entry, Report& report) {
  if (const std::string mapped = older_mapping(name.text); !mapped.empty()) {
    if (const auto text = key_types::read_text(name.text, value, report))
      (mapped == "role" ? entry.property_role : entry.property_content) = *text;
    report.note(name.text + " is read as message_property_mappings." + mapped, name.place);
    return;
  }
  for (const PeerEntryKey& peer : peer_entry_keys()) {
    if (peer.name == name.text) {
      read_peer_key(peer, name, value, report);
      return;
    }
  }
  std::vector<std::string> candidates;
  for (const EntryKey& key : entry_keys()) candidates.push_back(key.name);
  const std::string nearest = nearest_name(name.text, candidates);
  report.problem("unknown key \"" + name.text + "\" in an entry of datasets", name.place,
                 nearest.empty() ? "known: " + join(candidates, ", ") : "did you mean " + nearest + "?");
}

void check_uses(const YamlNode& node, const DatasetConfig& entry, Report& report) {
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    if (node.items[i].is_unset()) continue;
    const bool older = !older_mapping(node.keys[i].text).empty();
    for (const EntryKey& key : entry_keys()) {
      const bool named = key.name == node.keys[i].text || (older && key.name == "message_property_mappings");
      if (named && !uses(key, entry.type))
        report.problem(node.keys[i].text + " is not used by type: " + dataset_type_name(entry.type), node.keys[i].place,
                       "set type: " + dataset_type_name(key.types.front()) + ", or remove it");
    }
  }
}

// Both spellings of one mapping in an entry.
void check_mapping_spellings(const YamlNode& node, Report& report) {
  const YamlKey* newer = nullptr;
  for (const YamlKey& key : node.keys)
    if (key.text == "message_property_mappings") newer = &key;
  for (const YamlKey& key : node.keys)
    if (newer && !older_mapping(key.text).empty())
      report.problem(str(key.text, " says the same as message_property_mappings in line ", newer->place.line),
                     key.place, "keep one of the two");
}

DatasetConfig read_entry(const std::string& list, const YamlNode& node, Report& report) {
  DatasetConfig entry;
  entry.where = node.place.text();
  if (!node.is_map()) {
    key_types::refuse_value(list, node, "an entry with path and type", report, "write: - path: FILE");
    return entry;
  }
  std::size_t problems_in_type = 0;
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    const YamlNode& value = node.items[i];
    if (value.is_unset()) continue;
    const auto& list_of_keys = entry_keys();
    const auto key = std::find_if(list_of_keys.begin(), list_of_keys.end(),
                                  [&](const EntryKey& known) { return known.name == node.keys[i].text; });
    if (key == list_of_keys.end()) {
      read_unlisted_key(node.keys[i], value, entry, report);
    } else {
      Report own;
      key->read(value, entry, own);
      if (key->name == "type" && own.has_problems()) ++problems_in_type;
      report.append(own);
    }
  }
  check_mapping_spellings(node, report);
  // An unreadable type says nothing about the other keys.
  if (problems_in_type == 0) check_uses(node, entry, report);
  if (entry.path.empty()) report.problem(list + ": an entry has no path", node.place, "add path: FILE");
  return entry;
}

}  // namespace

std::string dataset_type_name(DatasetType type) {
  const auto& words = type_words();
  const auto it = std::find_if(words.begin(), words.end(), [&](const auto& word) { return word.value == type; });
  check(it != words.end(), "every data set type has a word");
  return it->text;
}

const std::vector<EntryKey>& entry_keys() {
  static const std::vector<EntryKey> list = all_entry_keys();
  return list;
}

std::vector<DatasetConfig> read_dataset_entries(const std::string& key, const YamlNode& node, Report& report) {
  std::vector<DatasetConfig> entries;
  if (!node.is_sequence()) {
    key_types::refuse_value(key, node, "a list of entries", report, "write: " + key + ": [{path: FILE, type: TYPE}]");
    return entries;
  }
  for (const YamlNode& item : node.items) entries.push_back(read_entry(key, item, report));
  if (entries.empty()) report.problem(key + ": the list is empty", node.place, "add an entry: - path: FILE");
  return entries;
}

std::string write_dataset_entries(const std::vector<DatasetConfig>& entries) {
  std::string block;
  for (const DatasetConfig& entry : entries) {
    std::string lead = "\n  - ";
    for (const EntryKey& key : entry_keys()) {
      if (!uses(key, entry.type)) continue;
      block += lead + key.name + ": " + key.write(entry);
      lead = "\n    ";
    }
  }
  return block;
}

}  // namespace vernier
