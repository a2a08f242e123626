#pragma once
// The command line of a model to be run: which base and adapter, quantized how, computed where.

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "commands/open_model.h"

namespace vernier {

struct ModelOptions {
  std::string base, adapter, load_in_4bit, bf16 = "auto", kernels = "auto";
  std::int64_t threads = 0;

  // Adds --base, --adapter, --load-in-4bit, --bf16, --kernels and --threads. The object must outlive the parsing.
  void add_to(CLI::App& command);
  // Error(kInput) when neither base nor adapter is named.
  ModelRequest request() const;
};

}  // namespace vernier
