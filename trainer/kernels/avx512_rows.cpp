#include "kernels/rows.inc"
#include "kernels/rows_tables.h"

namespace vernier {

constinit const RowKernels kAvx512RowKernels = kRowLoops;

}  // namespace vernier
