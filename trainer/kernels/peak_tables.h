#pragma once
// The tables of peak loops that each ISA's file defines; peak_kernels() in peak.cpp picks.

#include "kernels/peak.h"

namespace vernier {

extern const PeakKernels kScalarPeak, kAvx2Peak, kAvx512Peak;

}  // namespace vernier
