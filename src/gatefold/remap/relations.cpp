#include "gatefold/remap/relations.h"

#include <algorithm>

#include "gatefold/device/chip.h"

namespace gatefold {

std::vector<Relation> relations_of(const OptionTable& table) {
  const LayerGraph& graph = table.graph();
  std::vector<Relation> relations;
  for (std::size_t v = 1; v < graph.layers.size(); ++v) relations.push_back({Relation::Kind::kWake, v - 1, v, Bytes(0)});
  for (std::size_t t = 0; t < graph.activations.size(); ++t) {
    const Activation& activation = graph.activations[t];
    std::optional<std::size_t> at;
    if (activation.producer) at = activation.producer->at();
    bool steerable = true;
    for (const LayerId reader : activation.consumers) {
      const Relation::Kind kind = steerable ? Relation::Kind::kWires : Relation::Kind::kTransfer;
      if (at) relations.push_back({kind, *at, reader.at(), table.tensor_bytes(TensorId(t))});
      at = reader.at();
      steerable = false;
    }
  }
  std::stable_sort(relations.begin(), relations.end(),
                   [](const Relation& a, const Relation& b) { return a.to != b.to ? a.to < b.to : a.from < b.from; });
  return relations;
}

bool is_chain(const std::vector<Relation>& relations) {
  return std::all_of(relations.begin(), relations.end(),
                     [](const Relation& r) { return r.from + 1 == r.to && r.kind != Relation::Kind::kTransfer; });
}

LeastWires least_wires(Bytes bytes, std::int32_t from_clusters, std::int32_t to_clusters) {
  const std::int64_t total = bytes.count();
  const std::int32_t lowest = std::min(0, from_clusters - to_clusters);
  if (total == 0) return {0, lowest, std::max(0, from_clusters - to_clusters)};
  // How many bytes have which difference between their places in the two runs; all lie within lowest .. highest.
  std::vector<std::int64_t> weights(static_cast<std::size_t>(std::abs(from_clusters - to_clusters)) + 1, 0);
  std::int64_t position = 0;
  std::int32_t from = 0;
  std::int32_t to = 0;
  while (position < total) {
    const std::int64_t from_end = (total * (from + 1)) / from_clusters;
    const std::int64_t to_end = (total * (to + 1)) / to_clusters;
    const std::int64_t end = std::min(from_end, to_end);
    if (end > position) weights[static_cast<std::size_t>(from - to - lowest)] += end - position;
    position = end;
    if (from_end == end && from + 1 < from_clusters) ++from;
    if (to_end == end && to + 1 < to_clusters) ++to;
  }
  // Weighted medians of the differences are the best offsets.
  LeastWires least;
  std::int64_t below = 0;
  bool begun = false;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    below += weights[i];
    least.offset_max = lowest + static_cast<std::int32_t>(i);
    if (!begun && 2 * below >= total) {
      begun = true;
      least.offset_min = least.offset_max;
    }
    if (2 * below > total) break;
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    least.byte_pitches += weights[i] * (std::abs(lowest + static_cast<std::int32_t>(i) - least.offset_min) + 1);
  }
  return least;
}

EnergyTotal relation_cost(const DeviceSpec& spec, const Relation& relation, const Placement& from, const Placement& to) {
  switch (relation.kind) {
    case Relation::Kind::kWake: return wake_energy(spec, from, to);
    case Relation::Kind::kWires: return wire_energy(spec, relation.bytes, from, to);
    case Relation::Kind::kTransfer: return same_cores(from, to) ? EnergyTotal() : transfer_energy(spec, relation.bytes, from, to);
  }
  GATEFOLD_REQUIRE(false);
}

EnergyTotal relation_cost_min(const DeviceSpec& spec, const Relation& relation, const Footprint& from, const Footprint& to) {
  if (relation.kind == Relation::Kind::kWake) return wake_energy(spec, placed_at(from, 0), placed_at(to, 0));
  const bool transfer = relation.kind == Relation::Kind::kTransfer;
  if (transfer && from.clusters == to.clusters && from.cores == to.cores) return EnergyTotal();
  const LeastWires least = least_wires(relation.bytes, static_cast<std::int32_t>(from.clusters), static_cast<std::int32_t>(to.clusters));
  const EnergyTotal wires = EnergyTotal::repeated(Energy(spec.wire_byte_pitch.count()), least.byte_pitches);
  return transfer ? wires + EnergyTotal::repeated(relation.bytes * spec.sram_byte, 2) : wires;
}

std::optional<Assignment> positions_of(const OptionTable& table, const std::vector<Relation>& relations,
                                       const std::vector<Footprint>& shapes) {
  // Difference constraints offset_min <= first[to] - first[from] <= offset_max; the least solution from 0 up.
  std::vector<std::int32_t> first(shapes.size(), 0);
  const std::int32_t clusters = table.spec().cluster_count;
  bool raised = true;
  while (raised) {
    raised = false;
    const auto raise = [&](std::size_t layer, std::int32_t to) {
      if (first[layer] >= to) return true;
      first[layer] = to;
      raised = true;
      return to + static_cast<std::int32_t>(shapes[layer].clusters) <= clusters;
    };
    for (const Relation& relation : relations) {
      const auto from = static_cast<std::int32_t>(shapes[relation.from].clusters);
      const auto to = static_cast<std::int32_t>(shapes[relation.to].clusters);
      // A wake has no bytes: anywhere inside each other. A transfer between equal shapes is free only in the same place.
      const LeastWires least = least_wires(relation.bytes, from, to);
      if (!raise(relation.to, first[relation.from] + least.offset_min)) return std::nullopt;
      if (!raise(relation.from, first[relation.to] - least.offset_max)) return std::nullopt;
    }
  }
  Assignment assignment;
  for (std::size_t v = 0; v < shapes.size(); ++v) assignment.push_back(placed_at(shapes[v], first[v]));
  return assignment;
}

}  // namespace gatefold
