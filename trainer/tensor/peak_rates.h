#pragma once
// The peak loops of kernels/peak.h on all threads of the run at once: what shares of peak are shares of.

#include "kernels/peak.h"

namespace vernier {

// FLOP/s of all threads together: the best of a few short windows (about a quarter of a second altogether), since
// whatever else runs on the machine can only take away. Precondition: as multiply_rate.
double measure_multiply_rate(Isa isa, PeakLoop loop);

// Bytes a second that all threads together read from memory larger than the caches; takes 256 MiB while it runs.
double measure_read_rate(Isa isa);

}  // namespace vernier
