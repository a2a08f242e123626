#include "tensor/parallel.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <set>
#include <vector>

#include "support/skips.h"

namespace vernier {
namespace {

std::vector<int> cpus_of_threads() {
  std::vector<int> cpus(static_cast<std::size_t>(parallel_width()), -1);
  parallel_threads([&](int thread, int) { cpus[static_cast<std::size_t>(thread)] = sched_getcpu(); });
  return cpus;
}

TEST(Parallel, AsManyThreadsAsCpusArePinnedOneToEach) {
  const int cpus = usable_cpus();
  set_threads(cpus);
  const std::vector<int> first = cpus_of_threads();
  if (std::getenv("OMP_PROC_BIND") != nullptr) SKIP_MACHINE_LACKS("threads that are ours to place");
  cpu_set_t mask;
  sched_getaffinity(0, sizeof mask, &mask);
  if (CPU_COUNT(&mask) != 1) SKIP_MACHINE_LACKS("as many CPUs by its quota as by its mask");
  EXPECT_EQ(std::set<int>(first.begin(), first.end()).size(), first.size());
  for (int again = 0; again < 20; ++again) EXPECT_EQ(cpus_of_threads(), first);
  EXPECT_EQ(usable_cpus(), cpus) << "the pinned thread still knows what the process was given";
}

TEST(Parallel, FewerThreadsMayMove) {
  const int cpus = usable_cpus();
  set_threads(cpus);
  if (cpus == 1) SKIP_MACHINE_LACKS("a second CPU");
  set_threads(cpus - 1);
  cpu_set_t mask;
  ASSERT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
  EXPECT_GE(CPU_COUNT(&mask), cpus);
  set_threads(cpus);
}

}  // namespace
}  // namespace vernier
