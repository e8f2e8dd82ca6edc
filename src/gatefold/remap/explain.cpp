#include "gatefold/remap/explain.h"

#include <algorithm>

namespace gatefold {
namespace {

void add(Explanation& explanation, const Boundary& boundary, const Placement& placement, const StepCost& cost, Standing standing) {
  for (const WeighedOption& known : explanation.options) {
    if (known.placement == placement) return;
  }
  WeighedOption option{placement, standing, placement == boundary.home, cost, cycles_at(boundary, placement), {}, {}, {}};
  if (boundary.budget && option.cycles > *boundary.budget) option.late = option.cycles - *boundary.budget;
  explanation.options.push_back(option);
}

/// EQ-28 charges (EQ-36 + EQ-22) for every cycle of a layer that executes whole with its weights in place.
std::optional<Cycles> faster_by(const Boundary& boundary, const WeighedOption& option) {
  const bool proportional = !option.placement.streamed && spilling_of(boundary).blocks(boundary.layer).count == 0;
  if (!proportional || option.cost.active == EnergyTotal() || option.dearer < EnergyTotal()) return std::nullopt;
  const EnergyPerCycle power = boundary.table->always() + boundary.table->option(boundary.layer, option.placement).held;
  if (power.count() == 0 || EnergyTotal::over(power, option.cycles) <= option.dearer) return std::nullopt;
  // Staying is the default: the home wins at the same cost already.
  const Int128 enough = option.dearer.attojoules() + (option.home ? power.count() - 1 : power.count());
  return Cycles(static_cast<std::int64_t>(enough / power.count()));
}

}  // namespace

const Spilling& spilling_of(const Boundary& boundary) {
  static const Spilling kNothing;
  return boundary.spilling == nullptr ? kNothing : *boundary.spilling;
}

StepCost cost_at(const Boundary& boundary, const Placement& placement) {
  const Step step{boundary.layer,    boundary.home,
                  boundary.producer, resident_input(*boundary.table, boundary.residence->spilled(), boundary.layer),
                  boundary.steered,  boundary.profile->percent(placement, boundary.now),
                  boundary.spilling, boundary.weights_lost};
  return step_cost(*boundary.table, step, placement);
}

Cycles cycles_at(const Boundary& boundary, const Placement& placement) {
  return execution_cycles(*boundary.table, boundary.layer, placement, spilling_of(boundary),
                          boundary.profile->percent(placement, boundary.now));
}

void Explanation::weigh(const Boundary& boundary, const Placement& placement, const StepCost& cost, bool late) {
  add(*this, boundary, placement, cost, late ? Standing::kLate : Standing::kPassedOver);
}

void Explanation::exclude(const Boundary& boundary, const Placement& placement, const StepCost& cost, Standing why) {
  add(*this, boundary, placement, cost, why);
}

Explanation decide_and_explain(Policy& policy, Boundary boundary) {
  Explanation explanation;
  boundary.why = &explanation;
  const Decision decision = policy.decide(boundary);
  explanation.home = boundary.home;
  explanation.decision = decision;
  explanation.budget = boundary.budget;
  explanation.waits = !decision.shift && (boundary.evicted || !boundary.profile->available(boundary.home, boundary.now));
  const auto is_chosen = [&](const WeighedOption& option) { return option.placement == decision.placement; };
  if (std::none_of(explanation.options.begin(), explanation.options.end(), is_chosen)) {
    explanation.weigh(boundary, decision.placement, cost_at(boundary, decision.placement), false);
  }
  const WeighedOption chosen = *std::find_if(explanation.options.begin(), explanation.options.end(), is_chosen);
  for (WeighedOption& option : explanation.options) {
    option.dearer = option.cost.total() - chosen.cost.total();
    if (is_chosen(option)) option.standing = Standing::kChosen;
    else if (option.standing == Standing::kLate && chosen.standing == Standing::kLate) option.standing = Standing::kSlower;
    if (option.standing == Standing::kPassedOver) option.faster = faster_by(boundary, option);
  }
  return explanation;
}

void add_distinct(std::vector<ExplainedDecision>& list, ExplainedDecision decision) {
  const auto alike = [&](const ExplainedDecision& earlier) {
    const Explanation &a = earlier.explanation, &b = decision.explanation;
    const auto same = [](const WeighedOption& x, const WeighedOption& y) {
      return x.placement == y.placement && x.standing == y.standing && x.cycles == y.cycles && x.cost.total() == y.cost.total();
    };
    return a.home == b.home && a.decision.placement == b.decision.placement && a.decision.forced == b.decision.forced &&
           a.looked == b.looked && a.waits == b.waits && earlier.again == decision.again &&
           std::equal(a.options.begin(), a.options.end(), b.options.begin(), b.options.end(), same);
  };
  const auto known = std::find_if(list.begin(), list.end(), alike);
  if (known == list.end()) list.push_back(std::move(decision));
  else ++known->alike;
}

std::string_view name(Standing standing) {
  switch (standing) {
    case Standing::kChosen: return "chosen";
    case Standing::kPassedOver: return "passed-over";
    case Standing::kLate: return "late";
    case Standing::kSlower: return "slower";
    case Standing::kOccupied: return "occupied";
    case Standing::kFailed: return "failed";
    case Standing::kNoRoom: return "no-room";
  }
  GATEFOLD_REQUIRE(false);
}

}  // namespace gatefold
