// Sessions on random cases, with true outputs, under a policy that moves layers at random while elements fail and recover.
#include <fmt/format.h>

#include "gatefold/runtime/session.h"
#include "graph/interpreter.h"
#include "invariants/output_check.h"
#include "invariants/random_case.h"
#include "random_steps/walks.h"

namespace gatefold::test {
namespace {

/// Moves a layer at random now and then, and whenever it cannot stay: any legal shape, anywhere, on any cores that work.
class Restless : public Policy {
 public:
  Restless(Random random, GatingScope scope) : random_(random), scope_(scope) {}
  [[nodiscard]] GatingScope scope() const override { return scope_; }
  [[nodiscard]] Assignment first_assignment(const OptionTable&, const StaticPlan& plan) const override { return plan.assignment; }

  [[nodiscard]] Decision decide(const Boundary& boundary) override {
    const bool can_stay = !boundary.evicted && boundary.profile->available(boundary.home, boundary.now);
    if (can_stay && !random_.chance(3)) return {boundary.home, false, false};
    for (int tries = 0; tries < 8; ++tries) {
      const Placement to = anywhere(boundary);
      if (to == boundary.home || !boundary.profile->available(to, boundary.now)) continue;
      if (boundary.residence->weights_fit(boundary.layer, to, 2)) return {to, true, !can_stay};
    }
    return {boundary.home, false, false};
  }

 private:
  Placement anywhere(const Boundary& boundary) {
    const DeviceSpec& spec = boundary.table->spec();
    const Option& option = random_.element(boundary.table->layer(boundary.layer).options);
    const std::int64_t last = spec.cluster_count - option.footprint.clusters;
    Placement to = placed_at(option.footprint, static_cast<std::int32_t>(random_.between(0, last)));
    to.streamed = boundary.home.streamed;
    const CoreMasks masks = core_masks(spec.cores_per_cluster, to.cores_per_cluster(), boundary.profile->failed_cores(to, boundary.now));
    if (masks.count > 0)
      to.core_mask = masks.list.at(static_cast<std::size_t>(random_.between(0, static_cast<std::int64_t>(masks.count) - 1)));
    return to;
  }

  Random random_;
  GatingScope scope_;
};

class SessionWalk {
 public:
  SessionWalk(const Case& c, std::uint64_t seed, Steps& steps) : case_(c), seed_(seed), random_(seed), steps_(steps) {}

  void run() {
    auto wanted = run_graph(*case_.graph, case_.inputs, Numerics::kInteger);
    auto executor = Executor::make(*case_.network, Numerics::kInteger);
    GATEFOLD_REQUIRE(wanted.has_value() && executor.has_value());
    Restless policy(Random(random_.next()),
                    random_.one_of({GatingScope::kAll, GatingScope::kAll, GatingScope::kClusters, GatingScope::kNothing}));
    RunOptions options = case_.options;
    options.policy = "restless";
    SharedChip chip(case_.network->spec(), policy.scope(), options.events);
    Session session(*case_.network, case_.network->plan(), policy, options, &executor.value(), chip);
    Sums sums;
    session.chip().ledger().observe(&sums);
    if (!session.boot()) return;  // does not fit even at rest
    Cycles arrival;
    for (std::int64_t r = 0; r < options.arrivals.count; ++r) {
      arrival = std::max(arrival, session.last_completion());
      if (options.arrivals.every) arrival = *options.arrivals.every * r;
      if (options.arrivals.rate_hz) arrival += Cycles(random_.between(0, 5000));
      const auto served = session.serve(arrival, !options.arrivals.rate_hz, &case_.inputs);
      if (!served) return violate(served.error().message);
      if (!sums.agree(session.chip().ledger())) return violate("the charges do not sum to the ledger");
    }
    const RunResult result = session.finish(session.last_completion());
    if (!sums.agree(session.chip().ledger())) violate("the charges do not sum to the ledger after the run");
    check(result, wanted.value());
    count(result);
  }

 private:
  void violate(const std::string& what) { steps_.violations.push_back(fmt::format("session {}: {}\n{}", seed_, what, describe(case_))); }

  void check(const RunResult& result, const std::vector<Tensor>& wanted) {
    if (result.completed + std::ssize(result.shed) != case_.options.arrivals.count) violate("a request neither completed nor was shed");
    if (!result.shed.empty() && case_.options.events.empty() && result.shifts_voluntary == 0) violate("shed though nothing happened");
    for (const auto& outputs : result.outputs) {
      if (outputs.empty()) continue;
      if (outputs.size() != wanted.size()) return violate("outputs are missing");
      for (std::size_t o = 0; o < outputs.size(); ++o) {
        const std::string error = output_error(outputs[o].tensor, wanted[o], case_.exact, case_.graph->quantised);
        if (!error.empty()) return violate("outputs: " + error);
        ++steps_.equal;
      }
    }
  }

  void count(const RunResult& result) {
    steps_.run += result.completed * std::ssize(case_.graph->layers) + result.interrupted + result.recomputed;
    steps_.shift += result.shifts_voluntary + result.shifts_forced;
    steps_.wake += result.wakes;
    steps_.gate += result.misgates;
    for (const TimedEvent& timed : case_.options.events) {
      if (timed.at <= result.horizon && (timed.event.kind == EventKind::kFail || timed.event.kind == EventKind::kRecover)) ++steps_.fault;
    }
  }

  const Case& case_;
  std::uint64_t seed_;
  Random random_;
  Steps& steps_;
};

}  // namespace

void walk_session(std::uint64_t seed, Steps& steps) {
  const auto c = random_case(seed);
  if (c) SessionWalk(*c, seed, steps).run();
}

}  // namespace gatefold::test
