// Where a layer executes and where its data lies: a run of adjacent clusters with the same cores in each.
#pragma once

#include <cstdint>
#include <string>

#include "gatefold/base/id.h"

namespace gatefold {

/// How a systolic layer is divided over arrays. A reduction chip always divides input channels.
enum class CoreSplit : std::uint8_t { kChannels, kColumns, kRows };

/// Bits of a core mask that are set. Without an instruction for it, which not every x86-64 has, std::popcount is a call.
[[nodiscard]] constexpr std::int32_t count_of(std::uint16_t mask) {
  unsigned sums = mask - (mask >> 1U & 0x5555U);     // of every two bits
  sums = (sums & 0x3333U) + (sums >> 2U & 0x3333U);  // of four
  sums = (sums + (sums >> 4U)) & 0x0F0FU;            // of eight
  return static_cast<std::int32_t>((sums + (sums >> 8U)) & 0x1FU);
}

struct Placement {
  std::int16_t first = 0;       ///< first cluster of the run
  std::int16_t clusters = 1;    ///< length of the run
  std::uint16_t core_mask = 1;  ///< bit i: core i of every cluster of the run
  CoreSplit split = CoreSplit::kChannels;
  /// The weights do not stay in these cores: every execution streams them from external memory through two banks.
  bool streamed = false;

  friend bool operator==(const Placement&, const Placement&) = default;

  [[nodiscard]] std::int32_t cores_per_cluster() const { return count_of(core_mask); }
  [[nodiscard]] std::int32_t core_count() const { return clusters * cores_per_cluster(); }
  [[nodiscard]] std::int32_t last() const { return first + clusters - 1; }
  /// The `ordinal`-th core of the placement, counted left to right over its clusters. Requires: 0 <= ordinal < core_count().
  [[nodiscard]] CoreId core(std::int32_t ordinal, std::int32_t chip_cores_per_cluster) const;
  /// "cluster 0, cores 0-1" or "clusters 0-2, core 3, rows".
  [[nodiscard]] std::string text() const;
};

/// True if both hold the same cores (the split may differ).
[[nodiscard]] inline bool same_cores(const Placement& a, const Placement& b) {
  return a.first == b.first && a.clusters == b.clusters && a.core_mask == b.core_mask;
}

}  // namespace gatefold
