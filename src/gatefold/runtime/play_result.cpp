// The end of a played scenario: everything is settled, the ledger's tables must agree, and figures are made.
#include <algorithm>

#include "gatefold/runtime/play_engine.h"

namespace gatefold {
namespace {

EnergyTotal sum_of(const PartSums& parts) {
  EnergyTotal sum;
  for (const EnergyTotal& part : parts) sum += part;
  return sum;
}

Qos qos_of(const std::vector<StreamResult>& streams) {
  Qos qos;
  std::int64_t requests = 0;
  std::int64_t met = 0;
  std::int64_t programs = 0;
  double least = 0;
  double most = 0;
  for (const StreamResult& stream : streams) {
    requests += stream.requests;
    met += stream.met;
    if (stream.completed == 0) continue;
    const double slowdown = stream.slowdown_sum / static_cast<double>(stream.completed);
    const double progress = slowdown > 0 ? 1 / slowdown : 1;
    qos.stp += progress;
    qos.antt += slowdown;
    least = programs == 0 ? progress : std::min(least, progress);
    most = std::max(most, progress);
    ++programs;
  }
  if (requests > 0) qos.met = static_cast<double>(met) / static_cast<double>(requests);
  if (programs > 0) qos.antt /= static_cast<double>(programs);
  if (most > 0) qos.fairness = least / most;
  return qos;
}

}  // namespace

PlayResult PlayEngine::finish() {
  Chip& chip = shared_->chip();
  const Cycles horizon = std::max({now_, cycles(scenario_.duration_ps), chip.gating().held_until()});
  cap_.close(horizon);
  chip.gating().settle(horizon);
  const DeviceSpec& spec = chip.spec();
  const Ledger& ledger = chip.ledger();
  PlayResult& result = result_;
  result.policy = options_.policy;
  result.seed = options_.seed;
  result.horizon = horizon;
  result.clock_hz = spec.clock_hz;
  result.energy = energy_parts(ledger);
  const auto accounts = ledger.by_account();
  if (!accounts.empty()) result.energy_between = sum_of(accounts[Ledger::kNobody]);
  for (const auto& lane : lanes_) {
    const RunResult& counted = lane->session->counted();
    result.stall += counted.stall;
    result.stalls += counted.stalls;
    result.misgates += counted.misgates;
    result.shifts_voluntary += counted.shifts_voluntary;
    result.shifts_forced += counted.shifts_forced;
    result.shifts_refused += counted.shifts_refused;
    result.shift_bytes += counted.shift_bytes;
    result.shift_energy += counted.shift_energy;
    result.interrupted += counted.interrupted;
    result.recomputed += counted.recomputed;
    result.reloaded += counted.reloaded;
    result.recoveries += counted.recoveries;
    result.executions += lane->session->executions();
    EnergyTotal of_network;
    const auto first = static_cast<std::size_t>(lane->session->first_account());
    for (std::size_t a = first; a < first + lane->prepared->table().size() && a < accounts.size(); ++a) of_network += sum_of(accounts[a]);
    std::int64_t requests = 0;
    for (std::size_t s = 0; s < scenario_.streams.size(); ++s) {
      if (scenario_.streams[s].network == lane->network) requests += result.streams[s].requests;
    }
    for (std::size_t s = 0; s < scenario_.streams.size(); ++s) {
      if (scenario_.streams[s].network != lane->network || requests == 0) continue;
      result.streams[s].energy = EnergyTotal::of_attojoules(of_network.attojoules() * result.streams[s].requests / requests);
    }
  }
  result.bound = energy_bound(spec, bounds_, cycles(scenario_.duration_ps));
  result.qos = qos_of(result.streams);
  result.cluster_count = spec.cluster_count;
  const auto on = static_cast<double>(chip.gating().cluster_on().count());
  result.mean_active = on / static_cast<double>(std::max<std::int64_t>(1, horizon.count()));
  result.active_cluster_seconds = on / static_cast<double>(spec.clock_hz);
  result.wakes = chip.gating().wakes();
  double total = 0;
  const auto& residency = chip.gating().residency().cycles;
  for (const Int128 share : residency) total += static_cast<double>(share);
  for (const PowerState state : kPowerStates) {
    result.residency.emplace_back(name(state), total > 0 ? static_cast<double>(residency[index(state)]) / total : 0);
  }
  result.loads = residency_->loads();
  result.evictions = residency_->evictions();
  result.faults = shared_->faults_passed();
  result.capped = cap_.capped();
  result.cap_violated = cap_.violated();
  result.cap_violated_most = cap_.violated_most();
  result.cap_layer_most = cap_.layer_most();
  return std::move(result_);
}

}  // namespace gatefold
