#include "kernels/rows.h"

#include "base/check.h"
#include "kernels/rows_tables.h"

namespace vernier {

const RowKernels& row_kernels(Isa isa) {
  check(isa_supported(isa), "row_kernels: this CPU lacks the instruction set");
  switch (isa) {
    case Isa::kAvx512:
      return kAvx512RowKernels;
    case Isa::kAvx2:
      return kAvx2RowKernels;
    case Isa::kScalar:
      break;
  }
  return kScalarRowKernels;
}

}  // namespace vernier
