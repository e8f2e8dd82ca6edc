// `work-function`: for every request it weighs each configuration by the least that it could have cost to have served everything so far and
// to end there, plus what going there from here costs, and goes where that is least: the work function algorithm (Borodin, Linial, Saks,
// JACM 39, 1992), at most 2 N - 1 times the optimum for N configurations whatever comes. The table that decides holds that optimum too, so
// the ratio to it is known at any time. A missed deadline counts as much as a planned request, which makes it a price like others.
//
// `hindsight`: the optimum itself. It serves the same requests twice: first as the work function does, remembering how the optimum comes
// about, then as that wants it. An evaluation, not a policy that anybody could follow.
//
// Shifts are carried out at their layers' own boundaries. What no configuration foresaw - a failed core, no room - is left to greedy.
#include <algorithm>

#include "gatefold/remap/candidates.h"
#include "gatefold/remap/configurations.h"
#include "gatefold/remap/guard.h"
#include "gatefold/remap/headroom.h"
#include "gatefold/remap/policies.h"
#include "gatefold/remap/sweep.h"

namespace gatefold {
namespace {

class WorkFunction : public Policy {
 public:
  explicit WorkFunction(bool twice) : twice_(twice) {}
  GatingScope scope() const override { return GatingScope::kAll; }
  bool plans_residency() const override { return !twice_; }
  GapRule gap_rule() const override { return GapRule::kPredicted; }
  Assignment first_assignment(const OptionTable&, const StaticPlan& plan) const override { return plan.assignment; }

  void replan(const Situation& situation) override {
    if (!table_) {
      configurations_.emplace(situation);
      table_.emplace(*configurations_, twice_);
      homes_ = *situation.homes;
    }
    if (situation.begins) account(situation);
    const std::uint64_t version = situation.profile->version(situation.now);
    if (prices_.empty() || version != version_ || situation.period != period_) {
      prices_.clear();
      for (std::size_t z = 0; z < configurations_->size(); ++z) prices_.push_back(price_request(situation, configurations_->at(z)));
      version_ = version;
      period_ = situation.period;
    }
    if (situation.begins) {
      left_ = situation.left;
      costs_.clear();
      // Before anything has happened the static plan is what there is: nothing is unknown, and it was planned exactly.
      for (std::size_t z = 0; z < prices_.size(); ++z)
        costs_.push_back(z > 0 && version == 0 ? std::nullopt : cost_of(situation, prices_[z]));
    }
    if (version > 0) choose(situation);
  }

  Decision decide(const Boundary& boundary) override {
    const Decision stay{boundary.home, false, false};
    if (boundary.profile->version(boundary.now) != version_ || boundary.evicted || !chosen_) return greedy_->decide(boundary);
    if (boundary.why != nullptr) static_cast<void>(greedy_->decide(boundary));  // what it would have weighed
    const Placement& target = configurations_->at(*chosen_)[boundary.layer.at()];
    const bool home_usable = can_stay(boundary);
    if (target == boundary.home) return home_usable || waits_ ? stay : greedy_->decide(boundary);
    const bool there = boundary.profile->available(target, boundary.now) && boundary.residence->weights_fit(boundary.layer, target);
    if (there) return {target, true, in_haste_ || !home_usable};
    return home_usable ? stay : greedy_->decide(boundary);
  }

  std::optional<LiveRatio> live_ratio() const override {
    if (!table_ || requests_ == 0) return std::nullopt;
    return LiveRatio{paid_, least_ ? *least_ : table_->least(), configurations_->size()};
  }

  bool rewind() override {
    if (!twice_ || least_ || !table_) return false;
    least_ = table_->least();  // as live_ratio() counts: without the last request
    table_->serve(costs_);
    path_ = table_->path();
    paid_ = EnergyTotal();
    requests_ = 0;
    costs_.clear();
    prices_.clear();
    homes_ = configurations_->at(0);
    chosen_.reset();
    return true;
  }

 private:
  /// nullopt: it cannot be served there.
  static std::optional<EnergyTotal> cost_of(const Situation& situation, const RequestPrice& price) {
    if (!price.usable) return std::nullopt;
    return in_time(price.cycles, situation.left) ? price.energy : price.energy + situation.plan->reached;
  }

