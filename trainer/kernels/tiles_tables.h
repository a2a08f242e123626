#pragma once
// The tables of tiles that each ISA's file defines; tile_kernels() in tiles.cpp picks.

#include "kernels/tiles.h"

namespace vernier {

extern const TileKernels<float> kScalarTilesF32, kAvx2TilesF32, kAvx512TilesF32;
extern const TileKernels<std::uint16_t> kScalarTilesBF16, kAvx2TilesBF16, kAvx512TilesBF16;

}  // namespace vernier
