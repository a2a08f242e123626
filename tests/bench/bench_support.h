#pragma once
// What the kernel benchmarks share. Each runs one kernel on one thread, pinned to a CPU, and tells its speed beside
// what that thread can do at most: the peak loops of kernels/peak.h, measured right before and after.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/peak.h"

namespace vernier {

// What the files of this folder add to the list.
void register_products();
void register_attention();
void register_rows();
void register_optimizers();

// Numbers of a fixed pseudo-random sequence, uniform in [-1, 1), in a buffer that is aligned to 64 bytes.
template <typename T>
class Values {
 public:
  explicit Values(std::int64_t count, std::uint64_t seed = 1);

  T* data() { return values_.get(); }
  const T* data() const { return values_.get(); }
  std::int64_t size() const { return count_; }

 private:
  struct Free {
    void operator()(T* values) const { ::operator delete (values, std::align_val_t{64}); }
  };
  std::unique_ptr<T, Free> values_;
  std::int64_t count_;
};

// The instruction sets that this CPU has, widest first.
std::vector<Isa> isas();

// "bf16" products run on AVX-512 alone, and only where the CPU has them; "f32" on every set.
template <typename T>
bool has_products(Isa isa);
template <typename T>
inline constexpr const char* kTypeName = sizeof(T) == 2 ? "bf16" : "f32";
template <typename T>
inline constexpr PeakLoop kPeakOf = sizeof(T) == 2 ? PeakLoop::kBF16 : PeakLoop::kF32;

// Adds the benchmark `name`: make() builds the operands and gives the work, which is then timed.
using Work = std::function<void()>;
// Counters "GFLOP/s" and "share of peak".
void add_product(const std::string& name, Isa isa, PeakLoop loop, double flops, const std::function<Work()>& make);
// Counters "GB/s" and "share of read", the rate at which the thread reads as many bytes over and over.
void add_loop(const std::string& name, Isa isa, std::int64_t bytes, const std::function<Work()>& make);
// Counters "Gweights/s" and "share of product", the time beside that of a product of 512 rows at peak.
void add_decode(const std::string& name, Isa isa, PeakLoop loop, std::int64_t weights,
                const std::function<Work()>& make);

}  // namespace vernier