  /// The request before the one that begins: what it has cost, and what it would have cost elsewhere.
  void account(const Situation& situation) {
    const Assignment& homes = *situation.homes;
    paid_ += price_shifts(*situation.table, homes_, homes);
    homes_ = homes;
    if (costs_.empty()) return;
    ++requests_;
    if (!least_) table_->serve(costs_);
    if (std::none_of(costs_.begin(), costs_.end(), [](const auto& cost) { return cost.has_value(); })) return;
    for (std::size_t z = 0; z < costs_.size(); ++z) {
      if (configurations_->at(z) != homes) continue;
      // Where it could not be served at first it waited, and was late.
      paid_ += costs_[z] ? *costs_[z] : prices_[z].energy + situation.plan->reached;
      return;
    }
    const RequestPrice price = price_request(situation, homes);
    paid_ += price.usable && in_time(price.cycles, left_) ? price.energy : price.energy + situation.plan->reached;
  }

  /// True if all layers can go there, one after the other, without taking the room that others need.
  static bool reachable(const Situation& situation, const Assignment& target) {
    Assignment homes = *situation.homes;
    Headroom headroom(situation, homes);
    for (std::size_t v = 0; v < homes.size(); ++v) {
      if (homes[v] == target[v]) continue;
      const LayerId layer(v);
      if (!headroom.weights_fit(layer, target[v]) || !headroom.leaves_room(layer, target[v])) return false;
      headroom.move(layer, target[v]);
      homes[v] = target[v];
    }
    return true;
  }

  void choose(const Situation& situation) {
    const Assignment& homes = *situation.homes;
    if (least_) {
      chosen_ = path_.at(static_cast<std::size_t>(requests_));
      waits_ = !prices_[*chosen_].usable;
      return;
    }
    const std::size_t now = chosen_.value_or(0);
    const bool settled = homes == configurations_->at(now);
    struct Way {
      EnergyTotal sum;
      std::size_t to;
    };
    std::vector<Way> ways;
    for (std::size_t i = 0; i < prices_.size(); ++i) {
      const std::size_t z = i == 0 ? now : i <= now ? i - 1 : i;  // where it is first: at equal cost it stays
      const auto cost = cost_of(situation, prices_[z]);
      if (!cost) continue;
      const EnergyTotal shifts =
          settled ? configurations_->distance(now, z) : price_shifts(*situation.table, homes, configurations_->at(z));
      ways.push_back({table_->work(z) + *cost + shifts, z});
    }
    std::stable_sort(ways.begin(), ways.end(), [](const Way& a, const Way& b) { return a.sum < b.sum; });
    const auto way = std::find_if(ways.begin(), ways.end(), [&](const Way& to) {
      return configurations_->at(to.to) == homes || reachable(situation, configurations_->at(to.to));
    });
    const std::size_t best = way != ways.end() ? way->to : now;
    waits_ = ways.empty();
    chosen_ = best;
    in_haste_ = best != now && in_time(prices_[best].cycles, situation.left) &&
                (!prices_[now].usable || !in_time(prices_[now].cycles, situation.left));
  }

  bool twice_;
  std::optional<Configurations> configurations_;
  std::optional<WorkTable> table_;
  std::vector<RequestPrice> prices_;  ///< of each configuration, at version_ and period_
  std::uint64_t version_ = 0;
  std::optional<Cycles> period_;
  WorkTable::Costs costs_;             ///< of the request in progress
  std::optional<Cycles> left_;         ///< to its deadline, when it began
  std::optional<std::size_t> chosen_;  ///< nullopt: nothing has happened yet
  bool waits_ = false;                 ///< nothing can serve
  bool in_haste_ = false;              ///< it goes there to be in time
  Assignment homes_;                   ///< when the latest request began
  EnergyTotal paid_;
  std::int64_t requests_ = 0;         ///< that are accounted for
  std::optional<EnergyTotal> least_;  ///< the optimum, in the second pass
  std::vector<std::size_t> path_;
  std::unique_ptr<Policy> greedy_ = make_boundary_greedy();
};

}  // namespace

std::unique_ptr<Policy> make_work_function() { return guarded(std::unique_ptr<Policy>(new WorkFunction(false))); }
std::unique_ptr<Policy> make_hindsight() { return std::unique_ptr<Policy>(new WorkFunction(true)); }

}  // namespace gatefold
