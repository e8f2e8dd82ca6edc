#include "gatefold/remap/mean_cycle.h"

#include <algorithm>
#include <optional>

#include "gatefold/base/contract.h"
#include "gatefold/base/quantity.h"
#include "gatefold/remap/chain_program.h"

namespace gatefold {

MeanCycle minimum_mean_cycle(std::span<const std::int64_t> edges, std::size_t n) {
  GATEFOLD_REQUIRE(n > 0 && edges.size() == n * n);
  // walks[k, y]: the cheapest walk of k edges that ends in y, wherever it began.
  constexpr Int128 kNone = Int128{1} << 120;
  std::vector<Int128> walks((n + 1) * n, kNone);
  std::fill_n(walks.begin(), n, 0);
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t z = 0; z < n; ++z) {
      const Int128 walk = walks[k * n + z];
      if (walk >= kNone) continue;
      for (std::size_t y = 0; y < n; ++y) {
        const std::int64_t edge = edges[z * n + y];
        if (edge < kNever) walks[(k + 1) * n + y] = std::min(walks[(k + 1) * n + y], walk + edge);
      }
    }
  }
  // The least over y of the largest over k of (walks[n, y] - walks[k, y]) / (n - k).
  const auto less = [](const MeanCycle& a, const MeanCycle& b) { return a.cost * b.length < b.cost * a.length; };
  std::optional<MeanCycle> best;
  for (std::size_t y = 0; y < n; ++y) {
    if (walks[n * n + y] >= kNone) continue;
    std::optional<MeanCycle> largest;
    for (std::size_t k = 0; k < n; ++k) {
      if (walks[k * n + y] >= kNone) continue;
      const MeanCycle mean{walks[n * n + y] - walks[k * n + y], static_cast<std::int64_t>(n - k)};
      if (!largest || less(*largest, mean)) largest = mean;
    }
    if (!best || less(*largest, *best)) best = largest;
  }
  GATEFOLD_REQUIRE(best.has_value());
  return *best;
}

std::vector<std::int64_t> cycle_potentials(std::span<const std::int64_t> edges, std::size_t n, std::int64_t mean) {
  std::vector<std::int64_t> potentials(n, 0);  // the cheapest walk of any length, at reduced costs
  bool lowered = true;
  for (std::size_t round = 0; lowered; ++round) {
    GATEFOLD_REQUIRE(round <= n);  // otherwise a cycle's mean is below `mean`
    lowered = false;
    for (std::size_t z = 0; z < n; ++z) {
      for (std::size_t y = 0; y < n; ++y) {
        if (edges[z * n + y] >= kNever) continue;
        const std::int64_t cost = edges[z * n + y] - mean + potentials[y];
        if (cost >= potentials[z]) continue;
        potentials[z] = cost;
        lowered = true;
      }
    }
  }
  return potentials;
}

}  // namespace gatefold
