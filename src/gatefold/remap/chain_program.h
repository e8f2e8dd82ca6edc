// The shortest path through a chain of layers whose states form a grid: cluster counts ("groups") x core counts.
//
// Every layer is in one state; a state costs, and so does the change from one layer's state to the next one's. The cost of
// a change has two parts: one that is the same between all layers (waking clusters and cores) and one between groups only
// (wires). That keeps an instance small enough for the caches: 200 layers of 64 states take 0.4 MB instead of 6.5 MB, and the
// dense step, groups x groups x width x width minima of 64-bit sums, is done `width` states at a time.
//
// Costs are integers in a unit of the caller's. A state that does not exist costs kNever. Every finite path must cost
// less than 2^60, so that no sum overflows; the caller chooses the unit accordingly.
//
// Based on: Bellman, "Dynamic Programming" (1957); the recursion runs from the last layer to the first, so that its
// table is the potentials of a certificate (certificate.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gatefold {

/// More than any path costs; sums of two of them still fit.
inline constexpr std::int64_t kNever = std::int64_t{1} << 61;
/// The exclusive limit of what a path may cost.
inline constexpr std::int64_t kPathCostMax = std::int64_t{1} << 60;

struct ChainProgram {
  std::size_t layers = 0;
  std::size_t groups = 0;
  std::size_t width = 1;            ///< states in a group: 1, 2, 4, 8 or 16
  std::vector<std::int64_t> node;   ///< [layers, states]
  std::vector<std::int64_t> wake;   ///< [blocks of states here, states of the next layer, block]; wake_at()
  std::vector<std::int64_t> carry;  ///< [layers - 1, groups of the next layer, groups here]; carry_at()
  std::int64_t change_max = 0;      ///< no change costs more; larger than true is safe

  /// States are handled in blocks of this many.
  static constexpr std::size_t kBlock = 16;
  /// More groups are for the count program (count_program.h).
  static constexpr std::size_t kGroupsMax = 128;

  /// Sizes and fills an instance in which nothing is possible and every change is free. `groups_wanted` is rounded up to whole blocks.
  void reset(std::size_t layer_count, std::size_t groups_wanted, std::size_t states_in_group);

  [[nodiscard]] std::size_t states() const { return groups * width; }
  [[nodiscard]] std::size_t wake_at(std::size_t here, std::size_t next) const {
    return ((here / kBlock) * states() + next) * kBlock + here % kBlock;
  }
  [[nodiscard]] std::size_t carry_at(std::size_t layer, std::size_t here, std::size_t next) const {
    return (layer * groups + next / width) * groups + here / width;
  }
  /// The change from `here` at `layer` to `next` at layer + 1.
  [[nodiscard]] std::int64_t edge(std::size_t layer, std::size_t here, std::size_t next) const {
    return wake[wake_at(here, next)] + carry[carry_at(layer, here, next)];
  }
};

/// Cost-to-go: potentials[layer, state] = the least cost of `layer` in that state and of all layers after it, `ending[state]`
/// added after the last (empty: nothing). Allocates nothing. O(layers * states^2).
/// Requires: potentials holds layers * states; the instance was sized by reset().
void cost_to_go(const ChainProgram& program, std::span<const std::int64_t> ending, std::span<std::int64_t> potentials);

/// The state of every layer on a shortest path that begins in `first`, given its potentials. O(layers * states).
void trace_path(const ChainProgram& program, std::span<const std::int64_t> potentials, std::size_t first, std::span<std::size_t> path);

/// Cost-to-come: arrivals[layer, state] = the least cost of all layers up to and with `layer` in that state.
void cost_to_come(const ChainProgram& program, std::span<std::int64_t> arrivals);

/// The cheapest state of the first layer. Requires: there is one.
[[nodiscard]] std::size_t cheapest_start(const ChainProgram& program, std::span<const std::int64_t> potentials);

}  // namespace gatefold
