// The table of policies, and those in it that look at nothing but one layer. `ungated` and `static` never move of their own
// accord; they differ in what they gate. `seed-literal` is the pseudocode of the idea taken word for word, kept so that the
// difference to its prose can be measured. Where the two texts disagree: docs/decision-problem.md.
#include "gatefold/remap/policies.h"

#include <map>

#include "gatefold/device/chip.h"
#include "gatefold/remap/candidates.h"

namespace gatefold {
namespace {

Decision stay(const Boundary& boundary) { return {boundary.home, false, false}; }

// ---- ungated, static ----

/// The compile-time plan, with a spare plan for each cluster that may fail. A failed core that the plan uses counts as its
/// cluster. Where nothing failed the plan holds, after one failure that cluster's spare plan, after the second nothing new:
/// what still can runs on, the rest waits. Spare plans are computed when they are first needed and are the same at any time.
class Fixed : public Policy {
 public:
  Fixed(GatingScope scope, GapRule gap_rule) : scope_(scope), gap_rule_(gap_rule) {}
  GatingScope scope() const override { return scope_; }
  GapRule gap_rule() const override { return gap_rule_; }
  Assignment first_assignment(const OptionTable&, const StaticPlan& plan) const override { return plan.assignment; }

  Decision decide(const Boundary& boundary) override {
    if (!boundary.profile->cores_fail() && !boundary.evicted) return stay(boundary);
    const std::uint64_t version = boundary.profile->version(boundary.now);
    if (version != seen_) look(boundary);
    seen_ = version;
    if (!any_failure_ && !boundary.evicted) return stay(boundary);
    const Assignment* target = several_failed_ ? nullptr : failed_ ? spare(boundary, *failed_) : &boundary.plan->assignment;
    if (target != nullptr && (*target)[boundary.layer.at()] == boundary.home && boundary.evicted) {
      target = spare(boundary, ClusterId(static_cast<std::int32_t>(boundary.home.first)));  // a bank of that cluster failed
    }
    if (target == nullptr) return stay(boundary);
    const Placement& to = (*target)[boundary.layer.at()];
    if (to == boundary.home || !boundary.profile->available(to, boundary.now)) return stay(boundary);
    return {to, true, true};
  }

 private:
  /// Which clusters of the plan failed, in whole or with a core that the plan uses.
  void look(const Boundary& boundary) {
    failed_.reset();
    several_failed_ = false;
    for (const Placement& planned : boundary.plan->assignment) {
      for (std::int32_t k = planned.first; k <= planned.last(); ++k) {
        const Condition& at = boundary.profile->condition(ClusterId(k), boundary.now);
        if ((at.failed_cores & planned.core_mask) == 0) continue;
        any_failure_ = true;
        several_failed_ = several_failed_ || (failed_ && *failed_ != ClusterId(k));
        failed_ = ClusterId(k);
      }
    }
  }

  /// nullptr: what is left of the chip does not hold the network.
  const Assignment* spare(const Boundary& boundary, ClusterId failed) {
    auto known = spares_.find(failed);
    if (known == spares_.end())
      known = spares_.emplace(failed, plan_spare(*boundary.table, boundary.plan->assignment, spilling_of(boundary), failed)).first;
    return known->second ? &*known->second : nullptr;
  }

  GatingScope scope_;
  GapRule gap_rule_;
  std::uint64_t seen_ = 0;
  bool any_failure_ = false;  ///< ever
  std::optional<ClusterId> failed_;
  bool several_failed_ = false;
  std::map<ClusterId, std::optional<Assignment>> spares_;
};

// ---- seed-literal ----

/// One cluster per layer with all its cores; every layer starts on cluster 0; the cost of a candidate is its transfer
/// plus the same penalty for every candidate, the present one included, so it moves only when its cluster is not
/// available. Clusters are activated and deactivated as a whole, when a layer moves.
class SeedLiteral : public Policy {
 public:
  GatingScope scope() const override { return GatingScope::kClusters; }

