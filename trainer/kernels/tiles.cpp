#include "kernels/tiles.h"

#include "base/check.h"
#include "kernels/tiles_tables.h"

namespace vernier {

template <>
const TileKernels<float>& tile_kernels(Isa isa) {
  check(isa_supported(isa), "tile_kernels: this CPU lacks the instruction set");
  if (isa == Isa::kAvx512) return kAvx512TilesF32;
  return isa == Isa::kAvx2 ? kAvx2TilesF32 : kScalarTilesF32;
}

template <>
const TileKernels<std::uint16_t>& tile_kernels(Isa isa) {
  check(isa_supported(isa) && (isa != Isa::kAvx512 || bf16_supported()),
        "tile_kernels: this CPU lacks the instruction set");
  if (isa == Isa::kAvx512) return kAvx512TilesBF16;
  return isa == Isa::kAvx2 ? kAvx2TilesBF16 : kScalarTilesBF16;
}

}  // namespace vernier
