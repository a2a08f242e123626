#pragma once
// What the file and the command line say, before any value is read: a flat list of names and values. Overrides replace
// what the file says under any spelling of the same key.

#include <string>
#include <vector>

#include "config/report.h"
#include "config/yaml_node.h"

namespace vernier {

struct Setting {
  std::string name;  // as written, but with underscores; "special_tokens.pad_token" for a key in a known map
  Place place;       // of the name
  YamlNode value;
};

// The key that a name sets: itself, what it is an alias of, or what a peer's key is translated to; a name that is
// unknown, noted or refused stands for itself.
std::string canonical_name(const std::string& name);

// The settings of a document in its order. bnb_config_kwargs and special_tokens are opened.
std::vector<Setting> file_settings(const YamlNode& root, Report& report);

// Applies "key=value", "--key-with-dashes=value", "--flag" and "datasets.0.path=value" in their order. An empty value
// unsets a key. Lists and maps are given as YAML: "lora_target_modules=[q_proj, v_proj]".
void apply_overrides(const std::vector<std::string>& overrides, std::vector<Setting>& settings, Report& report);

}  // namespace vernier
