// The first four policies. `ungated` and `static` never move; they differ in what they gate. `seed-literal` is the
// pseudocode of the idea taken word for word, kept so that the difference to its prose can be measured. `greedy` is the
// prose: the cost function EQ-28, staying as the default, at most eight candidates at a boundary. Where the two texts
// disagree: docs/decision-problem.md.
#include <algorithm>
#include <array>
#include <bit>
#include <map>

#include "gatefold/device/chip.h"
#include "gatefold/remap/explain.h"

namespace gatefold {
namespace {

Decision stay(const Boundary& boundary) { return {boundary.home, false, false}; }

/// True if the layer can run where it is.
bool can_stay(const Boundary& boundary) { return !boundary.evicted && boundary.profile->available(boundary.home, boundary.now); }

/// What keeps a layer from running at a placement of which the cores are not available, whichever they are.
Standing barrier(const Boundary& boundary, const Placement& placement) {
  for (std::int32_t k = placement.first; k <= placement.last(); ++k) {
    if (boundary.profile->condition(ClusterId(k), boundary.now).occupied) return Standing::kOccupied;
  }
  return Standing::kFailed;
}

/// The same of a home that the layer cannot stay at.
Standing barrier_at_home(const Boundary& boundary) {
  return boundary.profile->available(boundary.home, boundary.now) ? Standing::kNoRoom : barrier(boundary, boundary.home);
}

/// A placement of the same shape, on the lowest cores of each cluster that can be used and where the weights fit, or on the
/// lowest that work and what is in the way there.
struct Room {
  Placement placement;
  std::optional<Standing> barrier;
};

Room with_room(const Boundary& boundary, Placement placement) {
  const DeviceSpec& spec = boundary.table->spec();
  const std::uint16_t failed = boundary.profile->failed_cores(placement, boundary.now);
  const CoreMasks masks = core_masks(spec.cores_per_cluster, placement.cores_per_cluster(), failed);
  if (masks.count > 0) placement.core_mask = masks.list.front();
  if (!boundary.profile->available(placement, boundary.now)) return {placement, barrier(boundary, placement)};
  // Room for what the layer reads and writes, too: inputs side by side, outputs in banks of their own.
  const OptionTable& table = *boundary.table;
  const std::vector<char>& spilled = boundary.residence->spilled();
  const auto banks = [&](Bytes bytes) { return ceil_div(ceil_div(bytes.count(), placement.core_count()), spec.bank.size.count()); };
  const std::int64_t spare = banks(resident_input(table, spilled, boundary.layer)) +
                             banks(resident_output(table, spilled, boundary.layer)) +
                             least_staging_banks(table, spilled, boundary.layer, placement.core_count());
  for (const std::uint16_t mask : masks) {
    placement.core_mask = mask;
    if (boundary.residence->weights_fit(boundary.layer, placement, spare)) return {placement, std::nullopt};
  }
  placement.core_mask = masks.list.front();
  return {placement, Standing::kNoRoom};
}

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

// ---- greedy ----

class Greedy : public Policy {
 public:
  GatingScope scope() const override { return GatingScope::kAll; }
  GapRule gap_rule() const override { return GapRule::kPredicted; }
  bool replans() const override { return true; }
  Assignment first_assignment(const OptionTable&, const StaticPlan& plan) const override { return plan.assignment; }

  Decision decide(const Boundary& boundary) override {
    const std::uint64_t version = boundary.profile->version(boundary.now);
    if (seen_.size() <= boundary.layer.at()) seen_.resize(boundary.table->size());
    std::uint64_t& seen = seen_[boundary.layer.at()];
    const bool home_usable = can_stay(boundary);
    const bool home_in_time = in_time(boundary, boundary.home);
    if (seen == version && home_usable && home_in_time) {
      if (boundary.why != nullptr) {
        boundary.why->looked = false;
        static_cast<void>(choose(boundary, home_usable, home_in_time));  // what it would have weighed
      }
      return stay(boundary);
    }
    seen = version;
    return choose(boundary, home_usable, home_in_time);
  }

 private:
  static constexpr std::size_t kCandidatesMax = 8;
  /// Places that one search tries while the layer could also stay: a decision takes the same time on any number of clusters.
  static constexpr int kProbesMax = 16;