  Assignment first_assignment(const OptionTable& table, const StaticPlan& plan) const override {
    Assignment assignment;
    for (std::size_t v = 0; v < table.size(); ++v) {
      const Option* widest = nullptr;
      for (const Option& option : table.layer(LayerId(v)).options) {
        if (option.footprint.clusters == 1 && (widest == nullptr || option.footprint.cores > widest->footprint.cores)) widest = &option;
      }
      GATEFOLD_ENSURE(widest != nullptr);  // one cluster with one core is always legal
      assignment.push_back(placed_at(widest->footprint, 0));
      assignment.back().streamed = plan.assignment[v].streamed;
    }
    return assignment;
  }

  Decision decide(const Boundary& boundary) override {
    const DeviceSpec& spec = boundary.table->spec();
    std::optional<Placement> best;
    EnergyTotal lowest;
    for (std::int32_t k = 0; k < spec.cluster_count; ++k) {
      Placement candidate = boundary.home;
      candidate.first = static_cast<std::int16_t>(k);
      if (candidate.last() >= spec.cluster_count) continue;
      const bool here = candidate == boundary.home;
      Room room{candidate, std::nullopt};
      if (!here) room = with_room(boundary, candidate);
      else if (!can_stay(boundary)) room.barrier = barrier_at_home(boundary);
      candidate = room.placement;
      if (room.barrier) {
        if (boundary.why != nullptr) boundary.why->exclude(boundary, candidate, cost(boundary, candidate), *room.barrier);
        continue;
      }
      const StepCost terms = cost(boundary, candidate);
      if (boundary.why != nullptr) boundary.why->weigh(boundary, candidate, terms, false);
      const EnergyTotal total = terms.total();
      if (best && !(total < lowest) && !(here && total == lowest)) continue;  // where moving costs nothing, it stays
      best = candidate;
      lowest = total;
    }
    if (!best || *best == boundary.home) return stay(boundary);  // nothing available: it waits
    return {*best, true, !can_stay(boundary)};
  }

 private:
  /// The pseudocode's two terms. It adds the penalty for staying as well.
  static StepCost cost(const Boundary& boundary, const Placement& to) {
    const DeviceSpec& spec = boundary.table->spec();
    StepCost terms;
    terms.penalty = route_energy(spec, 1);
    if (to == boundary.home) return terms;
    const Bytes input = resident_input(*boundary.table, boundary.residence->spilled(), boundary.layer);
    terms.transfer = transfer_energy(spec, boundary.table->work(boundary.layer).weights + input, boundary.home, to);
    return terms;
  }
};

std::unique_ptr<Policy> fixed(GatingScope scope, GapRule gap_rule) { return std::make_unique<Fixed>(scope, gap_rule); }

}  // namespace

const std::vector<PolicyEntry>& policy_table() {
  static const std::vector<PolicyEntry> table = {
      {"ungated", "the static plan with every element ON", [] { return fixed(GatingScope::kNothing, GapRule::kNominal); }},
      {"static", "the exact compile-time plan, everything unused gated", [] { return fixed(GatingScope::kAll, GapRule::kNominal); }},
      {"static+timeout", "static; gaps of unknown length by time-out", [] { return fixed(GatingScope::kAll, GapRule::kTimeout); }},
      {"static+same", "static; gaps of unknown length as greedy predicts them",
       [] { return fixed(GatingScope::kAll, GapRule::kPredicted); }},
      {"idle-timeout", "the static plan; every gap by time-out, nothing foreseen",
       [] { return fixed(GatingScope::kAll, GapRule::kIdleTimeout); }},
      {"seed-literal", "the seed's pseudocode word for word", [] { return std::unique_ptr<Policy>(new SeedLiteral()); }},
      {"greedy", "starts from static; shifts a layer when that lowers the cost", make_greedy},
      {"regret", "greedy that also moves once it has lost, over many requests, what moving costs", make_regret},
      {"work-function", "the work function algorithm over configurations; knows its ratio to the optimum so far", make_work_function},
      {"hindsight", "the optimum over configurations, by serving everything twice: an evaluation", make_hindsight},
  };
  return table;
}

}  // namespace gatefold
