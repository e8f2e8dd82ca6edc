// Where networks lie before the first request: all on the whole chip, one beside the other, or each in clusters of its own.
//
// Both are priced at the nominal rates, per second: what requests cost by EQ-29, and for networks that find no room the weights that come
// and go. The whole chip is taken unless the best partition costs less. Clusters are alike, so a partition is how many each network
// gets, in at most kPartitionUnits equal units (more where there are more networks); of all of those the cheapest is found by a dynamic
// program over the networks.
#pragma once

#include <optional>
#include <vector>

#include "gatefold/runtime/play_lane.h"

namespace gatefold {

inline constexpr std::int32_t kPartitionUnits = 8;

struct Partition {
  std::vector<FittedPlan> plans;  ///< in the order in which the networks were given
  double watts = 0;               ///< at the nominal rates
};

/// Joules per second of a network's requests under a plan.
[[nodiscard]] double nominal_watts(const Lane& lane, const FittedPlan& plan);
/// The same of a network that has to be loaded for every request.
[[nodiscard]] double nominal_watts_outside(const Lane& lane);
/// No placement of these networks costs less: each has the chip to itself.
[[nodiscard]] double least_watts(const std::vector<Lane*>& lanes);

/// The cheapest partition; nullopt: there are fewer than two networks, or too many, or one does not fit its clusters.
[[nodiscard]] std::optional<Partition> best_partition(const std::vector<Lane*>& lanes);

}  // namespace gatefold
