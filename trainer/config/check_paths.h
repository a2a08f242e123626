#pragma once
// Whether the files that a config names are there, before anything is opened: all that are absent at once.

#include <string>

#include "config/read_config.h"

namespace vernier {

// For a path that is absent in the working directory: how to name it when it lies beside the YAML file; otherwise
// where relative paths start, or "" for an absolute one.
std::string resolve_path_hint(const std::string& path, const std::string& yaml_path);

// Error(kInput) for absent paths of datasets and test_datasets (patterns are left to data/rows_paths.h),
// lora_model_dir, a chat_template file, a checkpoint to resume from, and base_model where it cannot be a hub id.
void check_paths(const LoadedConfig& loaded);

}  // namespace vernier
