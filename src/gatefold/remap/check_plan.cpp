#include "gatefold/remap/check_plan.h"

#include <fmt/format.h>

#include "gatefold/remap/check_edges.h"

namespace gatefold {
namespace {

std::string check_options(const OptionTable& table, const Certificate& certificate, const CheckedEdges& edges) {
  if (certificate.layers.size() != table.size()) return fmt::format("found {} layers, want {}", certificate.layers.size(), table.size());
  for (std::size_t v = 0; v < table.size(); ++v) {
    const std::vector<Option>& options = table.layer(LayerId(v)).options;
    if (certificate.layers[v] != table.graph().layers[v].name) {
      return fmt::format("layer {}: found '{}', want '{}'", v, certificate.layers[v], table.graph().layers[v].name);
    }
    if (certificate.options[v].size() != options.size()) {
      return fmt::format("options of '{}': found {}, want {}", certificate.layers[v], certificate.options[v].size(), options.size());
    }
    for (std::size_t o = 0; o < options.size(); ++o) {
      const CertifiedOption& found = certificate.options[v][o];
      if (found.footprint == options[o].footprint && found.cycles == options[o].cycles && found.energy == options[o].alone) continue;
      return fmt::format("{}: found {} x {}, {} cycles, {} fJ; want {} cycles, {} fJ", edges.name(v, o), found.footprint.clusters,
                         found.footprint.cores, found.cycles.count(), found.energy.femtojoules(), options[o].cycles.count(),
                         options[o].alone.femtojoules());
    }
  }
  return "";
}

/// Every step of the plan, then what it costs in all.
std::string check_steps(const OptionTable& table, const Certificate& certificate, CheckedEdges& edges) {
  const DeviceSpec& spec = table.spec();
  for (std::size_t v = 0; v < table.size(); ++v) {
    const Placement& at = certificate.plan[v];
    const bool on_chip = at.last() < spec.cluster_count && at.core_mask >> spec.cores_per_cluster == 0;
    if (!on_chip || !table.has_option(LayerId(v), at))
      return fmt::format("plan: '{}' at {} is no option", certificate.layers[v], at.text());
    EnergyTotal cost = table.option(LayerId(v), at).alone;
    for (std::size_t u = 0; u < v; ++u) cost += edges.between(u, v, certificate.plan[u], at, false, true);
    if (cost == certificate.plan_costs[v]) continue;
    const std::string before = v == 0 ? "the start" : "'" + certificate.layers[v - 1] + "'";
    return fmt::format("plan: edge {} -> '{}' at {} is violated: found {} fJ, want {} fJ", before, certificate.layers[v], at.text(),
                       certificate.plan_costs[v].femtojoules(), cost.femtojoules());
  }
  const EnergyTotal energy = edges.period() ? edges.period()->energy(certificate.plan) : assignment_cost(table, certificate.plan);
  if (energy == certificate.energy) return "";
  return fmt::format("energy: found {} fJ, want {} fJ", certificate.energy.femtojoules(), energy.femtojoules());
}

/// Layers that a later one pays for are in every cut between the two.
std::string check_cuts_complete(const Certificate& certificate, const CheckedEdges& edges) {
  for (std::size_t v = 0; v < certificate.proof.cuts.size(); ++v) {
    const std::vector<std::size_t>& members = certificate.proof.cuts[v].layers;
    for (std::size_t u = 0; u < v; ++u) {
      if (!edges.related(u, v) || std::find(members.begin(), members.end(), u) != members.end()) continue;
      return fmt::format("cut before '{}': '{}' is missing", certificate.layers[v], certificate.layers[u]);
    }
  }
  return "";
}

/// The bound that the potentials prove, and what the certificate makes of it.
std::string check_bound(const OptionTable& table, const Certificate& certificate, const CheckedEdges& edges) {
  const Proof& proof = certificate.proof;
  EnergyTotal bound = *std::min_element(proof.to_go[0].begin(), proof.to_go[0].end());
  if (!proof.cuts.empty()) bound = proof.cuts[0].potentials[0];
  if (certificate.mean) bound = *certificate.mean + edges.period()->fixed();
  std::optional<Cycles> deadline = certificate.deadline ? certificate.deadline : certificate.period;
  if (certificate.period) deadline = std::min(*deadline, *certificate.period);
  if (deadline) bound = bound - EnergyTotal::over(certificate.time_price, *deadline);
  else if (certificate.time_price != EnergyPerCycle(0)) return "time_price: found one without a deadline";
  if (bound != certificate.bound)
    return fmt::format("bound: found {} fJ, want {} fJ", certificate.bound.femtojoules(), bound.femtojoules());
  Cycles latency;
  for (std::size_t v = 0; v < table.size(); ++v) latency += execution_cycles(table, LayerId(v), certificate.plan[v]);
  if (deadline && latency > *deadline) return fmt::format("plan: takes {} cycles, want at most {}", latency.count(), deadline->count());
  const bool claims_exact = !certificate.kind.ends_with("-relaxed");
  if (claims_exact == (certificate.energy == certificate.bound)) return "";
  return fmt::format("kind: found '{}' with a gap of {} fJ", certificate.kind, (certificate.energy - certificate.bound).femtojoules());
}

}  // namespace

Status check_plan(const OptionTable& table, const Certificate& certificate) {
  std::string fault = malformed(certificate);
  if (fault.empty()) {
    CheckedEdges edges(table, certificate);
    fault = check_options(table, certificate, edges);
    if (fault.empty()) fault = check_steps(table, certificate, edges);
    if (fault.empty()) fault = check_cuts_complete(certificate, edges);
    if (fault.empty()) fault = check_potentials(certificate, edges, table.spec().cluster_count);
    if (fault.empty()) fault = check_bound(table, certificate, edges);
  }
  if (fault.empty()) return Done{};
  return Error{ErrorCode::kInvalidInput, fault};
}

}  // namespace gatefold
