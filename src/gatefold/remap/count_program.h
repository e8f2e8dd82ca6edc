// The shortest path through a chain where only counts matter: how many clusters, and how many cores in each.
//
// Clusters are alike, so waking costs up * (more clusters) plus what the cores take, and that splits into a part of the one
// layer and a part of the next (docs/decision-problem.md). Two sweeps over the cluster counts, one from each side, then
// replace the quadratic step: O(layers * clusters * cores^2), exact for arbitrary node costs. For chips of thousands of
// clusters; smaller ones use the chain program, which knows the wires' length as well.
//
// Based on: the prefix-minimum form of one-dimensional distance transforms (Felzenszwalb, Huttenlocher, "Distance
// transforms of sampled functions", Theory of Computing 2012).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gatefold/remap/chain_program.h"

namespace gatefold {

struct CountProgram {
  std::size_t layers = 0;
  std::size_t groups = 0;            ///< cluster counts 1 .. groups
  std::size_t width = 1;             ///< core counts 1 .. width
  std::int64_t cluster_wake = 0;     ///< for each cluster more
  std::int64_t core_wake = 0;        ///< for each core that the layer before does not hold
  std::vector<std::int64_t> node;    ///< [layers, groups * width]; kNever: no such state
  std::vector<std::int64_t> change;  ///< [layers - 1]: what every change costs

  [[nodiscard]] std::size_t states() const { return groups * width; }
  /// The change from one state to another of the next layer: runs overlap as far as they can.
  [[nodiscard]] std::int64_t edge(std::size_t layer, std::size_t here, std::size_t next) const;
};

/// As cost_to_go of a chain program. `scratch` holds `states` numbers. Allocates nothing.
void cost_to_go(const CountProgram& program, std::span<const std::int64_t> ending, std::span<std::int64_t> potentials,
                std::span<std::int64_t> scratch);

/// The state of every layer on a shortest path, given its potentials.
void trace_path(const CountProgram& program, std::span<const std::int64_t> potentials, std::span<std::size_t> path);

}  // namespace gatefold
