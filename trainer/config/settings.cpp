#include "config/settings.h"

#include <algorithm>

#include "base/text.h"
#include "config/keys.h"
#include "config/peer_keys.h"
#include "config/values.h"

namespace vernier {

namespace {

constexpr const char* kBitsAndBytesMap = "bnb_config_kwargs";
constexpr const char* kSpecialTokensMap = "special_tokens";

// A key inside one of the two known maps, as a name of its own; "" when the map cannot hold it.
std::string opened_name(const std::string& map, const std::string& name) {
  if (map == kSpecialTokensMap) return map + "." + name;
  return starts_with(name, "bnb_4bit_") || starts_with(name, "load_in_") ? name : "";
}

void open_map(const YamlKey& map, const YamlNode& node, std::vector<Setting>& settings, Report& report) {
  if (node.is_unset()) return;
  if (!node.is_map()) {
    report.problem(map.text + " is a map of settings", node.place, "write: " + map.text + ": {name: value}");
    return;
  }
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    const std::string name = opened_name(map.text, node.keys[i].text);
    if (name.empty()) {
      report.problem("unknown key \"" + node.keys[i].text + "\" in " + map.text, node.keys[i].place);
    } else {
      settings.push_back({name, node.keys[i].place, node.items[i]});
    }
  }
}

struct Override {
  std::vector<std::string> path;  // "datasets", "0", "path"
  std::string value;
  Place place;
};

YamlNode scalar_node(const std::string& text, const Place& place) {
  YamlNode node;
  node.place = place;
  const std::string word = lower_case(text);
  if (word.empty() || word == "~" || word == "null") return node;
  node.kind = YamlNode::Kind::kScalar;
  node.text = text;
  return node;
}

void set_place(YamlNode& node, const Place& place) {
  node.place = place;
  for (YamlKey& key : node.keys) key.place = place;
  for (YamlNode& item : node.items) set_place(item, place);
}

// Lists and maps are YAML where the key takes one; every other value is the text itself, so that no path or regular
// expression needs quotes for YAML's sake.
YamlNode value_node(const Override& item, Report& report) {
  const std::string text = trim(item.value);
  const Key* key = find_key(canonical_name(item.path.front())).key;
  const bool inside = item.path.size() > 1;
  const bool yaml = (key && key->takes_yaml) || inside;
  if (!yaml || text.empty() || (text.front() != '[' && text.front() != '{')) return scalar_node(text, item.place);
  Report own;
  auto node = parse_yaml(text, item.place.source, own);
  if (!node || own.has_problems()) {
    report.problem("not a YAML list or map: " + text, item.place);
    return scalar_node("", item.place);
  }
  set_place(*node, item.place);
  return *node;
}

bool is_flag(const std::string& name) {
  const Key* key = find_key(canonical_name(name)).key;
  return key && key->is_flag;
}

bool is_known(const std::string& name) {
  return find_key(name).key != nullptr || find_peer_key(name) != nullptr;
}

bool split_override(const std::string& text, Override& out, Report& report) {
  const bool dashes = starts_with(text, "--");
  const std::string body = dashes ? text.substr(2) : text;
  out.place = {"command line (" + text + ")", 0, 0};
  if (!is_utf8(text) || std::any_of(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; })) {
    report.problem("an override is one line of UTF-8", {"command line", 0, 0});
    return false;
  }
  const auto equals = body.find('=');
  std::string name = trim(body.substr(0, equals));
  std::replace(name.begin(), name.end(), '-', '_');
  if (name.empty()) {
    report.problem("a key is missing before the equals sign", out.place, "write key=value");
    return false;
  }
  // An unknown name without a value is told as an unknown name.
  if (equals == std::string::npos && !(dashes && is_flag(name)) && is_known(split(name, '.').front())) {
    report.problem("a value is missing", out.place, "write " + name + "=VALUE");
    return false;
  }
  out.path = split(name, '.');
  out.value = equals == std::string::npos ? "true" : body.substr(equals + 1);
  if (out.path.size() > 1 && out.path.front() == kBitsAndBytesMap) out.path.erase(out.path.begin());
  if (out.path.size() == 2 && out.path.front() == kSpecialTokensMap) out.path = {name};
  return true;
}

// The node that the rest of a path names, made where it is missing; nullptr when the path does not fit.
YamlNode* descend(YamlNode& node, const Override& item, std::size_t depth) {
  if (depth == item.path.size()) return &node;
  const std::string& step = item.path[depth];
  const auto index = parse_integer(step);
  if (node.is_unset()) node.kind = index ? YamlNode::Kind::kSequence : YamlNode::Kind::kMap;
  if (node.is_sequence() && index && *index >= 0 && *index <= static_cast<std::int64_t>(node.items.size())) {
    const auto at = static_cast<std::size_t>(*index);
    if (at == node.items.size()) {
      node.items.emplace_back();
      node.items.back().place = item.place;
    }
    return descend(node.items[at], item, depth + 1);
  }
  if (!node.is_map() || index) return nullptr;
  for (std::size_t i = 0; i < node.keys.size(); ++i)
    if (node.keys[i].text == step) return descend(node.items[i], item, depth + 1);
  node.keys.push_back({step, item.place});
  node.items.emplace_back();
  node.items.back().place = item.place;
  return descend(node.items.back(), item, depth + 1);
}

void apply_inside(const Override& item, std::vector<Setting>& settings, Report& report) {
  const std::string canonical = canonical_name(item.path.front());
  auto setting = std::find_if(settings.begin(), settings.end(),
                              [&](const Setting& known) { return canonical_name(known.name) == canonical; });
  if (setting == settings.end()) {
    settings.push_back({item.path.front(), item.place, YamlNode{}});
    settings.back().value.place = item.place;
    setting = std::prev(settings.end());
  }
  YamlNode* target = descend(setting->value, item, 1);
  if (target) {
    *target = value_node(item, report);
  } else {
    report.problem(join(item.path, ".") + " is nowhere in the config", item.place,
                   "indices count from 0 and may go one past the end");
  }
}

}  // namespace

std::string canonical_name(const std::string& name) {
  if (const Key* key = find_key(name).key) return key->name;
  const PeerKey* peer = find_peer_key(name);
  return peer && peer->kind == PeerKey::Kind::kTranslated ? peer->canonical : name;
}

std::vector<Setting> file_settings(const YamlNode& root, Report& report) {
  std::vector<Setting> settings;
  for (std::size_t i = 0; i < root.keys.size(); ++i) {
    const YamlKey& key = root.keys[i];
    if (key.text == kBitsAndBytesMap || key.text == kSpecialTokensMap) {
      open_map(key, root.items[i], settings, report);
    } else {
      settings.push_back({key.text, key.place, root.items[i]});
    }
  }
  return settings;
}

void apply_overrides(const std::vector<std::string>& overrides, std::vector<Setting>& settings, Report& report) {
  for (const std::string& text : overrides) {
    Override item;
    if (!split_override(text, item, report)) continue;
    if (item.path.size() > 1) {
      apply_inside(item, settings, report);
      continue;
    }
    const std::string canonical = canonical_name(item.path.front());
    std::erase_if(settings, [&](const Setting& known) { return canonical_name(known.name) == canonical; });
    settings.push_back({item.path.front(), item.place, value_node(item, report)});
  }
}

}  // namespace vernier
