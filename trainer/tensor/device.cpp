#include "tensor/device.h"

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "tensor/parallel.h"

namespace vernier {

std::string Device::description() const {
  return str("cpu, ", isa_name(isa), ", ", compute == at::kBFloat16 ? "bf16" : "f32", ", ", threads,
             threads == 1 ? " thread" : " threads");
}

Device open_device(const std::string& device, const std::string& kernels, ComputeRequest compute,
                   std::int64_t threads) {
  if (device != "auto" && device != "cpu")
    throw Error(ErrorKind::kInput, str("this build has no device \"", device, "\""), "device", "use auto or cpu");
  Device opened;
  opened.isa = choose_isa(kernels);
  const bool bf16 = opened.isa == Isa::kAvx512 && bf16_supported();
  if (compute == ComputeRequest::kBF16 && !bf16)
    throw Error(ErrorKind::kInput,
                bf16_supported() ? str("kernels: ", isa_name(opened.isa), " has no bf16 products")
                                 : "this CPU has no bf16 products (AVX512-BF16)",
                "bf16", "use bf16: auto (falls back to f32) or false");
  opened.compute = compute == ComputeRequest::kF32 || !bf16 ? at::kFloat : at::kBFloat16;
  opened.threads = threads > 0 ? static_cast<int>(threads) : usable_cpus();
  set_threads(opened.threads);
  opened.ops = make_cpu_ops(opened.isa);
  return opened;
}

at::ScalarType torch_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::kF32:
      return at::kFloat;
    case Dtype::kF16:
      return at::kHalf;
    case Dtype::kBF16:
      return at::kBFloat16;
    default:
      check(false, "not a weight's type");
      return at::kFloat;
  }
}

}  // namespace vernier
