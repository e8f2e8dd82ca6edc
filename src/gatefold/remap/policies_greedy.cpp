// `greedy`: the prose of the idea. Staying is the default. When the profile has changed it sweeps over the whole network once
// (sweep.h) and carries the shifts out lazily, each at its layer's own boundary. Where that tells it nothing - the profile has
// changed since, or its target finds no room any more - it takes the cheapest of at most eight candidates by EQ-28, those in
// budget first.
#include "gatefold/remap/candidates.h"
#include "gatefold/remap/guard.h"
#include "gatefold/remap/policies.h"
#include "gatefold/remap/sweep.h"

namespace gatefold {
namespace {

Decision stay(const Boundary& boundary) { return {boundary.home, false, false}; }

class Greedy : public Policy {
 public:
  GatingScope scope() const override { return GatingScope::kAll; }
  bool replans() const override { return true; }
  GapRule gap_rule() const override { return GapRule::kPredicted; }
  Assignment first_assignment(const OptionTable&, const StaticPlan& plan) const override { return plan.assignment; }

  void replan(const Situation& situation) override {
    const std::uint64_t version = situation.profile->version(situation.now);
    const bool known = swept_ && swept_at_ == version && !situation.again;
    if (version == 0 || (known && nothing_new(situation))) return;
    found_ = sweep(situation);
    swept_at_ = version;
    swept_ = true;
  }

  Decision decide(const Boundary& boundary) override {
    const std::uint64_t version = boundary.profile->version(boundary.now);
    const bool home_usable = can_stay(boundary);
    if (swept_ && swept_at_ == version && !boundary.evicted) return carry_out(boundary, home_usable);
    if (seen_.size() <= boundary.layer.at()) seen_.resize(boundary.table->size());
    std::uint64_t& seen = seen_[boundary.layer.at()];
    const bool home_in_time = in_budget(boundary, boundary.home);
    if (seen == version && home_usable && home_in_time) {
      if (boundary.why != nullptr) tell(boundary, home_usable, home_in_time);
      return stay(boundary);
    }
    seen = version;
    return choose(boundary, home_usable, home_in_time);
  }

 private:
  /// The sweep of this version holds for a request with so much time, too.
  [[nodiscard]] bool nothing_new(const Situation& situation) const {
    if (!situation.begins || found_.waits || in_time(found_.cycles, situation.left)) return true;
    return found_.late && *situation.left <= *found_.late;
  }

  Decision carry_out(const Boundary& boundary, bool home_usable) {
    const Placement& target = found_.target[boundary.layer.at()];
    if (boundary.why != nullptr) tell(boundary, home_usable, in_budget(boundary, boundary.home));
    if (target == boundary.home) {
      if (home_usable || found_.waits) return stay(boundary);
      return choose(boundary, false, false);  // one of its cores failed
    }
    const bool there = boundary.profile->available(target, boundary.now) && boundary.residence->weights_fit(boundary.layer, target);
    if (there) return {target, true, found_.forced[boundary.layer.at()] != 0 || !home_usable};
    return home_usable ? stay(boundary) : choose(boundary, false, false);
  }

  /// What it would weigh if it looked now.
  static void tell(const Boundary& boundary, bool home_usable, bool home_in_time) {
    boundary.why->looked = false;
    static_cast<void>(choose(boundary, home_usable, home_in_time));
  }

  static bool in_budget(const Boundary& boundary, const Placement& placement) {
    return !boundary.budget || cycles_at(boundary, placement) <= *boundary.budget;
  }

  static EnergyTotal weighed(const Boundary& boundary, const Placement& placement, bool placement_in_time) {
    const StepCost cost = cost_at(boundary, placement);
    if (boundary.why != nullptr) boundary.why->weigh(boundary, placement, cost, !placement_in_time);
    return cost.total();
  }

  static Decision choose(const Boundary& boundary, bool home_usable, bool home_in_time) {
    std::optional<Placement> best;
    EnergyTotal lowest;
    bool best_in_time = false;
    if (home_usable) {
      best = boundary.home;
      lowest = weighed(boundary, boundary.home, home_in_time);
      best_in_time = home_in_time;
    } else if (boundary.why != nullptr) {
      boundary.why->exclude(boundary, boundary.home, cost_at(boundary, boundary.home), barrier_at_home(boundary));
    }
    for (const Placement& candidate : find_candidates(boundary, home_usable)) {
      const bool candidate_in_time = in_budget(boundary, candidate);
      const EnergyTotal candidate_cost = weighed(boundary, candidate, candidate_in_time);
      const bool better = !best || (candidate_in_time && !best_in_time) ||
                          (candidate_in_time == best_in_time &&
                           (candidate_in_time ? candidate_cost < lowest : cycles_at(boundary, candidate) < cycles_at(boundary, *best)));
      if (!better) continue;
      best = candidate;
      lowest = candidate_cost;
      best_in_time = candidate_in_time;
    }
    if (!best || *best == boundary.home) return stay(boundary);
    return {*best, true, !home_usable || !home_in_time};
  }

  Sweep found_;
  std::uint64_t swept_at_ = 0;
  bool swept_ = false;
  std::vector<std::uint64_t> seen_;  ///< profile version at each layer's last look without a sweep
};

}  // namespace

std::unique_ptr<Policy> make_greedy() { return guarded(std::unique_ptr<Policy>(new Greedy())); }

}  // namespace gatefold
