// Guards against thrashing, around any policy. What holds whatever the policy decides and whatever happens:
//
//     budget    voluntary shifts take at most a hundredth of what the run has spent, and the price of one planned request
//     saving    once a policy has cost more than the static plan would have, by more than going back costs, it goes back
//
// Forced shifts - a home that cannot be used, a deadline that would be missed - are never refused and never counted: wakes are
// not either, the gap rule bounds those.
//
// *Budget.* A token bucket: it begins full, earns a hundredth of every joule spent, never holds more than its cap, and pays for
// each shift that it admits; so all it can have paid is what it held at first and what it has earned.
// *Saving.* The counterfactual is the price of the static plan under the same profile (request_price.h), for every request
// that the static plan could have served in time. The account is what the policy has cost more since it was last even.
// Going back when it has lost what going back costs is the rule of rent or buy: it loses at most twice what is lost by going
// back at once or never, whichever is better.
#pragma once

#include <memory>

#include "gatefold/remap/policy.h"

namespace gatefold {

class ShiftBudget {
 public:
  /// Of everything spent so far, one part in `kShare` is earned.
  static constexpr std::int64_t kShare = 100;
  /// Full.
  explicit ShiftBudget(EnergyTotal cap) : cap_(cap), held_(cap) {}
  /// `spent`: since the beginning; never less than last time.
  void earn(EnergyTotal spent);
  /// Pays for a shift, if it can.
  [[nodiscard]] bool admit(EnergyTotal price);
  [[nodiscard]] EnergyTotal held() const { return held_; }

 private:
  EnergyTotal cap_;
  EnergyTotal held_;
  EnergyTotal earned_;  ///< that would have been held without a cap
};

/// Decides as `policy` does, but for shifts that a guard refuses or wants.
[[nodiscard]] std::unique_ptr<Policy> guarded(std::unique_ptr<Policy> policy);

}  // namespace gatefold
