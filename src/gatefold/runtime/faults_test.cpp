// What a failure does to a run: on chips of round numbers, every policy, with true outputs.
#include <gtest/gtest.h>

#include "cost/small_run.h"
#include "gatefold/remap/policy.h"
#include "graph/interpreter.h"

namespace gatefold {
namespace {

using test::chain;
using test::inputs_of;
using test::prepared;

Event failure(std::int32_t cluster, std::int32_t core = -1, std::int32_t bank = -1) {
  return {EventKind::kFail, ClusterId(cluster), 100, core, bank};
}
Event recovery(std::int32_t cluster, std::int32_t core = -1, std::int32_t bank = -1) {
  return {EventKind::kRecover, ClusterId(cluster), 100, core, bank};
}

/// The cluster and core in which the plan has a layer.
std::int32_t cluster_of(const PreparedNetwork& network, std::size_t layer) { return network.plan().assignment[layer].first; }
std::int32_t core_of(const PreparedNetwork& network, std::size_t layer) {
  return std::countr_zero(network.plan().assignment[layer].core_mask);
}

RunResult ran(const PreparedNetwork& network, const std::string& policy, std::vector<TimedEvent> events, std::int64_t count = 1) {
  RunOptions options;
  options.policy = policy;
  options.arrivals.count = count;
  options.events = std::move(events);
  auto result = run(network, options, {inputs_of(network.graph())});
  EXPECT_TRUE(result) << result.error().message;
  return std::move(result).value();
}

void expect_right(const PreparedNetwork& network, const RunResult& result) {
  const auto wanted = test::run_graph(network.graph(), inputs_of(network.graph()), Numerics::kInteger);
  ASSERT_TRUE(wanted);
  for (const auto& outputs : result.outputs) {
    ASSERT_EQ(outputs.size(), 1U);
    for (std::int64_t i = 0; i < outputs[0].tensor.shape().elements(); ++i) {
      EXPECT_NEAR(outputs[0].tensor.number_at(i), wanted.value()[0].number_at(i), 1e-4);
    }
  }
}

TEST(Faults, EveryPolicySurvivesOneFailedClusterWithTheSameOutputs) {
  const auto network = prepared(chain({4, 4, 4, 4}, 2));
  for (const std::string& policy : policy_names()) {
    if (policy == kHindsight) continue;  // it has left before
    for (const std::int64_t at : {0, 5, 12, 20, 24}) {
      const std::int32_t cluster = policy == "seed-literal" ? 0 : cluster_of(*network, 1);
      const RunResult result = ran(*network, policy, {{Cycles(at), failure(cluster)}}, 3);
      EXPECT_EQ(result.completed, 3) << policy << " at " << at;
      EXPECT_GT(result.shifts_forced, 0) << policy << " at " << at;
      EXPECT_GT(result.reloaded, Bytes(0)) << policy << " at " << at;
      expect_right(*network, result);
    }
  }
}

TEST(Faults, ALayerThatIsCaughtRunsAgainAndWhatItTookStaysCharged) {
  const auto network = prepared(chain({4, 4}, 2));  // executes over [3, 10)
  const RunResult whole = ran(*network, "greedy", {});
  const RunResult caught = ran(*network, "greedy", {{Cycles(6), failure(cluster_of(*network, 0))}});
  EXPECT_EQ(caught.interrupted, 1);
  EXPECT_EQ(caught.energy.compute, whole.energy.compute + Energy(whole.energy.compute == EnergyTotal() ? 0 : 64 * 3 / 7));
  EXPECT_GT(caught.request_records[0].completion, whole.request_records[0].completion);
  EXPECT_EQ(caught.input_bytes, whole.input_bytes * 2);  // the input lay there, too
  expect_right(*network, caught);
}

TEST(Faults, ALostActivationIsComputedAgainFromWhatSurvives) {
  DeviceSpec spec = test::small_chip();
  spec.banks_per_core = 8;  // one less still holds everything
  const auto network = prepared(test::residual(), spec);
  std::int64_t recomputed = 0;
  for (std::int64_t at = 0; at < 40; ++at) {
    for (std::int32_t bank = 0; bank < network->spec().banks_per_core; ++bank) {
      const RunResult result = ran(*network, "greedy", {{Cycles(at), failure(cluster_of(*network, 1), core_of(*network, 1), bank)}});
      EXPECT_EQ(result.completed, 1) << at << " bank " << bank;
      recomputed += result.recomputed;
      expect_right(*network, result);
    }
  }
  EXPECT_GT(recomputed, 0);
}

TEST(Faults, AFailedCoreLeavesTheOthersOfItsCluster) {
  DeviceSpec spec = test::small_chip();
  spec.cluster_count = 1;
  const auto network = prepared(chain({4, 4}, 2), spec);
  const RunResult result = ran(*network, "greedy", {{Cycles(0), failure(0, core_of(*network, 0))}});
  EXPECT_EQ(result.completed, 1);
  EXPECT_EQ(result.shifts_forced, 1);
  EXPECT_EQ(result.layers[0].placement, "cluster 0, core 1");
  expect_right(*network, result);
}

TEST(Faults, WithoutAnyClusterLeftRequestsAreShedUntilOneRecovers) {
  DeviceSpec spec = test::small_chip();
  spec.cluster_count = 1;
  const auto network = prepared(chain({4, 4}, 2), spec);
  for (const std::string& policy : policy_names()) {
    const RunResult dead = ran(*network, policy, {{Cycles(0), failure(0)}}, 2);
    EXPECT_EQ(dead.completed, 0) << policy;
    ASSERT_EQ(dead.shed.size(), 2U) << policy;
    EXPECT_NE(dead.shed[0].reason.find("layer 'conv0' waits for cluster 0"), std::string::npos) << dead.shed[0].reason;
    const RunResult back = ran(*network, policy, {{Cycles(5), failure(0)}, {Cycles(900), recovery(0)}}, 2);
    EXPECT_EQ(back.completed, 2) << policy;
    EXPECT_GT(back.request_records[0].completion, Cycles(900)) << policy;
    expect_right(*network, back);
  }
}

TEST(Faults, StaticTakesItsSparePlanAndReturnsWhenTheClusterRecovers) {
  const auto network = prepared(chain({4, 4, 4}, 2));
  const std::int32_t cluster = cluster_of(*network, 0);
  const RunResult result = ran(*network, "static", {{Cycles(100), failure(cluster)}, {Cycles(2000), recovery(cluster)}}, 400);
  EXPECT_EQ(result.completed, 400);
  EXPECT_EQ(result.shifts_voluntary, 0);
  const std::string planned = network->plan().assignment[0].text();
  EXPECT_EQ(result.layers[0].placement, planned);
  EXPECT_EQ(result.layers[0].shifts, 2);
  expect_right(*network, result);
  const auto spare = plan_spare(network->table(), network->plan().assignment, network->plan().spilling, ClusterId(cluster));
  ASSERT_TRUE(spare);
  for (const Placement& placement : *spare) EXPECT_TRUE(cluster < placement.first || cluster > placement.last()) << placement.text();
}

TEST(Faults, AfterASecondFailureStaticShedsWhatGreedyServes) {
  const auto network = prepared(chain({4, 4}, 2));
  const std::int32_t first = cluster_of(*network, 0);
  const auto spare = plan_spare(network->table(), network->plan().assignment, network->plan().spilling, ClusterId(first));
  ASSERT_TRUE(spare);
  const std::vector<TimedEvent> events{{Cycles(100), failure(first)}, {Cycles(500), failure((*spare)[0].first)}};
  const RunResult fixed = ran(*network, "static", events, 100);
  EXPECT_GT(fixed.completed, 0);
  EXPECT_GT(fixed.shed.size(), 0U);
  const RunResult greedy = ran(*network, "greedy", events, 100);
  EXPECT_EQ(greedy.completed, 100);
  expect_right(*network, greedy);
}

TEST(Faults, WeightsThatFindNoRoomAtHomeAnyMoreAreMovedOrTheRequestIsShed) {
  DeviceSpec spec = test::small_chip();
  spec.cluster_count = 1;
  spec.cores_per_cluster = 1;
  spec.banks_per_core = 3;  // one each for weights, input and output
  const auto network = prepared(chain({4, 4}, 2), spec);
  const RunResult result = ran(*network, "greedy", {{Cycles(100), failure(0, 0, 0)}}, 100);
  EXPECT_GT(result.completed, 0);
  ASSERT_GT(result.shed.size(), 0U);
  EXPECT_EQ(result.completed + std::ssize(result.shed), 100);
}

TEST(Faults, ASpilledLayerThatIsCaughtRunsAgainAndWhatLiesOutsideSurvives) {
  const auto network = prepared(chain({8, 8, 8}, 20));  // as large as the whole memory of 8 cores
  ASSERT_FALSE(network->plan().spilling.tensors.empty());
  const RunResult whole = ran(*network, "greedy", {});
  std::int64_t interrupted = 0;
  for (std::int64_t step = 1; step < 24; ++step) {
    const Cycles at(whole.request_records[0].completion.count() * step / 24);
    const RunResult result = ran(*network, "greedy", {{at, failure(cluster_of(*network, 1), core_of(*network, 1))}});
    ASSERT_EQ(result.completed, 1) << at.count() << ": " << (result.shed.empty() ? "" : result.shed[0].reason);
    EXPECT_EQ(result.recomputed, 0) << at.count();  // everything between layers is outside
    interrupted += result.interrupted;
    EXPECT_TRUE(result.interrupted == 0 || result.energy.external > whole.energy.external) << at.count();
    expect_right(*network, result);
  }
  EXPECT_GT(interrupted, 0);
}

TEST(Faults, ALayerWhoseActivationsFindNoRoomAnyMoreMoves) {
  DeviceSpec spec = test::small_chip();
  spec.banks_per_core = 3;  // one each for weights, input and output
  const auto network = prepared(chain({4, 4}, 2), spec);
  const RunResult result = ran(*network, "greedy", {{Cycles(100), failure(cluster_of(*network, 0), core_of(*network, 0), 2)}}, 50);
  EXPECT_EQ(result.completed, 50);
  EXPECT_TRUE(result.shed.empty());
  EXPECT_GT(result.shifts_forced, 0);
  expect_right(*network, result);
}

TEST(Faults, MasksOfWorkingCoresSkipTheFailedOnes) {
  const auto masks = [](std::int32_t count, std::uint16_t failed) {
    const CoreMasks made = core_masks(4, count, failed);
    return std::vector<std::uint16_t>(made.begin(), made.end());
  };
  EXPECT_EQ(masks(2, 0), (std::vector<std::uint16_t>{3, 6, 12}));
  EXPECT_EQ(masks(2, 2), (std::vector<std::uint16_t>{5, 12}));
  EXPECT_EQ(masks(3, 2), (std::vector<std::uint16_t>{13}));
  EXPECT_EQ(masks(4, 2), (std::vector<std::uint16_t>{}));
}

}  // namespace
}  // namespace gatefold
