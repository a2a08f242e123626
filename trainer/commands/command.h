#pragma once
// A verb of the program: each adds its subcommand to the command line; the chosen one runs after parsing.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "base/log.h"

namespace vernier {

struct LogOptions {
  bool quiet = false;
  std::string level = "info";

  // --quiet and --log-level.
  void add_to(CLI::App& command);
};

// What every command has: the options of the log, and where its `run` goes, which gives the exit code or throws Error.
struct CommandLine {
  CLI::App& app;
  LogOptions log;
  std::function<int(const Log&)> run;
  bool result_on_stdout = true;  // false: files are the result, and what stdout did not take changes no exit code
};

void add_train(CommandLine& line);
void add_check(CommandLine& line);
void add_bench(CommandLine& line);
void add_merge(CommandLine& line);
void add_generate(CommandLine& line);
void add_eval(CommandLine& line);
void add_logits(CommandLine& line);
void add_version(CommandLine& line);
void add_config_reference(CommandLine& line);

}  // namespace vernier
