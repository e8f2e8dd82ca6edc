// Played scenarios on a chip of round numbers: what is served when, what gives way, what a failure or a cap does; with true outputs.
#include "gatefold/runtime/play.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cost/small_play.h"

namespace gatefold {
namespace {

using test::chain;
using test::Networks;
using test::OutputWatch;
using test::poisson;
using test::prepared;

PlayResult played(const Scenario& scenario, const Networks& networks, const std::string& policy = "greedy") {
  auto result = play(scenario, networks, {.policy = policy, .seed = 3});
  EXPECT_TRUE(result) << result.error().message;
  return std::move(result).value();
}

/// The same with true outputs, none of which may be wrong.
PlayResult watched(const Scenario& scenario, const Networks& networks, const std::string& policy = "greedy") {
  OutputWatch watch(scenario, networks);
  auto result = play(scenario, networks, {.policy = policy, .seed = 3, .timing_only = false}, watch.inputs(), {}, &watch);
  EXPECT_TRUE(result) << result.error().message;
  EXPECT_EQ(watch.wrong(), 0);
  return std::move(result).value();
}

std::int64_t shed(const StreamResult& stream) {
  std::int64_t sum = 0;
  for (const std::int64_t count : stream.shed) sum += count;
  return sum;
}

void expect_all_accounted_for(const PlayResult& result) {
  for (const StreamResult& stream : result.streams) {
    EXPECT_EQ(stream.completed + shed(stream), stream.requests) << stream.name;
    EXPECT_EQ(stream.latency.count(), stream.completed) << stream.name;
  }
}

/// Part by part.
void expect_bounded(const PlayResult& result) {
  const EnergyBound& bound = result.bound;
  EXPECT_LE(bound.dynamic, result.energy.compute + result.energy.memory + result.energy.crossbar) << result.policy;
  EXPECT_LE(bound.external, result.energy.external) << result.policy;
  EXPECT_LE(bound.uncore, result.energy.uncore) << result.policy;
  EXPECT_LE(bound.leakage, result.energy.leakage_on + result.energy.leakage_gated) << result.policy;
  EXPECT_LE(bound.floor, result.energy.floor) << result.policy;
  EXPECT_GT(bound.dynamic, EnergyTotal()) << result.policy;
}

TEST(LatencyHistogram, QuantilesAreAtMostOnePercentOff) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), Cycles(0));
  for (std::int64_t v = 1; v <= 100'000; ++v) histogram.add(Cycles(v * 17));
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const double exact = share * 100'000 * 17;
    EXPECT_NEAR(static_cast<double>(histogram.quantile(share).count()) / exact, 1, 0.01) << share;
  }
  EXPECT_EQ(histogram.max(), Cycles(1'700'000));
  EXPECT_DOUBLE_EQ(histogram.mean(), 17 * 100'001 / 2.0);
}

TEST(LatencyHistogram, SmallAndHugeDurationsHaveBins) {
  LatencyHistogram histogram;
  for (const std::int64_t v : {std::int64_t{0}, std::int64_t{127}, std::int64_t{128}, INT64_MAX}) histogram.add(Cycles(v));
  EXPECT_EQ(histogram.quantile(0.25), Cycles(0));
  EXPECT_EQ(histogram.quantile(0.5), Cycles(127));
  EXPECT_EQ(histogram.quantile(0.75), Cycles(128));
  EXPECT_EQ(histogram.quantile(1), Cycles(INT64_MAX));
}

