#include "kernels/rows.inc"
#include "kernels/rows_tables.h"

namespace vernier {

constinit const RowKernels kScalarRowKernels = kRowLoops;

}  // namespace vernier
