#pragma once
// config.resolved.yaml: every key with its value and where it came from. Reading it gives the same Config.

#include <string>

#include "config/read_config.h"

namespace vernier {

std::string write_config(const LoadedConfig& loaded);

}  // namespace vernier
