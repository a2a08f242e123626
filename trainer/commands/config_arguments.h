#pragma once
// The command line of a command that takes a run's YAML file: CONFIG, and behind it any key of the file,
// "learning_rate=1e-4" or "--learning-rate 1e-4".

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "commands/command.h"

namespace vernier {

struct ConfigArguments {
  std::string path;

  // Adds them to a command. As its other words may be overrides, it takes the log's options itself.
  void add_to(CLI::App& command, LogOptions& log);
  // The overrides among the words that the command's own options left over. Error(kInput) for a word that is none, and
  // for an option of another command.
  static std::vector<std::string> overrides(const CLI::App& command);
};

// The key of the file that "--learning-rate" or "--datasets.0.path=x" sets: with underscores, without dashes, path and
// value.
std::string key_of_option(const std::string& word);

// True for a key of ours or of another project's, under any spelling.
bool is_config_key(const std::string& name);

}  // namespace vernier
