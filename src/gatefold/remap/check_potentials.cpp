// Every edge: cost + potential after >= potential before. Summed along any plan that says: it costs at least the bound. And
// every potential is reached by some edge, so that none can be changed unnoticed.
#include <fmt/format.h>

#include "gatefold/remap/check_edges.h"

namespace gatefold {
namespace {

using Least = std::optional<EnergyTotal>;

std::string below(const std::string& edge, EnergyTotal cost, EnergyTotal potential) {
  return fmt::format("edge {} is violated: {} fJ, which is below the potential {} fJ", edge, cost.femtojoules(), potential.femtojoules());
}
std::string unreached(const std::string& state, EnergyTotal potential) {
  return fmt::format("no edge at {} reaches its potential {} fJ", state, potential.femtojoules());
}

/// From every option of a layer to every option of the next; from the last to the next request's first, or to the end.
std::string check_to_go(const Certificate& c, CheckedEdges& edges, std::size_t v) {
  const std::size_t next = (v + 1) % c.layers.size();
  const bool ends = next == 0 && !c.mean;
  for (std::size_t o = 0; o < c.options[v].size(); ++o) {
    Least least;
    for (std::size_t p = 0; p < (ends ? 1 : c.options[next].size()); ++p) {
      const Footprint a = edges.shape(v, o);
      const Footprint b = edges.shape(next, p);
      EnergyTotal cost = edges.node(v, o);
      if (!ends) cost += c.proof.to_go[next][p];
      if (next != 0) cost += edges.between(v, next, placed_at(a, 0), placed_at(b, 0), true, false);
      else if (c.mean) cost += edges.closing(a, b) - *c.mean;
      if (cost < c.proof.to_go[v][o]) return below(edges.name(v, o) + " -> " + edges.name(next, p), cost, c.proof.to_go[v][o]);
      least = std::min(cost, least.value_or(cost));
    }
    if (c.proof.tight && *least != c.proof.to_go[v][o]) return unreached(edges.name(v, o), c.proof.to_go[v][o]);
  }
  return "";
}

/// The same from the front, and that only options that no plan below the bound can use have no candidates.
std::string check_to_come(const Certificate& c, CheckedEdges& edges, std::size_t v, std::int64_t clusters) {
  for (std::size_t o = 0; o < c.options[v].size(); ++o) {
    const EnergyTotal come = c.proof.to_come[v][o];
    Least least;
    for (std::size_t p = 0; p < (v == 0 ? 1 : c.options[v - 1].size()); ++p) {
      EnergyTotal cost = edges.node(v, o);
      if (v > 0) cost += c.proof.to_come[v - 1][p];
      if (v > 0) cost += edges.between(v - 1, v, placed_at(edges.shape(v - 1, p), 0), placed_at(edges.shape(v, o), 0), true, false);
      if (cost < come) return below(v > 0 ? edges.name(v - 1, p) + " -> " + edges.name(v, o) : edges.name(v, o), cost, come);
      least = std::min(cost, least.value_or(cost));
    }
    if (c.proof.tight && *least != come) return unreached(edges.name(v, o), come);
    std::int64_t positions = 0;
    for (const Candidate& k : c.proof.candidates[v]) {
      if (static_cast<std::size_t>(k.option) != o) continue;
      positions += k.first < 0 ? clusters : k.first + edges.shape(v, o).clusters <= clusters;
    }
    const bool complete = positions + edges.shape(v, o).clusters > clusters;
    const EnergyTotal through = come + c.proof.to_go[v][o] - edges.node(v, o);
    if (!complete && through < c.proof.cuts[0].potentials[0]) return edges.name(v, o) + " is left out, but may be part of a cheaper plan";
  }
  return "";
}

/// From every combination of a cut's candidates and every candidate of the layer to the next cut.
std::string check_cut(const Certificate& c, CheckedEdges& edges, std::size_t v) {
  const Proof::Cut& before = c.proof.cuts[v];
  const std::vector<Candidate>& own = c.proof.candidates[v];
  const auto costs = edges.from_cut(v);  // [layer of the cut][its candidate, candidate of v]
  for (std::size_t entry = 0; entry < before.potentials.size(); ++entry) {
    const std::vector<std::size_t> taken = edges.candidates_of(v, entry);  // by the layers of the cut
    Least least;
    for (std::size_t z = 0; z < own.size(); ++z) {
      EnergyTotal cost = edges.node(v, static_cast<std::size_t>(own[z].option));
      for (std::size_t m = 0; m < taken.size(); ++m) cost += costs[m][taken[m] * own.size() + z];
      if (v + 1 < c.layers.size()) cost += c.proof.cuts[v + 1].potentials[edges.entry_after(v, taken, z)];
      if (cost < before.potentials[entry]) {
        const std::string state = edges.name(v, static_cast<std::size_t>(own[z].option));
        return below(fmt::format("cut entry {} -> {}", entry, state), cost, before.potentials[entry]);
      }
      least = std::min(cost, least.value_or(cost));
    }
    if (*least != before.potentials[entry]) return unreached(fmt::format("entry {} of '{}'", entry, c.layers[v]), before.potentials[entry]);
  }
  return "";
}

}  // namespace

std::string check_potentials(const Certificate& c, CheckedEdges& edges, std::int64_t clusters) {
  std::string fault;
  for (std::size_t v = 0; v < c.layers.size() && fault.empty(); ++v) {
    fault = check_to_go(c, edges, v);
    if (fault.empty() && !c.proof.cuts.empty()) fault = check_to_come(c, edges, v, clusters);
    if (fault.empty() && !c.proof.cuts.empty()) fault = check_cut(c, edges, v);
  }
  return fault;
}

}  // namespace gatefold
