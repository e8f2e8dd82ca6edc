// What a whole request costs under an assignment while the chip is as the profile says: EQ-29, for slowed clusters the leakage
// of the time that their layers take longer, and what the clusters in use cost between their uses, the gap to the next request included,
// where the rate of requests is known. What re-plans weigh, and what the saving guard compares.
#pragma once

#include <algorithm>
#include <optional>

#include "gatefold/device/profile.h"
#include "gatefold/remap/policy.h"

namespace gatefold {

struct RequestPrice {
  EnergyTotal energy;
  Cycles cycles;        ///< of all layers, one after the other
  bool usable = false;  ///< no layer's home is occupied or failed
};

[[nodiscard]] RequestPrice price_request(const Situation& situation, const Assignment& assignment);

/// Cycles of one execution of a layer at a place.
[[nodiscard]] Cycles cycles_in(const Situation& situation, LayerId layer, const Placement& placement);

/// EQ-25 + EQ-26: what a shift of `layer` takes, whoever decides it, and the uncore parts that a load from outside needs.
[[nodiscard]] EnergyTotal price_shift(const OptionTable& table, LayerId layer, const Placement& from, const Placement& to);

/// Leakage of the time by which a throttled home makes the layer slower.
[[nodiscard]] EnergyTotal price_slowness(const Situation& situation, const Placement& home, LayerId layer);

/// What a request costs more in a stream of them than by itself: the gaps between the uses of each cluster, less the wakes that EQ-27
/// charges for them - it knows neither what lies between requests nor that short gaps cost less than a wake - and the time of uncore parts.
/// Nothing where the rate of requests is not known, or something is spilled: nothing moves for gain there.
class StreamGaps {
 public:
  explicit StreamGaps(const Situation& situation);
  [[nodiscard]] bool known() const { return period_.has_value(); }
  /// Between two uses of a cluster.
  [[nodiscard]] EnergyTotal between(Cycles gap) const { return of(spec_->cluster, gap) - wake_; }
  /// From the last use of a request to the first of the next. `woken`: EQ-27 charges that first use.
  [[nodiscard]] EnergyTotal around(Cycles span, bool woken) const {
    return of(spec_->cluster, std::max(Cycles(0), *period_ - span)) - (woken ? wake_ : EnergyTotal());
  }
  /// What the time of a request costs in a stream of them, less what EQ-36 charges for it: floor and uncore run between requests, too,
  /// if gaps are too short for them to be gated. Negative.
  [[nodiscard]] EnergyTotal time_correction(Cycles cycles) const;

 private:
  /// What an element costs over a gap beyond its leakage when gated: its clock stopped, or gated and woken (EQ-32).
  static EnergyTotal of(const GateSpec& gate, Cycles gap) {
    const EnergyTotal stays = EnergyTotal::over(gate.on - gate.clock - gate.gated, gap);
    return gap < gate.wake_latency ? stays : std::min(stays, EnergyTotal(gate.wake_energy));
  }

  const DeviceSpec* spec_;
  EnergyPerCycle always_;
  EnergyTotal wake_;
  std::optional<Cycles> period_;
};

}  // namespace gatefold
