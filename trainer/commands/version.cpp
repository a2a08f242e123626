#include <cstdio>

#include "commands/command.h"
#include "config/reference.h"
#include "kernels/isa.h"

namespace vernier {

void LogOptions::add_to(CLI::App& command) {
  command.add_flag("-q,--quiet", quiet, "Warnings and errors only");
  command.add_option("--log-level", level, "debug, info, warning, error or off")->capture_default_str();
}

void add_version(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand("version", "Print the version and what this machine offers");
  command->callback([&line] {
    line.run = [](const Log&) {
      std::printf("vernier %s (kernels %s, bf16 products %s)\n", VERNIER_VERSION, isa_name(choose_isa("auto")),
                  bf16_supported() ? "in hardware" : "not in hardware");
      return 0;
    };
  });
}

void add_config_reference(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand("config-reference", "Print docs/config.md: every key of the YAML file");
  command->callback([&line] {
    line.run = [](const Log&) {
      std::fputs(config_reference_markdown().c_str(), stdout);
      return 0;
    };
  });
}

}  // namespace vernier
