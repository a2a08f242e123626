#include "kernels/optimizer.inc"
#include "kernels/optimizer_tables.h"

namespace vernier {

constinit const OptimizerKernels kAvx512OptimizerKernels = kUpdateLoops;

}  // namespace vernier
