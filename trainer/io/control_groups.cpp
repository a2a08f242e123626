#include "spec/cgroup_memory.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "base/text.h"

namespace vernier {

namespace {

namespace fs = std::filesystem;

// The names of one version's files.
struct Version {
  const char *limit, *used, *unused_files;
};

constexpr Version kV1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};
constexpr Version kV2{"memory.max", "memory.current", "inactive_file"};

// nullopt also for v2's "max", which is no number.
std::optional<std::int64_t> read_number(const fs::path& path) {
  std::ifstream file(path);
  std::int64_t number = 0;
  return file >> number ? std::optional(number) : std::nullopt;
}

std::int64_t read_statistic(const fs::path& path, const std::string& name) {
  std::ifstream file(path);
  std::string key;
  for (std::int64_t value = 0; file >> key >> value;)
    if (key == name) return value;
  return 0;
}

std::optional<std::int64_t> left_in_group(const fs::path& group, const Version& version) {
  const auto limit = read_number(group / version.limit), used = read_number(group / version.used);
  if (!limit || !used) return std::nullopt;
  const std::int64_t held = *used - read_statistic(group / "memory.stat", version.unused_files);
  return std::max<std::int64_t>(*limit - held, 0);
}

// From the group at `path` below `root` out to the root itself.
std::optional<std::int64_t> left_in_groups(const fs::path& root, const fs::path& path, const Version& version) {
  std::optional<std::int64_t> least;
  for (fs::path at = path.relative_path();; at = at.parent_path()) {
    if (const auto left = left_in_group(root / at, version)) least = std::min(least.value_or(*left), *left);
    if (at.empty()) return least;
  }
}

}  // namespace

std::optional<std::int64_t> cgroup_memory(const fs::path& groups, const fs::path& mount) {
  std::ifstream file(groups);
  std::optional<std::int64_t> least;
  for (std::string line; std::getline(file, line);) {  // hierarchy:controllers:path
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    const auto names = split(controllers, ',');
    const bool v1 = std::find(names.begin(), names.end(), "memory") != names.end();
    if (!v1 && !controllers.empty()) continue;
    const auto left = v1 ? left_in_groups(mount / "memory", path, kV1) : left_in_groups(mount, path, kV2);
    if (left) least = std::min(least.value_or(*left), *left);
  }
  return least;
}

}  // namespace vernier
