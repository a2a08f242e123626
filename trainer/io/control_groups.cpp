#include "io/control_groups.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "base/text.h"

namespace vernier {

namespace {

namespace fs = std::filesystem;

enum class Version { k1, k2 };

struct Group {
  fs::path directory;
  Version version;
};

// Where version 1 keeps a controller: under its own name, or that of all that are mounted together ("cpu,cpuacct").
fs::path version1_root(const fs::path& mount, const std::string& controller, const std::string& together) {
  std::error_code ignored;
  return fs::is_directory(mount / controller, ignored) ? mount / controller : mount / together;
}

// The groups whose `controller` binds this process: its own and all around it.
std::vector<Group> groups_of(const std::string& controller, const fs::path& groups, const fs::path& mount) {
  std::ifstream file(groups);
  std::vector<Group> found;
  for (std::string line; std::getline(file, line);) {  // hierarchy:controllers:path
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const auto names = split(controllers, ',');
    const bool v1 = std::find(names.begin(), names.end(), controller) != names.end();
    if (!v1 && !controllers.empty()) continue;
    const fs::path root = v1 ? version1_root(mount, controller, controllers) : mount;
    for (fs::path at = fs::path(line.substr(second + 1)).relative_path();; at = at.parent_path()) {
      found.push_back({root / at, v1 ? Version::k1 : Version::k2});
      if (at.empty()) break;
    }
  }
  return found;
}

// The least of what `read` finds in the groups.
template <typename Read>
auto least_of(const std::vector<Group>& groups, const Read& read) {
  decltype(read(groups.front())) least;
  for (const Group& group : groups)
    if (const auto found = read(group)) least = std::min(least.value_or(*found), *found);
  return least;
}

// nullopt also for version 2's "max", which is no number.
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

std::optional<std::int64_t> memory_left(const Group& group) {
  const bool v2 = group.version == Version::k2;
  const auto limit = read_number(group.directory / (v2 ? "memory.max" : "memory.limit_in_bytes"));
  const auto used = read_number(group.directory / (v2 ? "memory.current" : "memory.usage_in_bytes"));
  if (!limit || !used) return std::nullopt;
  const std::int64_t unused_files =
      read_statistic(group.directory / "memory.stat", v2 ? "inactive_file" : "total_inactive_file");
  return std::max<std::int64_t>(*limit - (*used - unused_files), 0);
}

std::optional<double> cpu_quota(const Group& group) {
  std::int64_t quota = 0, period = 0;
  if (group.version == Version::k2) {
    std::ifstream file(group.directory / "cpu.max");  // "quota period" or "max period"
    if (!(file >> quota >> period)) return std::nullopt;
  } else {
    quota = read_number(group.directory / "cpu.cfs_quota_us").value_or(0);  // -1: none
    period = read_number(group.directory / "cpu.cfs_period_us").value_or(0);
  }
  if (quota <= 0 || period <= 0) return std::nullopt;
  return static_cast<double>(quota) / static_cast<double>(period);
}

}  // namespace

std::optional<std::int64_t> cgroup_memory(const fs::path& groups, const fs::path& mount) {
  return least_of(groups_of("memory", groups, mount), memory_left);
}

std::optional<double> cgroup_cpus(const fs::path& groups, const fs::path& mount) {
  return least_of(groups_of("cpu", groups, mount), cpu_quota);
}

}  // namespace vernier
