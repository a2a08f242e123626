#include "config/check_paths.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/text.h"

namespace vernier {

namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

fs::path beside(const std::string& path, const std::string& yaml_path) {
  return fs::path(yaml_path).parent_path() / path;
}

// A hub id is `name` or `owner/name`; anything else names a place on disk.
bool is_hub_id(const std::string& text) {
  if (starts_with(text, ".") || starts_with(text, "/") || starts_with(text, "~") || ends_with(text, "/")) return false;
  const std::string lower_end = text.size() >= 5 ? text.substr(text.size() - 5) : "";
  return lower_end != ".gguf" && lower_end != ".GGUF" && std::count(text.begin(), text.end(), '/') <= 1;
}

class PathCheck {
 public:
  explicit PathCheck(const LoadedConfig& loaded) : loaded_(loaded) {}

  void need(const std::string& key, const std::string& path) {
    const auto origin = loaded_.origins.find(key);
    need_at(key, path, origin == loaded_.origins.end() ? Place{loaded_.path, 0, 0} : origin->second.place);
  }

  void need_base_model() {
    const std::string& base = loaded_.config.model.base_model;
    // A hub id is left to whoever looks in the cache, unless the directory is plainly here under another name.
    const bool perhaps_hub = is_hub_id(base);
    if (!perhaps_hub || (!is_there(base) && is_there(beside(base, loaded_.path)))) need("base_model", base);
  }

  void need_entries(const std::string& key, const std::vector<DatasetConfig>& entries) {
    for (const DatasetConfig& entry : entries) {
      // A pattern is matched by whoever reads the rows.
      const bool pattern = entry.path.find_first_of("*?[") != std::string::npos;
      if (!pattern && !is_there(entry.path))
        add(Error(ErrorKind::kInput, key + ": no such file: " + entry.path, entry.where,
                  resolve_path_hint(entry.path, loaded_.path)));
    }
  }

  void finish() const {
    if (!problems_.empty()) throw join_errors(problems_);
  }

 private:
  void need_at(const std::string& key, const std::string& path, const Place& place) {
    if (path.empty() || is_there(path)) return;
    add(Error(ErrorKind::kInput, key + ": no such file or directory: " + path, place.text(),
              resolve_path_hint(path, loaded_.path)));
  }
  void add(Error error) { problems_.push_back(std::move(error)); }

  const LoadedConfig& loaded_;
  std::vector<Error> problems_;
};

}  // namespace

std::string resolve_path_hint(const std::string& path, const std::string& yaml_path) {
  if (fs::path(path).is_absolute()) return "";
  const fs::path other = beside(path, yaml_path);
  if (is_there(other))
    return "paths start at the working directory; it is beside the YAML file: use " + other.lexically_normal().string();
  std::error_code ignored;
  return "paths start at the working directory, " + fs::current_path(ignored).string();
}

void check_paths(const LoadedConfig& loaded) {
  PathCheck paths(loaded);
  const Config& config = loaded.config;
  paths.need_base_model();
  paths.need("lora_model_dir", config.lora.lora_model_dir);
  paths.need_entries("datasets", config.data.datasets);
  paths.need_entries("test_datasets", config.data.test_datasets);
  const std::string& chat_template = config.data.chat_template;
  if (chat_template != "tokenizer_default" && chat_template != "chatml") paths.need("chat_template", chat_template);
  paths.need("resume_from_checkpoint", config.train.resume_from);
  paths.finish();
}

}  // namespace vernier
