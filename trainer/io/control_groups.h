#pragma once
// What the kernel's control groups leave to this process, cgroups(7): version 2, and the controllers of version 1. A
// limit counts in the process's own group and in every group around it. In these functions `groups` is in the form of
// /proc/self/cgroup and `mount` is where the hierarchies lie; what cannot be read sets no limit.

#include <cstdint>
#include <filesystem>
#include <optional>

namespace vernier {

// Bytes: the least of limit - used (memory.max; memory.limit_in_bytes), at least 0. Pages of files that were not used
// lately count as free, as the kernel drops them first. nullopt: no limit.
std::optional<std::int64_t> cgroup_memory(const std::filesystem::path& groups = "/proc/self/cgroup",
                                          const std::filesystem::path& mount = "/sys/fs/cgroup");

// CPUs: the least of quota / period (cpu.max; cpu.cfs_quota_us and cpu.cfs_period_us), above 0. nullopt: no quota.
std::optional<double> cgroup_cpus(const std::filesystem::path& groups = "/proc/self/cgroup",
                                  const std::filesystem::path& mount = "/sys/fs/cgroup");

}  // namespace vernier
