#include "kernels/optimizer.inc"
#include "kernels/optimizer_tables.h"

namespace vernier {

constinit const OptimizerKernels kScalarOptimizerKernels = kUpdateLoops;

}  // namespace vernier
