#include "kernels/tiles.inc"
#include "kernels/tiles_tables.h"

namespace vernier {

constinit const TileKernels<float> kScalarTilesF32 = kTileLoops<float>;
constinit const TileKernels<std::uint16_t> kScalarTilesBF16 = kTileLoops<std::uint16_t>;

}  // namespace vernier
