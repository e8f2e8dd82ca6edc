// What a whole request costs under an assignment while the chip is as the profile says: EQ-29, for slowed clusters the leakage
// of the time that their layers take longer, and what the clusters in use cost between their uses, the gap to the next request included,
// where the rate of requests is known. What re-plans weigh, and what the saving guard compares.
#pragma once

#include "gatefold/device/profile.h"
#include "gatefold/remap/policy.h"

namespace gatefold {

struct RequestPrice {
  EnergyTotal energy;
  Cycles cycles;        ///< of all layers, one after the other
  bool usable = false;  ///< no layer's home is occupied or failed
};

[[nodiscard]] RequestPrice price_request(const Situation& situation, const Assignment& assignment);

/// The part of it that depends on where `layer` is, and gaps of clusters that do not.
[[nodiscard]] EnergyTotal price_layer(const Situation& situation, const Assignment& assignment, LayerId layer);

/// Cycles of one execution of a layer at its place in `assignment`.
[[nodiscard]] Cycles cycles_of(const Situation& situation, const Assignment& assignment, LayerId layer);

/// EQ-25 + EQ-26: what a shift of `layer` takes, whoever decides it, and the uncore parts that a load from outside needs.
[[nodiscard]] EnergyTotal price_shift(const OptionTable& table, LayerId layer, const Placement& from, const Placement& to);

}  // namespace gatefold
