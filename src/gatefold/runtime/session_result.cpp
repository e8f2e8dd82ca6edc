// The part of the session that ends a run: everything is settled, the ledger's tables must agree, and figures are made.
#include <algorithm>
#include <span>

#include "gatefold/runtime/session.h"

namespace gatefold {
namespace {

EnergyTotal sum_of(std::span<const PartSums> rows) {
  EnergyTotal sum;
  for (const PartSums& row : rows) {
    for (const EnergyTotal& part : row) sum += part;
  }
  return sum;
}

}  // namespace

EnergyParts energy_parts(const Ledger& ledger) {
  EnergyParts parts{ledger.part(Part::kCompute),     ledger.part(Part::kMemory),    ledger.part(Part::kCrossbar),
                    ledger.part(Part::kExternal),    ledger.part(Part::kLeakageOn), ledger.part(Part::kLeakageGated),
                    ledger.part(Part::kTransitions), ledger.part(Part::kUncore),    ledger.part(Part::kFloor)};
  GATEFOLD_ENSURE(parts.total() == ledger.total());
  GATEFOLD_ENSURE(sum_of(ledger.by_account()) == ledger.total() && sum_of(ledger.by_cluster()) == ledger.total());
  return parts;
}

RunResult Session::finish(Cycles horizon) {
  horizon = std::max(horizon, chip_.gating().held_until());  // a move that a fault made useless may outlast the last request
  chip_.gating().settle(horizon);
  RunResult& result = result_;
  const DeviceSpec& spec = table_.spec();
  const Ledger& ledger = chip_.ledger();
  result.policy = options_.policy;
  result.horizon = horizon;
  result.clock_hz = spec.clock_hz;
  result.energy = energy_parts(ledger);
  const auto accounts = ledger.by_account();
  const auto clusters = ledger.by_cluster();
  result.energy_between = accounts[Ledger::kNobody];
  result.energy_clusters.assign(clusters.begin(), clusters.end());
  result.energy_clusters.resize(static_cast<std::size_t>(spec.cluster_count) + 1);
  result.idle_times = chip_.profile().idle_times();
  result.unknown_gaps = chip_.gating().unknown_gaps();
  result.profile = chip_.profile().deltas();
  result.cluster_count = spec.cluster_count;
  const auto cycles = static_cast<double>(std::max<std::int64_t>(1, horizon.count()));
  const auto cluster_on = static_cast<double>(chip_.gating().cluster_on().count());
  result.mean_active = cluster_on / cycles;
  result.active_cluster_seconds = cluster_on / static_cast<double>(spec.clock_hz);
  const double offered = static_cast<double>(chip_.gating().core_on().count()) * static_cast<double>(dot_products_per_cycle(spec));
  result.utilisation = offered > 0 ? static_cast<double>(useful_.count()) / offered : 0;
  for (std::size_t p = 0; p < result.phases.size(); ++p) {
    result.phases[p].begin = std::min(result.phases[p].begin, horizon);
    result.phases[p].end = std::min(result.phases[p].end, horizon);
    const PhaseTime& time = phase_times_[p];
    if (time.executing > Cycles(0)) {
      result.phases[p].mean_active = static_cast<double>(time.clusters.count()) / static_cast<double>(time.executing.count());
    }
  }
  result.wakes = chip_.gating().wakes();
  for (std::size_t v = 0; v < layers_.size(); ++v) {
    const Layer& layer = network_.graph().layers[v];
    const LayerState& state = layers_[v];
    const std::size_t account = static_cast<std::size_t>(first_account_) + v;
    result.layers.push_back({layer.name, std::string(name(layer.op)), state.home.text(), state.cycles, state.energy, state.shifts,
                             state.row_blocks, account < accounts.size() ? accounts[account] : PartSums{}, state.density, state.skipped});
  }
  for (std::size_t t = 0; t < spilling_.tensors.size(); ++t) {
    if (spilling_.tensors[t] != 0) result.spilled.push_back({network_.graph().activations[t].name, table_.tensor_bytes(TensorId(t))});
  }
  const auto& residency = chip_.gating().residency().cycles;
  double total = 0;
  for (const Int128 share : residency) total += static_cast<double>(share);
  for (const PowerState state : kPowerStates) {
    result.residency.emplace_back(name(state), total > 0 ? static_cast<double>(residency[index(state)]) / total : 0);
  }
  return std::move(result_);
}

}  // namespace gatefold
