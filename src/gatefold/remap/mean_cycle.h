// The minimum mean cycle of a dense graph, and potentials that prove it.
//
// For periodic streams: a node is a state of the first layer, an edge one whole request with the gap after it, and the
// mean of a cycle is the energy of one period in steady state. A cycle of several edges alternates between plans.
//
// Based on: Karp, "A characterization of the minimum cycle mean in a digraph" (Discrete Mathematics 1978).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gatefold/base/quantity.h"

namespace gatefold {

struct MeanCycle {
  Int128 cost = 0;  ///< of the whole cycle
  std::int64_t length = 1;
  /// The largest integer that no cycle's mean is below.
  [[nodiscard]] std::int64_t mean_floor() const { return static_cast<std::int64_t>(cost / length - (cost % length < 0 ? 1 : 0)); }
};

/// `edges`: [n, n], from row to column; kNever: no edge. O(n^3). Requires: n > 0, some cycle, costs below 2^60.
[[nodiscard]] MeanCycle minimum_mean_cycle(std::span<const std::int64_t> edges, std::size_t n);

/// Potentials h with edge(z, y) - mean + h(y) >= h(z) on every edge. O(n^3). Requires: no cycle's mean is below `mean`.
[[nodiscard]] std::vector<std::int64_t> cycle_potentials(std::span<const std::int64_t> edges, std::size_t n, std::int64_t mean);

}  // namespace gatefold