TEST(Play, EveryPolicyServesTwoNetworksWithTheRightOutputs) {
  const Networks networks{prepared(chain({4, 4, 4}, 2)), prepared(test::residual())};
  const Scenario scenario = poisson({4000, 3000}, 0.1);
  for (const std::string& policy : policy_names()) {
    if (policy == kHindsight) continue;
    const PlayResult result = watched(scenario, networks, policy);
    expect_all_accounted_for(result);
    EXPECT_GT(result.streams[0].completed, 300) << policy;
    EXPECT_EQ(shed(result.streams[0]) + shed(result.streams[1]), 0) << policy;
    EXPECT_EQ(result.executions, result.streams[0].completed * 2 + result.streams[1].completed * 4) << policy;
    const PlayResult timed = played(scenario, networks, policy);
    expect_bounded(timed);
    EXPECT_EQ(timed.energy.total(), result.energy.total()) << policy;  // data take no part in it
    EXPECT_EQ(timed.streams[0].latency.max(), result.streams[0].latency.max()) << policy;
  }
}

TEST(Play, HindsightIsRefused) {
  const Networks networks{prepared(chain({4, 4, 4}, 2)), prepared(test::residual())};
  const auto refused = play(poisson({4000, 3000}, 0.1), networks, {.policy = kHindsight});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "policy 'hindsight': for runs of one network; a scenario is played once");
}

