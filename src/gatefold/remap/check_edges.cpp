#include "gatefold/remap/check_edges.h"

#include <fmt/format.h>

#include "gatefold/device/chip.h"

namespace gatefold {

CheckedEdges::CheckedEdges(const OptionTable& table, const Certificate& certificate)
    : table_(&table), certificate_(&certificate), hops_(table.size()) {
  const bool streamed =
      std::any_of(certificate.plan.begin(), certificate.plan.end(), [](const Placement& placement) { return placement.streamed; });
  if (certificate.period) period_.emplace(table, *certificate.period, streamed);
  for (std::size_t i = 0; i < table.graph().activations.size(); ++i) {
    const Activation& tensor = table.graph().activations[i];
    std::optional<LayerId> at = tensor.producer;
    for (const LayerId reader : tensor.consumers) {
      if (at) hops_[reader.at()].push_back({at->at(), table.tensor_bytes(TensorId(i)), reader == tensor.consumers.front()});
      at = reader;
    }
  }
}

EnergyTotal CheckedEdges::node(std::size_t layer, std::size_t option) const {
  const Option& at = table_->layer(LayerId(layer)).options[option];
  return (period_ ? period_->node(LayerId(layer), at) : at.alone) + EnergyTotal::over(certificate_->time_price, at.cycles);
}

Energy CheckedEdges::wires(Bytes bytes, const Placement& a, const Placement& b, bool best_offset) {
  const std::int64_t offset = best_offset ? INT64_MAX : b.first - a.first;
  const auto [found, added] = wires_.try_emplace({bytes.count(), a.clusters, b.clusters, offset});
  if (!added) return found->second;
  found->second = wire_energy(table_->spec(), bytes, a, b);
  if (!best_offset) return found->second;
  const int longer = a.clusters - b.clusters;
  for (int d = std::min(0, longer); d <= std::max(0, longer); ++d) {
    const Bytes pitches(byte_pitches(bytes, 0, a.clusters, d, b.clusters));
    found->second = std::min(found->second, pitches * table_->spec().wire_byte_pitch);
  }
  return found->second;
}

EnergyTotal CheckedEdges::between(std::size_t from, std::size_t layer, const Placement& a, const Placement& b, bool best_offset,
                                  bool later) {
  EnergyTotal cost;
  if (from + 1 == layer) cost += wake_energy(table_->spec(), a, b);
  for (const Hop& hop : hops_[layer]) {
    if (hop.from != from) continue;
    if (hop.first) cost += wires(hop.bytes, a, b, best_offset);
    else if (later && !same_cores(a, b)) cost += wires(hop.bytes, a, b, best_offset) + hop.bytes * table_->spec().sram_byte * 2;
  }
  return cost;
}

EnergyTotal CheckedEdges::closing(const Footprint& last, const Footprint& first) const {
  const Placement next = placed_at(first, 0);
  const std::int32_t held = period_->elements_gated() ? next.last() + 1 : 0;  // elsewhere: nothing is held
  return wake_energy(table_->spec(), placed_at(last, held), next);
}

std::vector<std::vector<EnergyTotal>> CheckedEdges::from_cut(std::size_t layer) {
  const std::vector<std::vector<Candidate>>& candidates = certificate_->proof.candidates;
  const auto placed = [&](std::size_t of, const Candidate& candidate) {
    return placed_at(shape(of, static_cast<std::size_t>(candidate.option)), std::max(0, candidate.first));
  };
  std::vector<std::vector<EnergyTotal>> costs;
  for (const std::size_t from : certificate_->proof.cuts[layer].layers) {
    std::vector<EnergyTotal>& table = costs.emplace_back();
    for (const Candidate& a : candidates[from]) {
      for (const Candidate& b : candidates[layer]) {
        table.push_back(between(from, layer, placed(from, a), placed(layer, b), a.first < 0 || b.first < 0, true));
      }
    }
  }
  return costs;
}

std::vector<std::size_t> CheckedEdges::candidates_of(std::size_t layer, std::size_t entry) const {
  const std::vector<std::size_t>& members = certificate_->proof.cuts[layer].layers;
  std::vector<std::size_t> taken(members.size());
  for (std::size_t m = members.size(); m-- > 0;) {
    const std::size_t count = certificate_->proof.candidates[members[m]].size();
    taken[m] = entry % count;
    entry /= count;
  }
  return taken;
}

std::size_t CheckedEdges::entry_after(std::size_t layer, const std::vector<std::size_t>& taken, std::size_t own) const {
  const Proof& proof = certificate_->proof;
  const std::vector<std::size_t>& before = proof.cuts[layer].layers;
  std::size_t entry = 0;
  for (const std::size_t member : proof.cuts[layer + 1].layers) {
    const auto found = std::find(before.begin(), before.end(), member);
    entry = entry * proof.candidates[member].size() + (member == layer ? own : taken[static_cast<std::size_t>(found - before.begin())]);
  }
  return entry;
}

bool CheckedEdges::related(std::size_t from, std::size_t layer) const {
  return from + 1 == layer || std::any_of(hops_[layer].begin(), hops_[layer].end(), [&](const Hop& hop) { return hop.from == from; });
}

std::string CheckedEdges::name(std::size_t layer, std::size_t option) const {
  const Footprint at = shape(layer, option);
  return fmt::format("'{}' option {} ({} x {})", certificate_->layers[layer], option, at.clusters, at.cores);
}

}  // namespace gatefold
