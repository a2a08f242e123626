#pragma once
// The one table of row loops that each ISA's file defines; row_kernels() in rows.cpp picks. Apart from rows.h so that
// nobody else can name a table this CPU may lack.

#include "kernels/rows.h"

namespace vernier {

extern const RowKernels kScalarRowKernels;
extern const RowKernels kAvx2RowKernels;
extern const RowKernels kAvx512RowKernels;

}  // namespace vernier
