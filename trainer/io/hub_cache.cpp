#include "io/hub_cache.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "base/check.h"
#include "base/text.h"
#include "io/read_file.h"

namespace vernier {
namespace {

namespace fs = std::filesystem;

bool is_id_part(std::string_view part) {
  constexpr std::size_t kLongest = 96;
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  return !part.empty() && part.size() <= kLongest && part.front() != '.' && part.front() != '-' && part.back() != '.' &&
         part.back() != '-' && std::all_of(part.begin(), part.end(), allowed);
}

bool directory_exists(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// A revision may be a branch with slashes ("refs/pr/1"), but must stay below refs/.
bool stays_inside(const std::string& revision) {
  const auto parts = split(revision, '/');
  return std::all_of(parts.begin(), parts.end(), is_plain_file_name);
}

bool is_commit(std::string_view text) {
  return !text.empty() && text.size() <= 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

std::string from_environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

bool is_hub_id(const std::string& name) {
  const auto parts = split(name, '/');
  return parts.size() <= 2 && std::all_of(parts.begin(), parts.end(), is_id_part);
}

std::string hub_cache_directory() {
  static constexpr std::array<std::pair<const char*, const char*>, 5> kPlaces = {
      {{"HF_HUB_CACHE", ""},
       {"HUGGINGFACE_HUB_CACHE", ""},
       {"HF_HOME", "/hub"},
       {"XDG_CACHE_HOME", "/huggingface/hub"},
       {"HOME", "/.cache/huggingface/hub"}}};
  for (const auto& [variable, below] : kPlaces)
    if (const std::string value = from_environment(variable); !value.empty()) return value + below;
  return "/.cache/huggingface/hub";
}

std::optional<std::string> find_in_hub_cache(const std::string& cache, const std::string& id,
                                             const std::string& revision) {
  check(is_hub_id(id), "not a hub id");
  std::string folder = "models";
  for (const std::string& part : split(id, '/')) folder += "--" + part;
  const fs::path model = fs::path(cache) / folder;
  const std::string name = revision.empty() ? "main" : revision;
  if (!stays_inside(name)) return std::nullopt;
  std::string commit = name;
  std::error_code ignored;
  if (const fs::path ref = model / "refs" / name; fs::is_regular_file(ref, ignored))
    commit = trim(read_file(ref.string(), 4096));
  if (!is_commit(commit)) return std::nullopt;
  const fs::path snapshot = model / "snapshots" / commit;
  if (!directory_exists(snapshot)) return std::nullopt;
  return snapshot.string();
}

}  // namespace vernier
