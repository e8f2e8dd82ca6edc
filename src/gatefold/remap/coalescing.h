// Coalescing of wake-ups: a request that is not urgent waits for the next one, so that both share one wake of what they use.
//
// It pays where the wake that is saved exceeds what runs on meanwhile for nothing, and it may use only a part of the slack, so
// that a wrong expectation of the next arrival costs latency and never the deadline. What is expected is learned from the arrivals
// alone: a stream whose last intervals were alike will go on like that; any other is not waited for. Based on: the batching of
// deadlines in "race to idle" scheduling, and timer coalescing of operating systems.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "gatefold/base/quantity.h"
#include "gatefold/remap/gap_rules.h"

namespace gatefold {

/// Which policies wait, by their gap rule: those that also learn how long gaps are. Who declares or assumes gaps serves at once.
[[nodiscard]] constexpr bool coalesces(GapRule rule) {
  switch (rule) {
    case GapRule::kNominal:
    case GapRule::kTimeout:
    case GapRule::kIdleTimeout: return false;
    case GapRule::kPredicted: return true;
  }
  return false;
}

/// What is known of a request that could start.
struct Coalescing {
  Cycles slack;               ///< its deadline less its arrival and the time that serving it and all it waits with takes; negative: none
  Cycles next;                ///< until the next request of its group is expected
  EnergyTotal wake;           ///< of all that both use
  EnergyPerCycle waiting;     ///< the floor, which a completion that is put off keeps running
  Cycles waited = Cycles(0);  ///< since it arrived
  std::int64_t share_percent = 40;  ///< of the slack that may be spent
};

/// For how long the request waits from now on; 0: it starts at once.
[[nodiscard]] Cycles coalescing_wait(const Coalescing& request);

/// When a stream's next request is to be expected.
class ExpectedArrival {
 public:
  /// Arrivals do not go back in time.
  void arrived(Cycles at);
  /// Until when the next request should have come; nullopt: nothing can be said, or it should be there by now.
  [[nodiscard]] std::optional<Cycles> by(Cycles now) const;

 private:
  static constexpr std::size_t kIntervals = 3;
  static constexpr std::int64_t kAlike = 8;  ///< no interval is further from their mean than a share of one to so many
  std::array<Cycles, kIntervals> intervals_{};
  std::size_t seen_ = 0;  ///< arrivals, up to one more than there are intervals
  Cycles last_;
};

}  // namespace gatefold
