#include "kernels/rows.inc"
#include "kernels/rows_tables.h"

namespace vernier {

constinit const RowKernels kAvx2RowKernels = kRowLoops;

}  // namespace vernier
