// Which table of tile kernels runs.
#include "gatefold/kernels/tile_kernels.h"

#include <oneapi/dnnl/dnnl.hpp>

namespace gatefold {

TileIsa best_tile_isa() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::avx512_core_vnni:
    case dnnl::cpu_isa::avx512_core_bf16:
    case dnnl::cpu_isa::avx512_core_amx: return TileIsa::kAvx512;
    case dnnl::cpu_isa::avx2:
    case dnnl::cpu_isa::avx2_vnni:
    case dnnl::cpu_isa::avx512_core: return TileIsa::kAvx2;
    default: return TileIsa::kBaseline;
  }
}

const TileKernels& tile_kernels(TileIsa isa) {
  const TileKernels* table = nullptr;
  if (isa == TileIsa::kAvx512) table = detail::tile_kernels_avx512();
  if (table == nullptr && isa != TileIsa::kBaseline) table = detail::tile_kernels_avx2();
  return table != nullptr ? *table : *detail::tile_kernels_baseline();
}

}  // namespace gatefold
