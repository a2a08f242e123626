#pragma once
// The products of ops.h on the CPU: kernels/gemm.h over all threads. Keeps its working memory from call to call: one
// caller at a time.

#include <span>
#include <vector>

#include "kernels/gemm.h"
#include "tensor/ops.h"
#include "tensor/scratch.h"

namespace vernier {

class CpuProducts {
 public:
  explicit CpuProducts(Isa isa) : isa_(isa) {}

  void run(std::span<const Product> products);

 private:
  template <typename T>
  void run_as(std::span<const Product> products);
  static StoredMatrix stored(const WeightView& weight);
  static GemmResult result_of(const Product& product);
  // terms_ and gemms_ of the products.
  void describe(std::span<const Product> products);

  Isa isa_;
  ThreadScratch scratch_;
  std::vector<GemmTerm> terms_;
  std::vector<Gemm> gemms_;
};

}  // namespace vernier
