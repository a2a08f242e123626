#pragma once
// What the kernel's memory limits leave to this process: cgroup v2 (memory.max) and the memory controller of v1
// (memory.limit_in_bytes), each in the process's own group and in every group around it (cgroups(7)).

#include <cstdint>
#include <filesystem>
#include <optional>

namespace vernier {

// The least of limit - used over all those groups, at least 0; pages of files that were not used lately count as free,
// as the kernel drops them first. nullopt: no limit. `groups` is in the form of /proc/self/cgroup, `mount` is where the
// hierarchies lie; what cannot be read sets no limit.
std::optional<std::int64_t> cgroup_memory(const std::filesystem::path& groups = "/proc/self/cgroup",
                                          const std::filesystem::path& mount = "/sys/fs/cgroup");

}  // namespace vernier
