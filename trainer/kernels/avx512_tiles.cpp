#include "kernels/tiles.inc"
#include "kernels/tiles_tables.h"

namespace vernier {

constinit const TileKernels<float> kAvx512TilesF32 = kTileLoops<float>;
constinit const TileKernels<std::uint16_t> kAvx512TilesBF16 = kTileLoops<std::uint16_t>;

}  // namespace vernier
