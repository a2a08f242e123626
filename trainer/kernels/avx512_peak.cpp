#include "kernels/peak.inc"
#include "kernels/peak_tables.h"

namespace vernier {

constinit const PeakKernels kAvx512Peak = kPeakLoops;

}  // namespace vernier
