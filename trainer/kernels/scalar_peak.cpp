#include "kernels/peak.inc"
#include "kernels/peak_tables.h"

namespace vernier {

constinit const PeakKernels kScalarPeak = kPeakLoops;

}  // namespace vernier
