#include "bench/bench_support.h"

#include <sched.h>

#include <algorithm>
#include <ctime>
#include <new>
#include <type_traits>

#include "base/float_types.h"

namespace vernier {

namespace {

// Seconds that this thread has computed: what other processes take does not count.
double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// How often a second the work is done, in the best of a few short windows.
double best_rate(const Work& work) {
  double best = 0;
  for (int window = 0; window < 4; ++window) {
    const double start = thread_seconds();
    double passed = 0;
    std::int64_t done = 0;
    do {
      work();
      ++done;
      passed = thread_seconds() - start;
    } while (passed < 0.008);
    best = std::max(best, static_cast<double>(done) / passed);
  }
  return best;
}

double peak_rate(Isa isa, PeakLoop loop) {
  constexpr std::int64_t kRounds = 20000;
  const PeakKernels& kernels = peak_kernels(isa);
  const bool f32 = loop == PeakLoop::kF32;
  const auto multiply = f32 ? kernels.multiply_f32 : kernels.multiply_bf16;
  return static_cast<double>(kRounds * (f32 ? kernels.f32_flops : kernels.bf16_flops)) *
         best_rate([=] { benchmark::DoNotOptimize(multiply(kRounds)); });
}

double reading_rate(Isa isa, std::int64_t bytes) {
  bytes = std::max<std::int64_t>(bytes / 256 * 256, 256);
  const Values<float> memory(bytes / 4);
  const PeakKernels& kernels = peak_kernels(isa);
  return static_cast<double>(bytes) * best_rate([&] { benchmark::DoNotOptimize(kernels.read(memory.data(), bytes)); });
}

// Times the work; how often it was done a second.
double repetitions(benchmark::State& state, const Work& work) {
  work();  // memory and caches as in the middle of a run
  const double start = thread_seconds();
  for (auto _ : state) work();
  return static_cast<double>(state.iterations()) / (thread_seconds() - start);
}

void add(const std::string& name, const std::function<void(benchmark::State&)>& body) {
  benchmark::RegisterBenchmark(name.c_str(), body)->Unit(benchmark::kMicrosecond);
}

void put(double value, float& out) {
  out = static_cast<float>(value);
}
void put(double value, std::uint16_t& out) {
  out = f32_to_bf16(static_cast<float>(value));
}

}  // namespace

template <typename T>
Values<T>::Values(std::int64_t count, std::uint64_t seed)
    : values_(static_cast<T*>(::operator new (static_cast<std::size_t>(count) * sizeof(T), std::align_val_t{64}))),
      count_(count) {
  for (std::int64_t i = 0; i < count; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;  // Knuth's MMIX
    put(static_cast<double>(seed >> 11) / static_cast<double>(std::uint64_t{1} << 52) - 1, values_.get()[i]);
  }
}
template class Values<float>;
template class Values<std::uint16_t>;

std::vector<Isa> isas() {
  std::vector<Isa> found;
  for (const Isa isa : {Isa::kAvx512, Isa::kAvx2, Isa::kScalar})
    if (isa_supported(isa)) found.push_back(isa);
  return found;
}

template <typename T>
bool has_products(Isa isa) {
  return std::is_same_v<T, float> || (isa == Isa::kAvx512 && bf16_supported());
}
template bool has_products<float>(Isa isa);
template bool has_products<std::uint16_t>(Isa isa);

void add_product(const std::string& name, Isa isa, PeakLoop loop, double flops, const std::function<Work()>& make) {
  add(name, [=](benchmark::State& state) {
    const Work work = make();
    const double before = peak_rate(isa, loop), rate = flops * repetitions(state, work);
    const double peak = (before + peak_rate(isa, loop)) / 2;
    state.counters["GFLOP/s"] = rate * 1e-9;
    state.counters["share of peak"] = rate / peak;
  });
}

void add_loop(const std::string& name, Isa isa, std::int64_t bytes, const std::function<Work()>& make) {
  add(name, [=](benchmark::State& state) {
    const Work work = make();
    const double rate = static_cast<double>(bytes) * repetitions(state, work);
    state.counters["GB/s"] = rate * 1e-9;
    state.counters["share of read"] = rate / reading_rate(isa, bytes);
  });
}

void add_decode(const std::string& name, Isa isa, PeakLoop loop, std::int64_t weights,
                const std::function<Work()>& make) {
  add(name, [=](benchmark::State& state) {
    constexpr double kRows = 512;
    const Work work = make();
    const double rate = static_cast<double>(weights) * repetitions(state, work);
    state.counters["Gweights/s"] = rate * 1e-9;
    state.counters["share of product"] = peak_rate(isa, loop) / (2 * kRows * rate);
  });
}

}  // namespace vernier

int main(int argc, char** argv) {
  cpu_set_t here;
  CPU_ZERO(&here);
  CPU_SET(static_cast<std::size_t>(sched_getcpu()), &here);
  sched_setaffinity(0, sizeof here, &here);
  vernier::register_products();
  vernier::register_attention();
  vernier::register_rows();
  vernier::register_optimizers();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
