#include "optimality/instances.h"

#include <algorithm>
#include <functional>

namespace gatefold::test {
namespace {

std::int64_t cost(SplitMix64& random, std::size_t most) { return static_cast<std::int64_t>(below(random, most)); }

/// Node costs, about a quarter of the states missing, at least one in each layer.
std::vector<std::int64_t> random_nodes(SplitMix64& random, std::size_t layers, std::size_t states, std::size_t real) {
  std::vector<std::int64_t> nodes(layers * states, kNever);
  for (std::size_t v = 0; v < layers; ++v) {
    for (std::size_t s = 0; s < real; ++s) {
      if (below(random, 4) != 0) nodes[v * states + s] = cost(random, 1000);
    }
    nodes[v * states + below(random, real)] = cost(random, 1000);
  }
  return nodes;
}

/// The least over all choices of one state per layer, `step(layer, state before, state)` summed.
std::int64_t least(std::size_t layers, std::size_t states, const std::function<std::int64_t(std::size_t, std::size_t, std::size_t)>& step) {
  const std::function<std::int64_t(std::size_t, std::size_t)> from = [&](std::size_t layer, std::size_t before) -> std::int64_t {
    if (layer == layers) return 0;
    std::int64_t best = kNever;
    for (std::size_t s = 0; s < states; ++s) {
      const std::int64_t own = step(layer, before, s);
      if (own < kNever) best = std::min(best, own + from(layer + 1, s));
    }
    return best;
  };
  return from(0, 0);
}

}  // namespace

ChainProgram random_chain(SplitMix64& random, std::size_t layers, std::size_t groups, std::size_t width) {
  ChainProgram program;
  program.reset(layers, groups, width);
  const std::size_t states = program.states();
  program.node = random_nodes(random, layers, states, groups * width);
  for (std::int64_t& wake : program.wake) wake = cost(random, 300);
  for (std::int64_t& carry : program.carry) carry = cost(random, 300);
  program.change_max = 600;
  return program;
}

CountProgram random_count(SplitMix64& random, std::size_t layers, std::size_t groups, std::size_t width) {
  CountProgram program;
  program.layers = layers;
  program.groups = groups;
  program.width = width;
  program.cluster_wake = cost(random, 200);
  program.core_wake = cost(random, 100);
  program.node = random_nodes(random, layers, groups * width, groups * width);
  for (std::size_t v = 0; v + 1 < layers; ++v) program.change.push_back(cost(random, 100));
  return program;
}

DagProgram random_dag(SplitMix64& random, std::size_t layers, std::size_t states, std::size_t reach) {
  DagProgram program;
  for (std::size_t v = 0; v < layers; ++v) {
    DagProgram::Layer& layer = program.layers.emplace_back();
    const std::size_t own = 1 + below(random, states);
    for (std::size_t s = 0; s < own; ++s) layer.node.push_back(cost(random, 1000));
    for (std::size_t u = v > reach ? v - reach : 0; u < v; ++u) {
      if (u + 1 != v && below(random, 3) != 0) continue;
      DagProgram::Edge& edge = layer.edges.emplace_back();
      edge.from = u;
      for (std::size_t i = 0; i < program.layers[u].node.size() * own; ++i) edge.cost.push_back(cost(random, 500));
    }
  }
  return program;
}

std::vector<std::int64_t> random_graph(SplitMix64& random, std::size_t n) {
  std::vector<std::int64_t> graph(n * n, kNever);
  for (std::size_t z = 0; z < n; ++z) {
    for (std::size_t y = 0; y < n; ++y) {
      if (z == y || below(random, 4) != 0) graph[z * n + y] = cost(random, 1000);
    }
  }
  return graph;
}

std::int64_t cheapest_of_all(const ChainProgram& program) {
  return least(program.layers, program.states(), [&](std::size_t layer, std::size_t before, std::size_t s) {
    const std::int64_t node = program.node[layer * program.states() + s];
    return layer == 0 || node >= kNever ? node : node + program.edge(layer - 1, before, s);
  });
}

std::int64_t cheapest_of_all(const CountProgram& program) {
  return least(program.layers, program.states(), [&](std::size_t layer, std::size_t before, std::size_t s) {
    const std::int64_t node = program.node[layer * program.states() + s];
    return layer == 0 || node >= kNever ? node : node + program.edge(layer - 1, before, s);
  });
}

std::int64_t cost_of(const DagProgram& program, const std::vector<std::size_t>& states) {
  std::int64_t sum = 0;
  for (std::size_t v = 0; v < states.size(); ++v) {
    const DagProgram::Layer& layer = program.layers[v];
    sum += layer.node[states[v]];
    for (const DagProgram::Edge& edge : layer.edges) sum += edge.cost[states[edge.from] * layer.node.size() + states[v]];
  }
  return sum;
}

std::int64_t cheapest_of_all(const DagProgram& program) {
  std::vector<std::size_t> states(program.layers.size(), 0);
  std::int64_t best = kNever;
  for (;;) {
    best = std::min(best, cost_of(program, states));
    std::size_t v = 0;
    while (v < states.size() && ++states[v] == program.layers[v].node.size()) states[v++] = 0;
    if (v == states.size()) return best;
  }
}

bool is_minimum_mean(const std::vector<std::int64_t>& graph, std::size_t n, std::int64_t cost, std::int64_t length) {
  bool attained = false;
  bool beaten = false;
  std::vector<char> used(n, 0);
  const std::function<void(std::size_t, std::size_t, std::int64_t, std::int64_t)> walk = [&](std::size_t start, std::size_t at,
                                                                                             std::int64_t sum, std::int64_t edges) {
    for (std::size_t y = start; y < n; ++y) {
      const std::int64_t edge = graph[at * n + y];
      if (edge >= kNever) continue;
      if (y == start) {
        attained |= (sum + edge) * length == cost * (edges + 1);
        beaten |= (sum + edge) * length < cost * (edges + 1);
      } else if (used[y] == 0) {
        used[y] = 1;
        walk(start, y, sum + edge, edges + 1);
        used[y] = 0;
      }
    }
  };
  for (std::size_t start = 0; start < n; ++start) walk(start, start, 0, 0);
  return attained && !beaten;
}

}  // namespace gatefold::test
