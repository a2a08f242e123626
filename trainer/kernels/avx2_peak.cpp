#include "kernels/peak.inc"
#include "kernels/peak_tables.h"

namespace vernier {

constinit const PeakKernels kAvx2Peak = kPeakLoops;

}  // namespace vernier
