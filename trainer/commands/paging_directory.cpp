#include "commands/paging_directory.h"

#include <filesystem>

namespace vernier {

namespace {

// The nearest directory above a path that there is yet.
std::string existing_directory(std::filesystem::path path) {
  std::error_code error;
  for (path = std::filesystem::absolute(path, error); !std::filesystem::is_directory(path, error);)
    path = path.parent_path();
  return path.string();
}

}  // namespace

std::string paging_directory(const Config& config) {
  const std::string& wanted = config.optimizer.paging_dir;
  return wanted.empty() ? existing_directory(config.train.output_dir) : wanted;
}

}  // namespace vernier
