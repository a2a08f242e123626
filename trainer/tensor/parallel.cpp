#include "tensor/parallel.h"

#include <ATen/Parallel.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/check.h"
#include "io/control_groups.h"

namespace vernier {

namespace {

// The CPUs this process was given, as it found them: pinned threads see only their own.
const cpu_set_t& given_cpus() {
  static const cpu_set_t given = [] {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    if (sched_getaffinity(0, sizeof mask, &mask) != 0) CPU_ZERO(&mask);
    return mask;
  }();
  return given;
}

// The thread moves to the number-th of the given CPUs and stays there.
void pin(int number) {
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &given_cpus()) || number-- > 0) continue;
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(cpu, &own);
    sched_setaffinity(0, sizeof own, &own);
    return;
  }
}

bool user_places_threads() {
  return std::getenv("OMP_PROC_BIND") != nullptr || std::getenv("OMP_PLACES") != nullptr ||
         std::getenv("GOMP_CPU_AFFINITY") != nullptr;
}

}  // namespace

int usable_cpus() {
  const int allowed = std::max(1, CPU_COUNT(&given_cpus()));
  const double quota = std::ceil(cgroup_cpus().value_or(allowed));
  return quota < allowed ? static_cast<int>(std::max(quota, 1.0)) : allowed;
}

void set_threads(int threads) {
  check(threads >= 1, "at least one thread");
  const bool all = threads == CPU_COUNT(&given_cpus()) && !user_places_threads();
  at::set_num_threads(threads);
  parallel_threads([&](int thread, int) {
    if (all) {
      pin(thread);
    } else {
      sched_setaffinity(0, sizeof(cpu_set_t), &given_cpus());
    }
  });
}

void parallel_for(std::int64_t n, std::int64_t grain, const std::function<void(std::int64_t, std::int64_t)>& body) {
  if (n > 0) at::parallel_for(0, n, std::max<std::int64_t>(grain, 1), body);
}

int parallel_width() {
  return at::in_parallel_region() ? 1 : at::get_num_threads();
}

void parallel_threads(const std::function<void(int thread, int threads)>& body) {
  const int threads = parallel_width();
  parallel_for(threads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t thread = begin; thread < end; ++thread) body(static_cast<int>(thread), threads);
  });
}

}  // namespace vernier
