#include "kernels/peak.h"

#include <chrono>

#include "base/check.h"
#include "kernels/peak_tables.h"

namespace vernier {

namespace {

// Calls work() until `seconds` have passed; how often it was done a second.
template <typename Work>
double repetitions_per_second(double seconds, const Work& work) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  double passed = 0;
  std::int64_t done = 0;
  do {
    work();
    ++done;
    passed = std::chrono::duration<double>(Clock::now() - start).count();
  } while (passed < seconds);
  return static_cast<double>(done) / passed;
}

}  // namespace

const PeakKernels& peak_kernels(Isa isa) {
  check(isa_supported(isa), "peak_kernels: this CPU lacks the instruction set");
  if (isa == Isa::kAvx512) return kAvx512Peak;
  return isa == Isa::kAvx2 ? kAvx2Peak : kScalarPeak;
}

double multiply_rate(const PeakKernels& kernels, PeakLoop loop, double seconds) {
  constexpr std::int64_t kRounds = 20000;  // a fraction of a millisecond
  const auto multiply = loop == PeakLoop::kF32 ? kernels.multiply_f32 : kernels.multiply_bf16;
  check(multiply != nullptr, "this table has no such peak loop");
  volatile float result = 0;  // the loops' results are used
  const auto flops = static_cast<double>(kRounds * (loop == PeakLoop::kF32 ? kernels.f32_flops : kernels.bf16_flops));
  return flops * repetitions_per_second(seconds, [&] { result = multiply(kRounds); });
}

double read_rate(const PeakKernels& kernels, const void* memory, std::int64_t bytes, double seconds) {
  volatile std::uint32_t result = 0;
  return static_cast<double>(bytes) * repetitions_per_second(seconds, [&] { result = kernels.read(memory, bytes); });
}

}  // namespace vernier
