// The cheapest states of layers whose costs reach further than to the next layer: dynamic programming over cuts.
//
// Layers are decided in order. Before layer i the past matters only through those earlier layers that some later one
// still has an edge from: the *cut*. Its width is 1 on a chain, 2 on residual networks (the block's input lies somewhere until
// it is added). The table of a cut has an entry for every combination of its layers' states; the work is the sum over
// layers of those tables' sizes times the layer's states.
//
// Based on: Bertele, Brioschi, "Nonserial Dynamic Programming" (1972).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace gatefold {

struct DagProgram {
  struct Edge {
    std::size_t from = 0;            ///< an earlier layer
    std::vector<std::int64_t> cost;  ///< [states of from, states of this layer]
  };
  struct Layer {
    std::vector<std::int64_t> node;  ///< one for each state; none is kNever
    std::vector<Edge> edges;         ///< `from` ascending, each once
  };
  std::vector<Layer> layers;
};

/// What the layers from `i` on cost at least, for every combination of states of the layers before that matter to them.
struct DagCut {
  std::vector<std::size_t> layers;       ///< ascending
  std::vector<std::int64_t> potentials;  ///< row-major over the states of `layers`, the last one fastest
};

struct DagSolution {
  std::int64_t cost = 0;
  std::vector<std::size_t> states;  ///< one for each layer
  std::vector<DagCut> cuts;         ///< before each layer; the first has no layers and one entry, the cost
};

/// The largest number of layers in a cut.
[[nodiscard]] std::size_t cut_width(const DagProgram& program);

/// nullopt if the tables would take more than `work_max` steps.
[[nodiscard]] std::optional<DagSolution> solve(const DagProgram& program, std::size_t work_max);

}  // namespace gatefold
