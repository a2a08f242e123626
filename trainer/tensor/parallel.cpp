#include "tensor/parallel.h"

#include <ATen/Parallel.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

#include "base/check.h"

namespace vernier {

namespace {

// cpu.max of cgroup v2 holds "quota period" or "max period".
int cgroup_cpus(int otherwise) {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || !(period > 0)) return otherwise;
  return std::max(1, static_cast<int>(std::ceil(std::stod(quota) / period)));
}

}  // namespace

int usable_cpus() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  const int allowed = sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 1;
  return std::max(1, std::min(allowed, cgroup_cpus(allowed)));
}

void set_threads(int threads) {
  check(threads >= 1, "at least one thread");
  at::set_num_threads(threads);
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
