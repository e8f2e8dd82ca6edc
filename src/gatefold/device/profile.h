// The Hardware Profiling Module of the seed: what the chip could do now, granular and continuous.
//
// Capacity is reported in dot products per cycle, per core and per cluster, not as a busy flag: *free* (could start now:
// not occupied, not failed, after throttling), *idle* (powered and unused). The version number grows whenever a condition changes
// (an element occupied, released, throttled, failed, recovered): a policy that saw this version before need not look again.
// Utilisation is measured over a sliding window, between layer boundaries too.
#pragma once

#include <cstdint>
#include <vector>

#include "gatefold/base/id.h"
#include "gatefold/device/crossbar.h"
#include "gatefold/device/gating.h"
#include "gatefold/device/memory.h"
#include "gatefold/device/spec.h"

namespace gatefold {

/// What is true of a cluster from `since` on.
struct Condition {
  Cycles since;
  bool occupied = false;           ///< another tenant has the cores and segments
  std::int32_t percent = 100;      ///< speed
  std::uint16_t failed_cores = 0;  ///< bit i: core i executes nothing
};

class Profile {
 public:
  Profile(const DeviceSpec& spec, const Crossbar& crossbar, const Gating& gating, const Memory& memory);

  /// Grows with every change of a condition that has happened by `now`.
  [[nodiscard]] std::uint64_t version(Cycles now) const;

  /// The condition of a cluster at `now`.
  [[nodiscard]] const Condition& condition(ClusterId cluster, Cycles now) const;
  /// True if none of its clusters is occupied and none of its cores failed.
  [[nodiscard]] bool available(const Placement& placement, Cycles now) const;
  /// Bit i: core i failed in one of the clusters of the placement's run.
  [[nodiscard]] std::uint16_t failed_cores(const Placement& placement, Cycles now) const;
  /// Speed of the slowest cluster of the placement, in percent.
  [[nodiscard]] std::int32_t percent(const Placement& placement, Cycles now) const;

  /// Dot products per cycle that a layer could start to use on the core at `now`: 0 if it is busy, occupied or failed.
  [[nodiscard]] std::int64_t free_dot_products(CoreId core, Cycles now) const;
  [[nodiscard]] std::int64_t free_dot_products(ClusterId cluster, Cycles now) const;
  /// Dot products per cycle that are powered and unused at `now`.
  [[nodiscard]] std::int64_t idle_dot_products(CoreId core, Cycles now) const;
  [[nodiscard]] const Memory& memory() const { return *memory_; }

  /// Useful dot products of a core per offered ones, over the last one to two windows before `now`.
  [[nodiscard]] double utilisation(CoreId core, Cycles now) const;

  // ---- kept current by the chip ----
  /// A condition that begins at `condition.since`. Requires: no earlier than the last one of that cluster.
  void set_condition(ClusterId cluster, const Condition& condition);
  /// `useful` dot products were executed by the core over [from, until).
  void record(CoreId core, DotProducts useful, Cycles until);

 private:
  struct Window {
    std::int64_t index = 0;    ///< which window `current` counts
    std::int64_t current = 0;  ///< useful dot products
    std::int64_t previous = 0;
  };

  std::int32_t cores_per_cluster_;
  std::int64_t per_cycle_;
  Cycles window_;
  const Crossbar* crossbar_;
  const Gating* gating_;
  const Memory* memory_;
  std::vector<std::vector<Condition>> conditions_;  ///< per cluster, ascending in `since`; the first is the boot state
  std::vector<Cycles> changes_;                     ///< ascending
  std::vector<Window> windows_;
};

}  // namespace gatefold
