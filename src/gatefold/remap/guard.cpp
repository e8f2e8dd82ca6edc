#include "gatefold/remap/guard.h"

#include <algorithm>
#include <optional>

#include "gatefold/remap/candidates.h"
#include "gatefold/remap/request_price.h"
#include "gatefold/remap/sweep.h"

namespace gatefold {

void ShiftBudget::earn(EnergyTotal spent) {
  const EnergyTotal earned = EnergyTotal::of_attojoules(spent.attojoules() / kShare);
  GATEFOLD_REQUIRE(earned >= earned_);
  held_ = std::min(cap_, held_ + (earned - earned_));
  earned_ = earned;
}

bool ShiftBudget::admit(EnergyTotal price) {
  if (price > held_) return false;
  held_ = held_ - price;
  return true;
}

namespace {

class Guarded : public Policy {
 public:
  explicit Guarded(std::unique_ptr<Policy> policy) : policy_(std::move(policy)) {}
  GatingScope scope() const override { return policy_->scope(); }
  bool plans_residency() const override { return policy_->plans_residency(); }
  GapRule gap_rule() const override { return policy_->gap_rule(); }
  Assignment first_assignment(const OptionTable& table, const StaticPlan& plan) const override {
    return policy_->first_assignment(table, plan);
  }

  void replan(const Situation& situation) override {
    if (!budget_) budget_.emplace(situation.plan->reached);
    budget_->earn(situation.spent);
    Situation shown = situation;
    const std::uint64_t version = situation.profile->version(situation.now);
    if (going_back_ && (version != version_ || *situation.homes == situation.plan->assignment)) {
      going_back_ = false;
      shown.again = true;
    }
    version_ = version;
    if (situation.begins && !going_back_) compare(situation);
    policy_->replan(shown);
  }

  Decision decide(const Boundary& boundary) override {
    Decision decision = policy_->decide(boundary);
    if (decision.forced) return decision;
    const Decision stay{boundary.home, false, false};
    if (going_back_ && can_stay(boundary)) {
      const Placement& planned = boundary.plan->assignment[boundary.layer.at()];
      const bool there = !(planned == boundary.home) && boundary.profile->available(planned, boundary.now) &&
                         boundary.residence->weights_fit(boundary.layer, planned);
      decision = there ? Decision{planned, true, false} : stay;
    }
    if (!decision.shift || !budget_) return decision;
    const EnergyTotal price = price_shift(*boundary.table, boundary.layer, boundary.home, decision.placement);
    return budget_->admit(price) ? decision : stay;
  }

 private:
  /// The request that begins, where its layers are and where the static plan has them.
  void compare(const Situation& situation) {
    const Assignment& planned = situation.plan->assignment;
    if (*situation.homes == planned) {
      lost_ = EnergyTotal();
      return;
    }
    const RequestPrice there = price_request(situation, planned);
    if (!there.usable || !in_time(there.cycles, situation.left)) return;
    const RequestPrice here = price_request(situation, *situation.homes);
    if (!here.usable) return;
    lost_ = std::max(EnergyTotal(), lost_ + (here.energy - there.energy));
    EnergyTotal back;
    for (std::size_t v = 0; v < planned.size(); ++v) back += price_shift(*situation.table, LayerId(v), (*situation.homes)[v], planned[v]);
    if (lost_ <= back) return;
    going_back_ = true;
    lost_ = EnergyTotal();
  }

  std::unique_ptr<Policy> policy_;
  std::optional<ShiftBudget> budget_;  ///< from the first look on
  EnergyTotal lost_;                   ///< to the static plan, since it was last even
  bool going_back_ = false;
  std::uint64_t version_ = 0;  ///< of the profile, at the last look
};

}  // namespace

std::unique_ptr<Policy> guarded(std::unique_ptr<Policy> policy) { return std::unique_ptr<Policy>(new Guarded(std::move(policy))); }

}  // namespace gatefold
