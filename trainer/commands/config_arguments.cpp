#include "commands/config_arguments.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "config/keys.h"
#include "config/peer_keys.h"
#include "config/values.h"

namespace vernier {

namespace {

// The other command that has this option; nullptr when none has.
const CLI::App* owner_of(const std::string& option, const CLI::App& command) {
  for (const CLI::App* other : command.get_parent()->get_subcommands({}))
    if (other != &command && other->get_option_no_throw(option) != nullptr) return other;
  return nullptr;
}

// Whether `value` is what a bare "--key" takes: a flag takes only true and false.
bool takes(const std::string& option, const std::string& value) {
  if (starts_with(value, "--")) return false;
  const Key* key = find_key(key_of_option(option)).key;
  return key == nullptr || !key->is_flag || parse_bool(value).has_value();
}

}  // namespace

void ConfigArguments::add_to(CLI::App& command, LogOptions& log) {
  log.add_to(command);
  command.add_option("CONFIG", path, "The YAML file (docs/config.md)")->required();
  command.allow_extras();
  command.fallthrough(false);
  command.footer(
      "Any key of the file can be set behind it: learning_rate=1e-4 or --learning-rate 1e-4.\n"
      "All keys with their defaults: vernier config-reference");
}

std::vector<std::string> ConfigArguments::overrides(const CLI::App& command) {
  std::vector<std::string> overrides;
  const std::vector<std::string> words = command.remaining();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool option = starts_with(word, "--"), valued = word.find('=') != std::string::npos;
    if (!option && !valued)
      throw Error(ErrorKind::kInput, str("unexpected word \"", word, "\""), "command line",
                  "overrides look like learning_rate=1e-4 or --learning-rate 1e-4");
    if (option && !is_config_key(key_of_option(word)))
      if (const CLI::App* owner = owner_of(word.substr(0, word.find('=')), command))
        throw Error(ErrorKind::kInput,
                    str(command.get_name(), " has no ", word, ": it is an option of ", owner->get_name()),
                    "command line", str("vernier ", command.get_name(), " --help"));
    const bool with_next = option && !valued && i + 1 < words.size() && takes(word, words[i + 1]);
    overrides.push_back(with_next ? word + "=" + words[i + 1] : word);
    i += with_next ? 1 : 0;
  }
  return overrides;
}

std::string key_of_option(const std::string& word) {
  std::string key = word.substr(0, word.find('='));
  if (starts_with(key, "--")) key.erase(0, 2);
  key.erase(std::min(key.find('.'), key.size()));
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

bool is_config_key(const std::string& name) {
  return find_key(name).key != nullptr || find_peer_key(name) != nullptr;
}

}  // namespace vernier
