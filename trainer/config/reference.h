#pragma once
// The list of keys for people: docs/config.md and the text of --help.

#include <string>
#include <vector>

namespace vernier {

// docs/config.md as a whole.
std::string config_reference_markdown();

struct KeyHelp {
  std::string section, name, values, default_text, help;
  std::vector<std::string> aliases;
};

// In the order of the reference.
std::vector<KeyHelp> key_help();

}  // namespace vernier
