#pragma once
// Weights of one float type given as another: through f32, so that a widening is exact and a narrowing rounds once.

#include <cstddef>
#include <cstdint>

#include "base/float_types.h"

namespace vernier {

// True for the types that weights come in: kF32, kF16, kBF16.
bool is_weight_type(Dtype dtype);

// `from` and `out` need no alignment. Preconditions: is_weight_type of both dtypes.
void widen(Dtype stored, const void* from, std::size_t count, float* out);
void narrow(const float* from, std::size_t count, Dtype as, void* out);

// stored -> as; the bytes themselves when both are one.
void convert_elements(Dtype stored, const void* from, std::size_t count, Dtype as, void* out);

}  // namespace vernier