TEST(Play, LayersOfTwoNetworksOverlapOnDisjointClusters) {
  Networks networks{prepared(chain({4, 4, 4, 4}, 2)), prepared(chain({4, 4, 4, 4}, 2))};
  Scenario both = poisson({1, 1}, 0.1);
  const auto at_once = std::make_shared<const std::vector<std::int64_t>>(std::vector<std::int64_t>{1'000'000'000});
  for (Stream& stream : both.streams) {
    stream.arrivals.kind = ArrivalProcess::Kind::kTrace;
    stream.arrivals.trace = at_once;
  }
  Scenario one = both;
  one.streams.pop_back();
  one.networks.pop_back();
  const PlayResult together = played(both, networks);
  networks.pop_back();
  const PlayResult alone = played(one, networks);
  EXPECT_LT(together.streams[1].latency.max(), alone.streams[0].latency.max() * 2);
  EXPECT_GE(together.qos.antt, alone.qos.antt);
}

TEST(Play, TheEarliestDeadlineGoesFirstAtLayerBoundaries) {
  const Networks networks{prepared(chain(std::vector<std::int64_t>(12, 4), 2)), prepared(chain({4, 4}, 2))};
  Scenario scenario = poisson({1, 1}, 1);
  const auto trace = [](std::int64_t at) { return std::make_shared<const std::vector<std::int64_t>>(std::vector<std::int64_t>{at}); };
  scenario.streams[0].arrivals.kind = scenario.streams[1].arrivals.kind = ArrivalProcess::Kind::kTrace;
  scenario.streams[0].arrivals.trace = trace(1'000'000'000);
  scenario.streams[1].arrivals.trace = trace(1'000'000'000 + 20'000'000);  // 20 cycles later: in the middle of the other
  // Neither leaves time to load weights again: they stay, and nobody waits for the external channel.
  scenario.streams[0].deadline.levels = {{400'000'000, std::nullopt}};
  scenario.streams[1].deadline.levels = {{100'000'000, std::nullopt}};
  const PlayResult result = played(scenario, networks);
  EXPECT_EQ(result.qos.met, 1);
  EXPECT_LT(result.streams[1].latency.max(), Cycles(100));
  EXPECT_LT(result.streams[1].latency.max(), result.streams[0].latency.max());
}

TEST(Play, RequestsWhoseDeadlineIsOutOfReachAreShedInsteadOfDelayingOthers) {
  const Networks networks{prepared(chain({4, 4, 4}, 2))};
  const PlayResult result = played(poisson({400'000}, 0.05, 200'000'000), networks);  // many times what the chip serves
  expect_all_accounted_for(result);
  EXPECT_GT(result.streams[0].shed[static_cast<std::size_t>(ShedReason::kTooLate)], 0);
  EXPECT_GT(result.streams[0].met, result.streams[0].completed * 9 / 10);
  ASSERT_FALSE(result.shed_examples.empty());
  EXPECT_LE(result.shed_examples.size(), 8U);
}

TEST(Play, NetworksThatDoNotFitTogetherComeAndGoWithTheRightOutputs) {
  DeviceSpec spec = test::small_chip();
  spec.cluster_count = 1;
  spec.cores_per_cluster = 1;
  spec.banks_per_core = 4;
  const Networks networks{prepared(chain({12, 12, 12}, 1), spec), prepared(chain({12, 12, 12}, 1), spec)};
  const PlayResult result = watched(poisson({20, 20}, 1), networks);
  expect_bounded(result);
  expect_all_accounted_for(result);
  EXPECT_EQ(result.streams[0].completed, result.streams[0].requests);
  EXPECT_EQ(result.streams[1].completed, result.streams[1].requests);
  EXPECT_GT(result.energy.external, EnergyTotal());
}

TEST(Play, OneFailedElementAtATimeLosesNothing) {
  DeviceSpec spec = test::small_chip();
  spec.banks_per_core = 8;
  const Networks networks{prepared(chain({4, 4, 4}, 2), spec), prepared(test::residual(), spec)};
  std::int64_t interrupted = 0;
  std::int64_t recomputed = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Scenario scenario = poisson({5000, 4000}, 0.4);
    scenario.events = test::one_fault_at_a_time(spec, seed, 200, 2'000'000'000);
    const PlayResult result = watched(scenario, networks);
    expect_bounded(result);
    expect_all_accounted_for(result);
    EXPECT_EQ(result.faults, 400);
    EXPECT_EQ(shed(result.streams[0]) + shed(result.streams[1]), 0) << seed;
    EXPECT_EQ(result.recoveries.count, result.interrupted) << seed;  // no fault comes in the middle of a recovery
    EXPECT_EQ(result.recoveries.exceeded, 0) << seed;
    interrupted += result.interrupted;
    recomputed += result.recomputed;
  }
  EXPECT_GT(interrupted, 0);
  EXPECT_GT(recomputed, 0);
}

TEST(Play, ACapIsExceededForOneLayerAtMostAndCostsTime) {
  const Networks networks{prepared(chain({4, 4, 4, 4}, 2))};
  Scenario scenario = poisson({1000}, 0.5);
  const PlayResult free = played(scenario, networks);
  const double seconds = static_cast<double>(free.horizon.count()) / static_cast<double>(free.clock_hz);
  const Power mean(std::llround(free.energy.total().joules() / seconds * 1e12));
  scenario.events.push_back({0, PowerCap{mean, std::nullopt}});
  const PlayResult capped = played(scenario, networks);
  EXPECT_GT(capped.cap_violated, Cycles(0));
  EXPECT_LE(capped.cap_violated_most, capped.cap_layer_most);
  EXPECT_GT(capped.streams[0].latency.mean(), free.streams[0].latency.mean());
  EXPECT_EQ(capped.capped, capped.horizon);
  EXPECT_EQ(free.cap_violated, Cycles(0));
}

/// A periodic stream of 1000 requests per second, 1000 cycles apart.
Scenario periodic(std::int64_t deadline_ps) {
  Scenario scenario = poisson({1000}, 0.5, deadline_ps);
  scenario.streams[0].arrivals.kind = ArrivalProcess::Kind::kPeriodic;
  return scenario;
}

TEST(Play, RequestsWithSlackWaitToShareAWakeAndMissNoDeadline) {
  const Networks networks{prepared(chain({4, 4, 4}, 2))};
  const Scenario scenario = periodic(4'000'000'000);  // four periods: two fifths of that are one and a half
  const PlayResult at_once = played(scenario, networks, "static");
  EXPECT_EQ(at_once.coalesced.waited, 0);
  for (const char* policy : {"static+same", "greedy", "regret"}) {
    const PlayResult shared = watched(scenario, networks, policy);
    EXPECT_GT(shared.coalesced.saved, 200) << policy;
    EXPECT_EQ(shared.qos.met, 1) << policy;
    EXPECT_LT(shared.energy.total(), at_once.energy.total()) << policy;
    EXPECT_LE(shared.coalesced.longest, Cycles(1600)) << policy;
    EXPECT_GT(shared.streams[0].latency.mean(), 400 + at_once.streams[0].latency.mean()) << policy;
    EXPECT_EQ(shared.streams[0].completed, at_once.streams[0].completed) << policy;
  }
}

TEST(Play, RequestsInAHurryOrWithoutADeadlineDoNotWait) {
  const Networks networks{prepared(chain({4, 4, 4}, 2))};
  Scenario scenario = periodic(2'000'000'000);  // two fifths of the slack are less than a period
  EXPECT_EQ(played(scenario, networks, "static+same").coalesced.waited, 0);
  scenario.streams[0].deadline.levels.clear();
  EXPECT_EQ(played(scenario, networks, "static+same").coalesced.waited, 0);
  const Scenario random = poisson({1000}, 0.5, 4'000'000'000);
  EXPECT_LT(played(random, networks, "static+same").coalesced.waited, 30);  // three intervals may be alike by chance
}

TEST(Play, EarlyExitsRunFewerLayers) {
  const Networks networks{prepared(chain({4, 4, 4, 4, 4}, 2))};
  Scenario scenario = poisson({2000}, 0.2);
  scenario.streams[0].early_exit = EarlyExit{0.5, 1};
  const PlayResult result = played(scenario, networks);
  EXPECT_EQ(result.executions, result.streams[0].completed * 2);
}

TEST(Play, ACompletedRequestTriggersOthers) {
  const Networks networks{prepared(chain({4, 4}, 2)), prepared(chain({4, 4}, 2))};
  Scenario scenario = poisson({1000, 1}, 0.2);
  scenario.streams[1].arrivals.kind = ArrivalProcess::Kind::kTriggered;
  scenario.streams[1].arrivals.trigger = Trigger{StreamId(0), false, 1, 2, 0};
  const PlayResult result = played(scenario, networks);
  EXPECT_EQ(result.streams[1].requests, 2 * result.streams[0].completed);
}

TEST(Play, ANetworkThatLeavesGivesItsBanksUp) {
  const Networks networks{prepared(chain({4, 4}, 2)), prepared(chain({4, 4}, 2))};
  Scenario scenario = poisson({1000, 1000}, 0.2);
  scenario.events.push_back({100'000'000'000, StreamLeaves{StreamId(1)}});
  const PlayResult left = played(scenario, networks);
  scenario.events.clear();
  const PlayResult stayed = played(scenario, networks);
  EXPECT_LT(left.streams[1].requests, stayed.streams[1].requests);
  EXPECT_LT(left.energy.leakage_gated, stayed.energy.leakage_gated);
}

TEST(Play, ResolvedFiguresAreThoseOfStatic) {
  const Networks networks{prepared(chain({4, 4, 4}, 2))};
  Scenario scenario = poisson({0}, 0.1);
  scenario.streams[0].arrivals.rate.utilisation = 0.25;
  scenario.streams[0].deadline.levels = {{0, 3.0}};
  scenario.events.push_back({50'000'000'000, PowerCap{std::nullopt, 0.5}});
  EXPECT_FALSE(play(scenario, networks, {}));
  const auto resolved = resolve(scenario, networks, 1);
  ASSERT_TRUE(resolved) << resolved.error().message;
  EXPECT_TRUE(is_resolved(resolved.value()));
  const auto& level = resolved.value().streams[0].deadline.levels[0];
  EXPECT_NEAR(resolved.value().streams[0].arrivals.rate.hz * static_cast<double>(level.ps) / 3 / 1e12, 0.25, 1e-6);
  EXPECT_TRUE(play(resolved.value(), networks, {}));
}

TEST(Play, AnUnknownPolicyIsRefused) {
  const auto refused = play(poisson({1}, 0.1), {prepared(chain({4, 4}, 2))}, {.policy = "fastest"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidInput);
}

}  // namespace
}  // namespace gatefold
