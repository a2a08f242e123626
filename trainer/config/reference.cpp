#include "config/reference.h"

#include <map>
#include <utility>

#include "base/text.h"
#include "config/dataset_entry.h"
#include "config/keys.h"
#include "config/peer_keys.h"

namespace vernier {

namespace {

constexpr const char* kIntroduction = R"(# Configuration

This page is written by `vernier config-reference` from the list of keys that the program reads; change `trainer/config`.

A run is one YAML file of flat keys. Names are Axolotl's; the spellings of LLaMA-Factory, TRL and PEFT are read too.

- All problems of a file are shown at once, each as file:line:column. An unknown key is an error with the nearest known one.
- A value is read by its key's type: `1e-4` is a number, `no` is a word where a key takes words. `3.0` and `1e3` are whole numbers.
- An empty value, `~` or `null` is the same as no line at all.
- A key twice, a key and its alias together, or two keys that exclude each other are errors that name both lines.
- Anchors, aliases, merge keys and tags are refused. A file has at most 1 MiB.
- Paths are relative to the working directory.
- The command line overrides the file: `learning_rate=1e-4`, `--learning-rate=1e-4`, `datasets.0.path=other.jsonl`,
  `lora_target_modules=[q_proj, v_proj]`; an empty value unsets a key. Where two keys exclude each other, the one on the
  command line wins.
- `config.resolved.yaml` in the output directory has every value and where it came from.
)";

std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string code(const std::string& text) {
  return "`" + cell(text) + "`";
}

std::string row(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const std::string& text : cells) line += " " + text + " |";
  return line + "\n";
}

std::string table_head(const std::vector<std::string>& names) {
  return "\n" + row(names) + row(std::vector<std::string>(names.size(), "---"));
}

std::string also_spelt(const Key& key) {
  std::vector<std::string> names;
  for (const Alias& alias : key.aliases) names.push_back(code(alias.name) + " (" + alias.peer + ")");
  for (const PeerKey& peer : peer_keys())
    if (peer.canonical == key.name) names.push_back(code(peer.name) + " (" + peer.peer + ", below)");
  return join(names, ", ");
}

std::string key_tables() {
  std::string text, section;
  for (const Key& key : keys()) {
    if (key.section != section) {
      section = key.section;
      text += "\n## " + section + "\n" + table_head({"Key", "Values", "Default", "Meaning", "Also spelt"});
    }
    text += row({code(key.name), cell(key.values), cell(key.default_text), cell(key.help), also_spelt(key)});
  }
  return text;
}

std::string entry_table() {
  std::string text = "\n## Entries of datasets\n\nA key that an entry's type does not use is an error.\n";
  text += table_head({"Key", "Values", "Default", "Meaning", "For type"});
  for (const EntryKey& key : entry_keys()) {
    std::vector<std::string> types;
    for (const DatasetType type : key.types) types.push_back(dataset_type_name(type));
    text += row({code(key.name), cell(key.values), cell(key.default_text), cell(key.help),
                 types.empty() ? "all" : join(types, ", ")});
  }
  return text;
}

std::string translated_table() {
  std::string text = "\n## Keys of other projects that are translated\n";
  text += table_head({"Key", "Of", "Read as"});
  for (const PeerKey& peer : peer_keys()) {
    if (peer.kind != PeerKey::Kind::kTranslated) continue;
    std::vector<std::string> readings;
    for (const auto& [word, value] : peer.values)
      readings.push_back(word + " -> " + (value.empty() ? peer.canonical + " not set" : peer.canonical + ": " + value));
    if (peer.others_pass) readings.push_back("others -> as " + peer.canonical);
    text += row({code(peer.name), peer.peer, cell(join(readings, "; "))});
  }
  return text + "\n`bnb_config_kwargs` (Axolotl) is a map of `bnb_4bit_*` keys, read as if they stood outside it.\n";
}

// One row for all keys with the same text: the table stays short enough to read.
std::string peer_table(PeerKey::Kind kind, const std::string& reason_title) {
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  std::map<std::string, std::size_t> index;
  for (const PeerKey& peer : peer_keys()) {
    if (peer.kind != kind) continue;
    std::string reason = peer.text;
    if (!peer.accepted.empty()) reason += " (accepted: " + join(peer.accepted, ", ") + ")";
    const auto [it, inserted] = index.emplace(reason, groups.size());
    if (inserted) groups.emplace_back(reason, std::vector<std::string>{});
    groups[it->second].second.push_back(code(peer.name));
  }
  std::string text = table_head({"Keys", reason_title});
  for (const auto& [reason, names] : groups) text += row({join(names, ", "), cell(reason)});
  return text;
}

}  // namespace

std::string config_reference_markdown() {
  return kIntroduction + key_tables() + entry_table() + translated_table() +
         "\n## Keys of other projects that have no effect here\n\nEach gives a note.\n" +
         peer_table(PeerKey::Kind::kNoted, "Why") +
         "\n## Keys of other projects that are refused\n\nThey would change the result. Empty values are accepted.\n" +
         peer_table(PeerKey::Kind::kRefused, "Why");
}

std::vector<KeyHelp> key_help() {
  std::vector<KeyHelp> list;
  for (const Key& key : keys()) {
    KeyHelp help{key.section, key.name, key.values, key.default_text, key.help, {}};
    for (const Alias& alias : key.aliases) help.aliases.push_back(alias.name);
    list.push_back(std::move(help));
  }
  return list;
}

}  // namespace vernier
