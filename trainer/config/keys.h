#pragma once
// The one list of keys. Reading, writing (config.resolved.yaml), docs/config.md, --help and checking all walk it, so
// that an option exists in every one of them or in none. Canonical names are Axolotl's flat spelling; aliases are the
// other projects' spellings of the same value. Keys of other projects that are no plain alias are in peer_keys.h.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/report.h"
#include "config/yaml_node.h"

namespace vernier {

struct Alias {
  std::string name;
  std::string peer;  // the project that spells it so
};

struct Key {
  std::string name;
  std::string section;  // heading in the reference
  std::vector<Alias> aliases;
  std::string values;        // what it may hold, for people
  std::string default_text;  // for people
  std::string help;
  bool is_flag = false;     // true or false: a bare --name on the command line means true
  bool takes_yaml = false;  // a list or map: an override that starts with [ or { is YAML

  // Reads a value that is set (not is_unset()) into the config; what is wrong with it goes to the report.
  std::function<void(const YamlNode&, Config&, Report&)> read;
  // The value as YAML that read() takes; empty: unset. A text that starts with a newline is a block.
  std::function<std::string(const Config&)> write;
};

// In the order in which they are documented and written.
const std::vector<Key>& keys();

// By canonical name, or by alias: {the key, the alias or nullptr}; {nullptr, nullptr} for another name.
struct FoundKey {
  const Key* key = nullptr;
  const Alias* alias = nullptr;
};
FoundKey find_key(std::string_view name);

}  // namespace vernier
