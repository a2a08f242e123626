#pragma once
// Where a run computes: the device, its operations, the type of its products and its threads.

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/float_types.h"
#include "tensor/ops.h"

namespace vernier {

struct Device {
  at::Device torch{at::kCPU};
  at::ScalarType compute = at::kFloat;  // f32 or bf16
  Isa isa = Isa::kScalar;
  int threads = 1;
  std::unique_ptr<Ops> ops;

  // "cpu, avx512, bf16, 2 threads"
  std::string description() const;
};

enum class ComputeRequest { kAuto, kBF16, kF32 };

// `device`: "auto" or "cpu"; `kernels`: "auto" or an instruction set; threads 0: all usable CPUs.
// Error(kInput) for a device or instruction set that is not here, and for bf16 asked of a CPU without AVX512-BF16.
Device open_device(const std::string& device, const std::string& kernels, ComputeRequest compute, std::int64_t threads);

// Precondition: kF32, kF16 or kBF16.
at::ScalarType torch_type(Dtype dtype);

}  // namespace vernier
