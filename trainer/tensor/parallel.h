#pragma once
// The one place for threads: LibTorch's own OpenMP pool, so that its products and our loops share the same threads.

#include <cstdint>
#include <functional>

namespace vernier {

// CPUs this process may use: the scheduler's mask, bounded by the quotas of its control groups, rounded up.
int usable_cpus();

// Threads of parallel_for (and of LibTorch) from here on. When they are as many as the CPUs that the process was given,
// each is pinned to one of them, unless OMP_PROC_BIND, OMP_PLACES or GOMP_CPU_AFFINITY says otherwise: fewer threads
// could meet another process's on a CPU while one beside it idles. Precondition: threads >= 1.
void set_threads(int threads);

// Splits [0, n) into one contiguous range a thread (fewer when a range would be below `grain`) and calls
// body(begin, end) for each. The ranges depend only on n, grain and the thread count. Nested calls run serially.
void parallel_for(std::int64_t n, std::int64_t grain, const std::function<void(std::int64_t, std::int64_t)>& body);

// Calls body(thread, threads) once for each thread, at the same time; body(0, 1) inside another parallel region.
void parallel_threads(const std::function<void(int thread, int threads)>& body);

// Threads that parallel_threads would use here.
int parallel_width();

}  // namespace vernier
