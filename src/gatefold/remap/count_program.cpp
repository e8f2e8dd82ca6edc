#include "gatefold/remap/count_program.h"

#include <algorithm>

#include "gatefold/base/contract.h"

namespace gatefold {
namespace {

/// best[here] = the least over next of edge + after[next], without what every change costs. For here = (k, c) and
/// next = (k', c'), with m = min(c, c'):
///   k' >= k:  cluster * (k' - k) + core * (c' k' - m k)     falls apart into a part of next and one of (k, m)
///   k' <  k:  core * (c' - m) k'                            a part of next alone
void sweep(const CountProgram& program, const std::int64_t* after, std::int64_t* best) {
  const auto width = static_cast<std::int64_t>(program.width);
  const auto groups = static_cast<std::int64_t>(program.groups);
  const auto at = [width](std::int64_t k, std::int64_t c) { return static_cast<std::size_t>((k - 1) * width + c - 1); };
  std::fill_n(best, program.states(), kNever);
  for (std::int64_t c = 1; c <= width; ++c) {
    for (std::int64_t d = 1; d <= width; ++d) {
      const std::int64_t m = std::min(c, d);
      std::int64_t more = kNever;
      for (std::int64_t k = groups; k >= 1; --k) {
        const std::int64_t go = after[at(k, d)];
        if (go < kNever) more = std::min(more, go + (program.cluster_wake + program.core_wake * d) * k);
        if (more < kNever) best[at(k, c)] = std::min(best[at(k, c)], more - (program.cluster_wake + program.core_wake * m) * k);
      }
      std::int64_t fewer = kNever;
      for (std::int64_t k = 1; k <= groups; ++k) {
        best[at(k, c)] = std::min(best[at(k, c)], fewer);
        const std::int64_t go = after[at(k, d)];
        if (go < kNever) fewer = std::min(fewer, go + program.core_wake * (d - m) * k);
      }
    }
  }
}

}  // namespace

std::int64_t CountProgram::edge(std::size_t layer, std::size_t here, std::size_t next) const {
  const auto k = static_cast<std::int64_t>(here / width) + 1;
  const auto c = static_cast<std::int64_t>(here % width) + 1;
  const auto l = static_cast<std::int64_t>(next / width) + 1;
  const auto d = static_cast<std::int64_t>(next % width) + 1;
  return cluster_wake * std::max<std::int64_t>(0, l - k) + core_wake * (d * l - std::min(c, d) * std::min(k, l)) + change[layer];
}

void cost_to_go(const CountProgram& program, std::span<const std::int64_t> ending, std::span<std::int64_t> potentials,
                std::span<std::int64_t> scratch) {
  const std::size_t states = program.states();
  GATEFOLD_REQUIRE(program.layers > 0 && potentials.size() == program.layers * states && scratch.size() >= states);
  const std::size_t last = (program.layers - 1) * states;
  for (std::size_t s = 0; s < states; ++s) {
    potentials[last + s] = std::min(kNever, program.node[last + s] + (ending.empty() ? 0 : ending[s]));
  }
  for (std::size_t layer = program.layers - 1; layer-- > 0;) {
    sweep(program, potentials.data() + (layer + 1) * states, scratch.data());
    for (std::size_t s = 0; s < states; ++s) {
      const std::int64_t node = program.node[layer * states + s];
      potentials[layer * states + s] = node >= kNever ? kNever : std::min(kNever, node + scratch[s] + program.change[layer]);
    }
  }
}

void trace_path(const CountProgram& program, std::span<const std::int64_t> potentials, std::span<std::size_t> path) {
  const std::size_t states = program.states();
  path[0] = static_cast<std::size_t>(std::min_element(potentials.begin(), potentials.begin() + static_cast<std::ptrdiff_t>(states)) -
                                     potentials.begin());
  for (std::size_t layer = 1; layer < program.layers; ++layer) {
    std::int64_t best = kNever;
    for (std::size_t s = 0; s < states; ++s) {
      const std::int64_t go = potentials[layer * states + s];
      if (go >= best) continue;
      const std::int64_t cost = go + program.edge(layer - 1, path[layer - 1], s);
      if (cost >= best) continue;
      best = cost;
      path[layer] = s;
    }
  }
}

}  // namespace gatefold
