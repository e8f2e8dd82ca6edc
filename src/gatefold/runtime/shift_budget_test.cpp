// What voluntary shifts take of a run, by what the chip has charged: at most a hundredth of all that was spent and the cap, one planned
// request. At every request of random traces of events, and of traces that were searched for: a climb over times, clusters and kinds of
// events that keeps what makes voluntary shifts dearer.
#include <gtest/gtest.h>

#include <algorithm>

#include "cost/small_run.h"
#include "gatefold/base/random.h"
#include "gatefold/remap/guard.h"
#include "gatefold/runtime/session.h"

namespace gatefold {
namespace {

constexpr std::int64_t kRequests = 60;

/// Wants every layer elsewhere at every boundary, for no reason.
class Restless : public Policy {
 public:
  [[nodiscard]] GatingScope scope() const override { return GatingScope::kAll; }
  [[nodiscard]] Assignment first_assignment(const OptionTable&, const StaticPlan& plan) const override { return plan.assignment; }
  [[nodiscard]] Decision decide(const Boundary& boundary) override {
    Placement to = boundary.home;
    const std::int32_t places = boundary.table->spec().cluster_count - to.clusters + 1;
    to.first = static_cast<std::int16_t>((to.first + 1) % places);
    if (to == boundary.home || !boundary.profile->available(to, boundary.now)) return {boundary.home, false, false};
    return {to, true, false};
  }
};

/// One cluster is taken, or slowed, for a while.
struct Disturbance {
  std::int32_t cluster = 0;
  bool occupied = false;
  std::int32_t percent = 50;
  Cycles begin;
  Cycles end;
};

class ShiftBudgetInRuns : public testing::Test {
 protected:
  void SetUp() override {
    Cycles latency;
    for (const Cycles cycles : network_->plan().reference) latency += cycles;
    every_ = latency * 2;
  }

  Disturbance drawn(SplitMix64& random) const {
    const std::int64_t last = (every_ * kRequests).count();
    const std::int64_t begin = 1 + static_cast<std::int64_t>(random.next() % static_cast<std::uint64_t>(last));
    const std::int64_t length = 1 + static_cast<std::int64_t>(random.next() % static_cast<std::uint64_t>((every_ * 20).count()));
    return {static_cast<std::int32_t>(random.next() % 4), random.next() % 3 == 0, 1 + static_cast<std::int32_t>(random.next() % 99),
            Cycles(begin), Cycles(begin + length)};
  }

  static std::vector<TimedEvent> events_of(std::vector<Disturbance> trace) {
    std::sort(trace.begin(), trace.end(), [](const Disturbance& a, const Disturbance& b) { return a.begin < b.begin; });
    std::array<Cycles, 4> free_from{};  // one at a time on each cluster; what overlaps is left out
    std::vector<TimedEvent> events;
    for (const Disturbance& what : trace) {
      Cycles& free = free_from.at(static_cast<std::size_t>(what.cluster));
      if (what.begin <= free) continue;
      free = what.end;
      const ClusterId cluster(what.cluster);
      events.push_back({what.begin, {what.occupied ? EventKind::kOccupy : EventKind::kThrottle, cluster, what.percent}});
      events.push_back({what.end, {what.occupied ? EventKind::kRelease : EventKind::kRecover, cluster, 100}});
    }
    std::stable_sort(events.begin(), events.end(), [](const TimedEvent& a, const TimedEvent& b) { return a.at < b.at; });
    return events;
  }

  /// Voluntary shift energy over what is allowed, the largest of any time of the run.
  double share(Policy& policy, const std::vector<Disturbance>& trace) const {
    RunOptions options;
    options.timing_only = true;
    options.events = events_of(trace);
    options.deadline = every_;
    SharedChip chip(network_->spec(), policy.scope(), options.events);
    Session session(*network_, network_->plan(), policy, options, nullptr, chip);
    EXPECT_TRUE(session.boot());
    double worst = 0;
    for (std::int64_t r = 0; r < kRequests; ++r) {
      EXPECT_TRUE(session.serve(every_ * r, true, nullptr));
      const EnergyTotal spent = session.chip().ledger().total();
      const EnergyTotal allowed = network_->plan().reached + EnergyTotal::of_attojoules(spent.attojoules() / ShiftBudget::kShare);
      EXPECT_LE(session.counted().shift_energy_voluntary, allowed);
      worst = std::max(worst, session.counted().shift_energy_voluntary.joules() / allowed.joules());
    }
    return worst;
  }

  double share(const std::string& name, const std::vector<Disturbance>& trace) const {
    auto policy = name == "restless" ? guarded(std::unique_ptr<Policy>(new Restless())) : make_policy(name).value();
    return share(*policy, trace);
  }

  /// Policies that shift for gain.
  static std::vector<std::string> policies() {
    std::vector<std::string> names{"restless"};
    for (const std::string& name : policy_names()) {
      const auto policy = make_policy(name);
      if (policy.value()->plans_residency()) names.push_back(name);
    }
    return names;
  }

  std::shared_ptr<const PreparedNetwork> network_ = test::prepared(test::chain({4, 8, 4, 8, 4}, 4));
  Cycles every_;
};

TEST_F(ShiftBudgetInRuns, RandomTracesKeepToIt) {
  SplitMix64 random(11);
  double largest = 0;
  for (int trace = 0; trace < 40; ++trace) {
    std::vector<Disturbance> disturbances(1 + random.next() % 12);
    for (Disturbance& one : disturbances) one = drawn(random);
    for (const std::string& policy : policies()) largest = std::max(largest, share(policy, disturbances));
  }
  EXPECT_GT(largest, 0.5);  // the restless one spends what it may
}

TEST_F(ShiftBudgetInRuns, TracesSearchedForKeepToIt) {
  for (const std::string& policy : policies()) {
    double best = 0;
    for (std::uint64_t start = 0; start < 3; ++start) {
      SplitMix64 random(start);
      std::vector<Disturbance> trace(10);
      for (Disturbance& one : trace) one = drawn(random);
      double here = share(policy, trace);
      for (int step = 0; step < 60; ++step) {
        std::vector<Disturbance> changed = trace;
        changed[random.next() % changed.size()] = drawn(random);
        const double there = share(policy, changed);
        if (there < here) continue;
        here = there;
        trace = std::move(changed);
      }
      best = std::max(best, here);
    }
    EXPECT_GT(best, 0) << policy << " never shifted for gain: nothing was searched";
    RecordProperty(policy, std::to_string(best));
  }
}

}  // namespace
}  // namespace gatefold