  struct Candidates {
    std::array<Placement, kCandidatesMax> list;
    std::size_t count = 0;
    void add(const Placement& placement) {
      const auto end = list.begin() + static_cast<std::ptrdiff_t>(count);
      if (count < kCandidatesMax && std::find(list.begin(), end, placement) == end) list[count++] = placement;
    }
  };

  static bool in_time(const Boundary& boundary, const Placement& placement) {
    return !boundary.budget || cycles_at(boundary, placement) <= *boundary.budget;
  }

  static void exclude(const Boundary& boundary, const Placement& placement, Standing why) {
    if (boundary.why != nullptr) boundary.why->exclude(boundary, placement, cost_at(boundary, placement), why);
  }

  static std::optional<Placement> roomy_at(const Boundary& boundary, const Footprint& shape, std::int32_t first) {
    Placement placement = placed_at(shape, first);
    placement.streamed = boundary.home.streamed;
    if (placement.last() >= boundary.table->spec().cluster_count) return std::nullopt;
    const Room room = with_room(boundary, placement);
    if (!room.barrier) return room.placement;
    exclude(boundary, room.placement, *room.barrier);
    return std::nullopt;
  }

  /// Adds the shape at the producer's run and at the first place with room in three free runs: the best fit (the
  /// shortest), the fastest and the first. Each search looks at `probes` places at most.
  static void add_shape(const Boundary& boundary, const Footprint& shape, int probes, Candidates& found) {
    if (boundary.producer) {
      if (const auto there = roomy_at(boundary, shape, boundary.producer->first)) found.add(*there);
    }
    const FreeRuns& runs = boundary.profile->runs();
    const auto length = static_cast<std::int32_t>(shape.clusters);
    const auto add_in = [&](const FreeRuns::Run& run, int& left) {
      for (std::int32_t k = run.begin; k + length <= run.end && left > 0; ++k, --left) {
        const auto there = roomy_at(boundary, shape, k);
        if (!there) continue;
        found.add(*there);
        return true;
      }
      return false;
    };
    std::int32_t best = -1;  // first clusters of the runs in which a place is found already
    std::int32_t fastest = -1;
    int left = probes;
    for (auto run = runs.best_fit(length); run && left > 0 && best < 0; run = runs.best_fit(run->length() + 1)) {
      if (add_in(*run, left)) best = run->begin;
    }
    left = probes;
    if (const auto run = runs.fastest_fit(length); run && run->begin != best && add_in(*run, left)) fastest = run->begin;
    left = probes;
    for (auto run = runs.first_fit(length); run && left > 0; run = runs.first_fit(length, run->end)) {
      if (run->begin == best || run->begin == fastest || add_in(*run, left)) break;
    }
  }

  /// The home's shape, and the cheapest other one that some free run is long enough for. If neither finds a place and the
  /// home cannot be used either, the cheapest shape that does.
  static Candidates candidates(const Boundary& boundary, bool home_usable) {
    Candidates found;
    const int probes = home_usable ? kProbesMax : INT32_MAX;
    const Footprint home = footprint_of(boundary.home);
    add_shape(boundary, home, probes, found);
    const LayerOptions& layer = boundary.table->layer(boundary.layer);
    for (const std::int32_t position : layer.by_cost) {
      const Footprint& shape = layer.options[static_cast<std::size_t>(position)].footprint;
      if (shape == home || shape.clusters > boundary.profile->runs().longest()) continue;
      add_shape(boundary, shape, probes, found);
      if (found.count > 0 || home_usable) break;
    }
    return found;
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
    } else {
      exclude(boundary, boundary.home, barrier_at_home(boundary));
    }
    const Candidates found = candidates(boundary, home_usable);
    for (std::size_t i = 0; i < found.count; ++i) {
      const Placement& candidate = found.list[i];
      const bool candidate_in_time = in_time(boundary, candidate);
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

  std::vector<std::uint64_t> seen_;  ///< profile version at each layer's last look
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
      {"greedy", "starts from static; shifts a layer when that lowers the cost", [] { return std::unique_ptr<Policy>(new Greedy()); }},
  };
  return table;
}

}  // namespace gatefold
