// `greedy`: the prose of the idea. Staying is the default. When the profile has changed it sweeps over the whole network once
// (sweep.h) and carries the shifts out lazily, each at its layer's own boundary. Where that tells it nothing - the profile has
// changed since, or its target finds no room any more - it takes the cheapest of at most eight candidates by EQ-28, those in
// budget first.
//
// `regret` is greedy that remembers. Greedy moves for a gain only if a single request repays the move, so it never makes one that
// pays over many. While a condition lasts, regret adds up what every request costs more than it would where the layers would
// be if moves were free, and goes there once that exceeds what going there costs: the rule of rent or buy.
#include "gatefold/remap/candidates.h"
#include "gatefold/remap/guard.h"
#include "gatefold/remap/policies.h"
#include "gatefold/remap/request_price.h"
#include "gatefold/remap/sweep.h"

namespace gatefold {
namespace {

Decision stay(const Boundary& boundary) { return {boundary.home, false, false}; }

class Greedy : public Policy {
 public:
  explicit Greedy(bool remembers) : remembers_(remembers) {}
  GatingScope scope() const override { return GatingScope::kAll; }
  bool plans_residency() const override { return true; }
  GapRule gap_rule() const override { return GapRule::kPredicted; }
  Assignment first_assignment(const OptionTable&, const StaticPlan& plan) const override { return plan.assignment; }

  void replan(const Situation& situation) override {
    const std::uint64_t version = situation.profile->version(situation.now);
    const bool known = swept_ && swept_at_ == version && !situation.again && as_left(*situation.homes);
    if (version == 0) return;
    if (!known || !nothing_new(situation)) {
      from_ = *situation.homes;
      found_ = sweep(situation);
      elsewhere_.reset();
      regret_ = EnergyTotal();
      swept_at_ = version;
      swept_ = true;
    } else if (remembers_ && situation.begins) {
      // From the second request of a condition on: many conditions do not last so long, and a look takes half the time.
      if (!elsewhere_) elsewhere_ = sweep(situation, true);
      remember(situation);
    }
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
  /// Adds up what the request that begins costs more than elsewhere.
  void remember(const Situation& situation) {
    const Assignment& homes = *situation.homes;
    if (elsewhere_->waits || elsewhere_->target == homes || found_.target != homes) return;  // no such place, there, or on the way
    const RequestPrice there = price_request(situation, elsewhere_->target);
    if (!there.usable || (!in_time(there.cycles, situation.left) && in_time(found_.cycles, situation.left))) return;
    regret_ = std::max(EnergyTotal(), regret_ + (price_request(situation, homes).energy - there.energy));
    EnergyTotal shifts;
    for (std::size_t v = 0; v < homes.size(); ++v) shifts += price_shift(*situation.table, LayerId(v), homes[v], elsewhere_->target[v]);
    if (regret_ <= shifts) return;
    from_ = homes;
    found_ = *elsewhere_;
    found_.forced.assign(homes.size(), 0);
    regret_ = EnergyTotal();
  }

  /// True if every layer is where it was at the last sweep, or where that wants it.
  [[nodiscard]] bool as_left(const Assignment& homes) const {
    for (std::size_t v = 0; v < homes.size(); ++v) {
      if (homes[v] != found_.target[v] && homes[v] != from_[v]) return false;
    }
    return true;
  }

  /// The sweep of this version holds for a request with so much time, too.
  [[nodiscard]] bool nothing_new(const Situation& situation) const {
    if (!situation.begins || found_.waits || in_time(found_.cycles, situation.left)) return true;
    return found_.late && *situation.left <= *found_.late;
  }

  Decision carry_out(const Boundary& boundary, bool home_usable) {
    const Placement& target = found_.target[boundary.layer.at()];
    if (boundary.why != nullptr) {
      tell(boundary, home_usable, in_budget(boundary, boundary.home));
      boundary.why->looked = target != boundary.home;  // the sweep did
    }
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

  bool remembers_;
  Assignment from_;  ///< homes at the last sweep
  Sweep found_;
  std::optional<Sweep> elsewhere_;  ///< where layers would be if moves were free; nullopt: not looked for yet
  EnergyTotal regret_;              ///< of not being there
  std::uint64_t swept_at_ = 0;
  bool swept_ = false;
  std::vector<std::uint64_t> seen_;  ///< profile version at each layer's last look without a sweep
};

}  // namespace

std::unique_ptr<Policy> make_boundary_greedy() { return std::unique_ptr<Policy>(new Greedy(false)); }
std::unique_ptr<Policy> make_greedy() { return guarded(std::unique_ptr<Policy>(new Greedy(false))); }
std::unique_ptr<Policy> make_regret() { return guarded(std::unique_ptr<Policy>(new Greedy(true))); }

}  // namespace gatefold
