#include "gatefold/device/placement.h"

#include <fmt/format.h>

#include "gatefold/base/contract.h"

namespace gatefold {
namespace {

/// "core 3", "cores 0-1", "cores 0,2".
std::string cores_text(std::uint16_t mask) {
  const int low = std::countr_zero(mask);
  const int high = 15 - std::countl_zero(mask);
  if (low == high) return fmt::format("core {}", low);
  if (std::popcount(mask) == high - low + 1) return fmt::format("cores {}-{}", low, high);
  std::string list;
  for (int core = low; core <= high; ++core) {
    if (mask >> core & 1U) list += fmt::format("{}{}", list.empty() ? "" : ",", core);
  }
  return "cores " + list;
}

}  // namespace

CoreId Placement::core(std::int32_t ordinal, std::int32_t chip_cores_per_cluster) const {
  GATEFOLD_REQUIRE(ordinal >= 0 && ordinal < core_count());
  std::int32_t rank = ordinal % cores_per_cluster();
  std::uint16_t rest = core_mask;
  while (rank-- > 0) rest = static_cast<std::uint16_t>(rest & (rest - 1U));
  return CoreId((first + ordinal / cores_per_cluster()) * chip_cores_per_cluster + std::countr_zero(rest));
}

std::string Placement::text() const {
  const std::string where = clusters == 1 ? fmt::format("cluster {}", first) : fmt::format("clusters {}-{}", first, last());
  const char* how = split == CoreSplit::kColumns && core_count() > 1 ? ", columns"
                    : split == CoreSplit::kRows && core_count() > 1  ? ", rows"
                                                                     : "";
  return fmt::format("{}, {}{}{}", where, cores_text(core_mask), how, streamed ? ", weights streamed" : "");
}

}  // namespace gatefold
