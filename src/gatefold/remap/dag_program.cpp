#include "gatefold/remap/dag_program.h"

#include <algorithm>

#include "gatefold/base/contract.h"
#include "gatefold/base/quantity.h"
#include "gatefold/remap/chain_program.h"

namespace gatefold {
namespace {

/// Per layer, the earlier layers that it or a later one has an edge from.
std::vector<std::vector<std::size_t>> cuts_of(const DagProgram& program) {
  const std::size_t count = program.layers.size();
  std::vector<std::size_t> last(count, 0);  // the last layer with an edge from it; 0: none
  for (std::size_t v = 0; v < count; ++v) {
    for (const DagProgram::Edge& edge : program.layers[v].edges) {
      GATEFOLD_REQUIRE(edge.from < v);
      last[edge.from] = v;
    }
  }
  std::vector<std::vector<std::size_t>> cuts(count + 1);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t u = 0; u < i; ++u) {
      if (last[u] >= i) cuts[i].push_back(u);
    }
  }
  return cuts;
}

std::size_t states_of(const DagProgram& program, std::size_t layer) { return program.layers[layer].node.size(); }

/// One layer's step: for every combination of the cut before it and every state of its own, where the cut after it is read.
class Step {
 public:
  Step(const DagProgram& program, std::size_t layer, const DagCut& before, const DagCut& after)
      : layer_(program.layers[layer]), after_(after) {
    std::size_t stride = 1;
    std::vector<std::size_t> strides(after.layers.size());
    for (std::size_t m = after.layers.size(); m-- > 0;) {
      strides[m] = stride;
      stride *= states_of(program, after.layers[m]);
    }
    for (const std::size_t member : before.layers) {
      const auto found = std::find(after.layers.begin(), after.layers.end(), member);
      strides_.push_back(found == after.layers.end() ? 0 : strides[static_cast<std::size_t>(found - after.layers.begin())]);
      sizes_.push_back(states_of(program, member));
    }
    own_stride_ = !after.layers.empty() && after.layers.back() == layer ? 1 : 0;
    for (const DagProgram::Edge& edge : layer_.edges) {
      const auto found = std::find(before.layers.begin(), before.layers.end(), edge.from);
      positions_.push_back(static_cast<std::size_t>(found - before.layers.begin()));
    }
  }

  [[nodiscard]] const std::vector<std::size_t>& sizes() const { return sizes_; }

  /// The best state of the layer given those of the cut, and the cost from there on.
  [[nodiscard]] std::pair<std::int64_t, std::size_t> best(const std::vector<std::size_t>& tuple) const {
    std::size_t base = 0;
    for (std::size_t m = 0; m < tuple.size(); ++m) base += strides_[m] * tuple[m];
    const std::size_t states = layer_.node.size();
    std::pair<std::int64_t, std::size_t> found{kNever, 0};
    for (std::size_t z = 0; z < states; ++z) {
      std::int64_t cost = layer_.node[z] + after_.potentials[base + own_stride_ * z];
      for (std::size_t e = 0; e < positions_.size(); ++e) cost += layer_.edges[e].cost[tuple[positions_[e]] * states + z];
      if (cost < found.first) found = {cost, z};
    }
    return found;
  }

 private:
  const DagProgram::Layer& layer_;
  const DagCut& after_;
  std::vector<std::size_t> strides_;    ///< of the cut's layers in the table after it; 0: gone
  std::vector<std::size_t> sizes_;      ///< states of the cut's layers
  std::vector<std::size_t> positions_;  ///< of each edge's origin in the cut
  std::size_t own_stride_ = 0;
};

/// The next combination in row-major order; false after the last.
bool advance(std::vector<std::size_t>& tuple, const std::vector<std::size_t>& sizes) {
  for (std::size_t m = tuple.size(); m-- > 0;) {
    if (++tuple[m] < sizes[m]) return true;
    tuple[m] = 0;
  }
  return false;
}

}  // namespace

std::size_t cut_width(const DagProgram& program) {
  std::size_t width = 0;
  for (const auto& cut : cuts_of(program)) width = std::max(width, cut.size());
  return width;
}

std::optional<DagSolution> solve(const DagProgram& program, std::size_t work_max) {
  const std::size_t count = program.layers.size();
  const auto cuts = cuts_of(program);
  std::vector<std::size_t> table_sizes(count + 1, 1);
  Int128 work = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Int128 size = 1;
    for (const std::size_t member : cuts[i]) size = std::min<Int128>(size * states_of(program, member), kNever);
    work += size * static_cast<Int128>(states_of(program, i) * (1 + program.layers[i].edges.size()));
    if (work > static_cast<Int128>(work_max)) return std::nullopt;
    table_sizes[i] = static_cast<std::size_t>(size);
  }
  DagSolution solution;
  solution.cuts.resize(count + 1);
  for (std::size_t i = 0; i <= count; ++i) {
    solution.cuts[i].layers = cuts[i];
    solution.cuts[i].potentials.assign(table_sizes[i], 0);
  }
  for (std::size_t i = count; i-- > 0;) {
    const Step step(program, i, solution.cuts[i], solution.cuts[i + 1]);
    std::vector<std::size_t> tuple(cuts[i].size(), 0);
    std::size_t entry = 0;
    do {
      solution.cuts[i].potentials[entry++] = step.best(tuple).first;
    } while (advance(tuple, step.sizes()));
  }
  solution.cost = solution.cuts[0].potentials[0];
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<std::size_t> tuple;
    for (const std::size_t member : cuts[i]) tuple.push_back(solution.states[member]);
    solution.states.push_back(Step(program, i, solution.cuts[i], solution.cuts[i + 1]).best(tuple).second);
  }
  solution.cuts.pop_back();
  return solution;
}

}  // namespace gatefold
