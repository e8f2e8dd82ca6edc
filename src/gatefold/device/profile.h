// The Hardware Profiling Module of the seed: what the chip could do now, granular and continuous.
//
// Capacity is reported in dot products per cycle, per core and per cluster, not as a busy flag: *free* (could start now:
// not occupied, not failed, after throttling), *idle* (powered and unused). The version number grows whenever a condition changes
// (an element occupied, released, throttled, failed, recovered): a policy that saw this version before need not look again.
// Utilisation, and what zeros left unused, are measured over a sliding window, between layer boundaries too. Changes can be
// recorded as deltas, each with its version and time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "gatefold/base/id.h"
#include "gatefold/device/crossbar.h"
#include "gatefold/device/free_runs.h"
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

/// One change of the profile, as a recording keeps it. Replayed in order into a fresh profile of the same chip, the deltas
/// make it answer as the recorded one did.
struct ProfileDelta {
  std::uint64_t version = 0;  ///< of the conditions that hold at `at`
  Cycles at;                  ///< when the condition begins, or the use ends
  /// Exactly one of the two.
  struct Change {
    ClusterId cluster{0};
    Condition condition;
  };
  struct Use {
    Placement placement;
    DotProducts useful;
    DotProducts skipped;
  };
  std::optional<Change> change;
  std::optional<Use> use;
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
  /// True if a core fails in any condition that was set.
  [[nodiscard]] bool cores_fail() const { return cores_fail_; }
  /// Speed of the slowest cluster of the placement, in percent.
  [[nodiscard]] std::int32_t percent(const Placement& placement, Cycles now) const;

  /// Runs of clusters of one speed that are not occupied and have a core that works, as of the last `advance`. Which cores work
  /// is not in the index: ask `available` about a placement there.
  [[nodiscard]] const FreeRuns& runs() const { return runs_; }

  /// Dot products per cycle that a layer could start to use on the core at `now`: 0 if it is busy, occupied or failed.
  [[nodiscard]] std::int64_t free_dot_products(CoreId core, Cycles now) const;
  [[nodiscard]] std::int64_t free_dot_products(ClusterId cluster, Cycles now) const;
  /// Dot products per cycle that are powered and unused at `now`.
  [[nodiscard]] std::int64_t idle_dot_products(CoreId core, Cycles now) const;
  [[nodiscard]] const Memory& memory() const { return *memory_; }

  /// Useful dot products of a core per offered ones, over the last one to two windows before `now`.
  [[nodiscard]] double utilisation(CoreId core, Cycles now) const;
  /// Dot products per cycle that a core did not have to issue because their inputs were zero, over the same time.
  [[nodiscard]] double freed_dot_products(CoreId core, Cycles now) const;
  /// By ElementClass: how long elements were idle between uses, and how often they were woken.
  [[nodiscard]] const std::array<IdleTimes, kElementClassCount>& idle_times() const { return gating_->idle_times(); }

  /// Every change from now on is kept in `deltas()`.
  void start_recording() { recording_ = true; }
  [[nodiscard]] const std::vector<ProfileDelta>& deltas() const { return deltas_; }
  /// Applies a recorded change.
  void apply(const ProfileDelta& delta);

  // ---- kept current by the chip ----
  /// A condition that begins at `condition.since`. Requires: no earlier than the last one of that cluster.
  void set_condition(ClusterId cluster, const Condition& condition);
  /// Brings the index of runs up to `now`: every condition that has begun by then. Never goes back.
  void advance(Cycles now);
  /// The cores of a placement executed `useful` dot products until `until`, in equal shares but for one, and did not issue
  /// `skipped` more.
  void record(const Placement& placement, DotProducts useful, DotProducts skipped, Cycles until);

 private:
  struct Window {
    std::int64_t index = 0;                         ///< which window `current` counts
    DotProducts current, previous;                  ///< useful
    DotProducts skipped_current, skipped_previous;  ///< not issued
  };
  void record(CoreId core, DotProducts useful, DotProducts skipped, Cycles until);
  /// Of the window in progress at `now` and the one before: `count` of dot products per cycle.
  [[nodiscard]] double per_cycle(CoreId core, Cycles now, DotProducts Window::*current, DotProducts Window::*previous) const;

  std::int32_t cores_per_cluster_;
  std::int64_t offered_;  ///< dot products per cycle and core
  Cycles window_;
  const Crossbar* crossbar_;
  const Gating* gating_;
  const Memory* memory_;
  std::vector<std::vector<Condition>> conditions_;  ///< per cluster, ascending in `since`; the first is the boot state
  struct Change {
    Cycles at;
    ClusterId cluster{0};
  };
  std::vector<Change> changes_;  ///< of conditions, ascending
  std::size_t advanced_ = 0;     ///< how many of them the index of runs knows
  FreeRuns runs_;
  bool cores_fail_ = false;
  std::vector<Window> windows_;
  bool recording_ = false;
  std::vector<ProfileDelta> deltas_;
};

}  // namespace gatefold
