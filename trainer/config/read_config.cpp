#include "config/read_config.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/hash.h"
#include "base/text.h"
#include "config/key_types.h"
#include "config/keys.h"
#include "config/peer_keys.h"
#include "config/rules.h"
#include "config/settings.h"
#include "config/values.h"

namespace vernier {

namespace {

std::string read_file(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    throw Error(ErrorKind::kInput, "the config is a directory, not a YAML file", path);
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error(ErrorKind::kInput, str("cannot open the config file: ", std::strerror(errno)), path);
  std::string text(kMaxYamlBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) throw Error(ErrorKind::kInput, "cannot read the config file", path);
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxYamlBytes)
    throw Error(ErrorKind::kInput, str("a config file has at most ", kMaxYamlBytes, " bytes"), path);
  return text;
}

// What a name is, for the end of "did you mean NAME?".
std::string describe(const std::string& name) {
  const FoundKey found = find_key(name);
  if (found.alias) return " (" + found.alias->peer + "'s spelling of " + found.key->name + ")";
  if (found.key) return "";
  const PeerKey* peer = find_peer_key(name);
  if (peer->kind == PeerKey::Kind::kTranslated) return " (" + peer->peer + "'s way to set " + peer->canonical + ")";
  return peer->kind == PeerKey::Kind::kNoted ? " (of " + peer->peer + ", without effect here)"
                                             : " (of " + peer->peer + ", not supported here)";
}

std::string suggestion(const std::string& name) {
  std::vector<std::string> candidates;
  constexpr std::size_t kShortest = 3;
  const auto add = [&](const std::string& candidate) {
    if (candidate.size() >= kShortest && candidate.find_first_of("*.") == std::string::npos)
      candidates.push_back(candidate);
  };
  for (const Key& key : keys()) add(key.name);
  for (const Key& key : keys())
    for (const Alias& alias : key.aliases) add(alias.name);
  for (const PeerKey& peer : peer_keys()) add(peer.name);
  const std::string nearest = nearest_name(name, candidates);
  return nearest.empty() ? "docs/config.md lists the keys" : "did you mean " + nearest + describe(nearest) + "?";
}

// The setting with the value that the peer's word stands for; false when it leaves the key unset or is refused.
bool translate(const PeerKey& peer, Setting& setting, Report& report) {
  const std::string word = value_word(setting.value);
  const auto it = std::find_if(peer.values.begin(), peer.values.end(),
                               [&](const auto& pair) { return setting.value.is_scalar() && pair.first == word; });
  if (it == peer.values.end()) {
    if (!peer.others_pass)
      report.problem(setting.name + ": " + key_types::shown(setting.value) + ": " + peer.text, setting.value.place,
                     "see " + peer.canonical + " in docs/config.md");
    return peer.others_pass;
  }
  if (it->second.empty()) return false;
  setting.value.text = it->second;
  setting.value.quoted = false;
  report.note(setting.name + ": " + word + " is read as " + peer.canonical + ": " + it->second, setting.place);
  return true;
}

// bnb_4bit_compute_dtype and bf16 may both be there when they agree; auto gives way to the other.
bool agree_on_compute(Assigned& known, const Setting& setting) {
  if (known.key->name != "bf16" || known.setting.name == setting.name) return false;
  const std::string before = value_word(known.setting.value), now = value_word(setting.value);
  if (before == "auto") known.setting = setting;
  return before == now || before == "auto" || now == "auto";
}

void assign(const Key& key, const Setting& setting, Assignments& assigned, Report& report) {
  const auto [it, inserted] = assigned.emplace(key.name, Assigned{&key, setting});
  if (inserted || agree_on_compute(it->second, setting)) return;
  const Setting& first = it->second.setting;
  const std::string where = " (" + first.place.line_text() + ")";
  report.problem(setting.name == first.name
                     ? str("\"", setting.name, "\" is given twice", where)  // at the top and inside bnb_config_kwargs
                     : str(setting.name, " sets ", key.name, ", which ", first.name, where, " has set"),
                 setting.place, "keep one of the two");
}

void read_peer_setting(const PeerKey& peer, Setting setting, Assignments& assigned, Report& report) {
  switch (peer.kind) {
    case PeerKey::Kind::kTranslated:
      if (translate(peer, setting, report)) assign(*find_key(peer.canonical).key, setting, assigned, report);
      return;
    case PeerKey::Kind::kNoted:
      report.note(setting.name + " has no effect here: " + peer.text, setting.place);
      return;
    case PeerKey::Kind::kRefused:
      if (!accepts(peer, setting.value))
        report.problem(setting.name + " (" + peer.peer + "): " + peer.text, setting.place,
                       peer.accepted.empty() ? "" : "remove it; accepted: " + join(peer.accepted, ", "));
      return;
  }
}

Assignments assign_all(const std::vector<Setting>& settings, Report& report) {
  Assignments assigned;
  for (const Setting& setting : settings) {
    const FoundKey found = find_key(setting.name);
    const PeerKey* peer = found.key ? nullptr : find_peer_key(setting.name);
    if (!found.key && !peer) {
      report.problem("unknown key \"" + setting.name + "\"", setting.place, suggestion(setting.name));
    } else if (setting.value.is_unset()) {
      continue;
    } else if (peer) {
      read_peer_setting(*peer, setting, assigned, report);
    } else {
      if (found.alias) report.note(found.alias->name + " is read as " + found.key->name, setting.place);
      assign(*found.key, setting, assigned, report);
    }
  }
  return assigned;
}

void read_values(const Assignments& assigned, LoadedConfig& loaded, Report& report) {
  for (const Key& key : keys()) {
    Origin& origin = loaded.origins[key.name];
    const auto it = assigned.find(key.name);
    if (it == assigned.end()) continue;
    origin = {false, "", it->second.setting.place};
    key.read(it->second.setting.value, loaded.config, report);
  }
}

}  // namespace

std::string Origin::text() const {
  if (is_default) return reason.empty() ? "default" : "default: " + reason;
  return place.from_command_line() ? "command line" : place.line_text();
}

LoadedConfig read_config_text(std::string_view text, const std::string& name, const std::vector<std::string>& overrides,
                              Purpose purpose) {
  Report report;
  LoadedConfig loaded;
  loaded.path = name;
  loaded.sha256 = sha256_hex(text);
  const auto root = parse_yaml(text, name, report);
  // What a broken file leaves out says nothing about what it lacks.
  if (!root) report.throw_problems();
  if (!root->is_map() && root->kind != YamlNode::Kind::kNull)
    report.problem("a config file is a list of `key: value` lines", root->place);
  std::vector<Setting> settings = file_settings(*root, report);
  apply_overrides(overrides, settings, report);
  Assignments assigned = assign_all(settings, report);
  settle_conflicts(assigned, report);
  read_values(assigned, loaded, report);
  apply_rules(assigned, loaded, report);
  check_required(purpose, loaded, assigned, report);
  report.throw_problems();
  loaded.notes = report.notes();
  return loaded;
}

LoadedConfig read_config(const std::string& path, const std::vector<std::string>& overrides, Purpose purpose) {
  return read_config_text(read_file(path), path, overrides, purpose);
}

}  // namespace vernier
