#pragma once
// The one table of update rules that each ISA's file defines; optimizer_kernels() in optimizer.cpp picks.

#include "kernels/optimizer.h"

namespace vernier {

extern const OptimizerKernels kScalarOptimizerKernels;
extern const OptimizerKernels kAvx2OptimizerKernels;
extern const OptimizerKernels kAvx512OptimizerKernels;

}  // namespace vernier
