// Which pairs of layers have a cost between them under EQ-29, and the least that cost can be whatever the positions.
//
// Clusters are alike, so what two placements cost each other depends on their shapes and on the *offset* between their
// runs. For every pair of shapes the offsets that make wires shortest lie where the shorter run is inside the longer one, and
// there the wakes are fewest as well (the lemma in docs/decision-problem.md). So shapes alone give a lower bound of every
// plan, and a plan whose offsets are all such ones reaches it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "gatefold/cost/objective.h"

namespace gatefold {

/// A cost that layer `to` pays for where the earlier layer `from` is.
struct Relation {
  enum class Kind : std::uint8_t {
    kWake,      ///< EQ-27: what `from`, the layer just before, does not hold
    kWires,     ///< EQ-17: `to` is the first to read an output of `from`
    kTransfer,  ///< EQ-23: `to` reads what `from` read last, unless both have the same cores
  };
  Kind kind = Kind::kWake;
  std::size_t from = 0;
  std::size_t to = 0;
  Bytes bytes;
};

/// All relations of EQ-29, by `to`, then `from`.
[[nodiscard]] std::vector<Relation> relations_of(const OptionTable& table);
/// True if every relation is between a layer and the next one, and none is a transfer.
[[nodiscard]] bool is_chain(const std::vector<Relation>& relations);

/// Byte-pitches (EQ-17) of the best offset between two runs, and which offsets (first of the one - first of the other) are best:
/// an interval, since the distances are convex in the offset.
struct LeastWires {
  std::int64_t byte_pitches = 0;
  std::int32_t offset_min = 0;
  std::int32_t offset_max = 0;
};
/// O(from + to). Requires: both positive.
[[nodiscard]] LeastWires least_wires(Bytes bytes, std::int32_t from_clusters, std::int32_t to_clusters);

/// The cost of a relation between two placements.
[[nodiscard]] EnergyTotal relation_cost(const DeviceSpec& spec, const Relation& relation, const Placement& from, const Placement& to);
/// The least that it can be for two shapes, over all positions and core masks.
[[nodiscard]] EnergyTotal relation_cost_min(const DeviceSpec& spec, const Relation& relation, const Footprint& from, const Footprint& to);

/// Positions at which every relation costs its least, as far left as possible; nullopt: there are none on this chip.
[[nodiscard]] std::optional<Assignment> positions_of(const OptionTable& table, const std::vector<Relation>& relations,
                                                     const std::vector<Footprint>& shapes);

}  // namespace gatefold
