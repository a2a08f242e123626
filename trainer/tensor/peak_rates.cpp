#include "tensor/peak_rates.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <vector>

#include "tensor/parallel.h"
#include "tensor/scratch.h"

namespace vernier {

namespace {

constexpr int kWindows = 6;
constexpr double kWindowSeconds = 0.04;

double best_window(const std::function<double(int thread)>& rate) {
  double best = 0;
  std::vector<double> rates(static_cast<std::size_t>(parallel_width()));
  for (int window = 0; window < kWindows; ++window) {
    parallel_threads([&](int thread, int) { rates[static_cast<std::size_t>(thread)] = rate(thread); });
    double sum = 0;
    for (const double one : rates) sum += one;
    best = std::max(best, sum);
  }
  return best;
}

}  // namespace

double measure_multiply_rate(Isa isa, PeakLoop loop) {
  const PeakKernels& kernels = peak_kernels(isa);
  return best_window([&](int) { return multiply_rate(kernels, loop, kWindowSeconds); });
}

double measure_read_rate(Isa isa) {
  const PeakKernels& kernels = peak_kernels(isa);
  const std::int64_t bytes = (std::int64_t{256} << 20) / parallel_width() / 256 * 256;
  ThreadScratch memory;
  memory.reserve(parallel_width(), bytes);
  parallel_threads([&](int thread, int) { std::memset(memory.of(thread), thread, static_cast<std::size_t>(bytes)); });
  return best_window([&](int thread) { return read_rate(kernels, memory.of(thread), bytes, kWindowSeconds); });
}

}  // namespace vernier
