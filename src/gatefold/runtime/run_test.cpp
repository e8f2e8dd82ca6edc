// Whole runs on a chip of round numbers: what is refused, what arrives when, what events do.
#include "gatefold/runtime/run.h"

#include <gtest/gtest.h>

#include "cost/small_run.h"
#include "graph/interpreter.h"

namespace gatefold {
namespace {

using test::chain;
using test::inputs_of;
using test::prepared;

RunOptions timing(const std::string& policy, std::int64_t count = 1) {
  RunOptions options;
  options.policy = policy;
  options.arrivals.count = count;
  options.timing_only = true;
  return options;
}

RunResult done(const PreparedNetwork& network, const RunOptions& options) {
  auto result = run(network, options, {});
  EXPECT_TRUE(result) << result.error().message;
  return std::move(result).value();
}

/// Occupies the cluster in which the plan has the first layer, over [from, until).
std::vector<TimedEvent> occupied(const PreparedNetwork& network, std::int64_t from, std::int64_t until) {
  const ClusterId cluster(static_cast<std::int32_t>(network.plan().assignment[0].first));
  return {{Cycles(from), {EventKind::kOccupy, cluster, 100}}, {Cycles(until), {EventKind::kRelease, cluster, 100}}};
}

TEST(Run, AnUnknownPolicyIsRefusedWithTheKnownOnes) {
  const auto refused = run(*prepared(chain({4, 4}, 2)), timing("fastest"), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(refused.error().message,
            "policy 'fastest': unknown; wanted one of ungated, static, static+timeout, static+same, idle-timeout, seed-literal, greedy, "
            "regret, work-function, hindsight");
}

TEST(Run, HindsightIsWhatTheWorkFunctionIsMeasuredBy) {
  const auto network = prepared(chain({4, 8, 4, 4}, 4));
  RunOptions options = timing("work-function", 60);
  const Cycles latency = done(*network, timing("static")).request_records.front().completion;
  options.arrivals.every = latency * 2;
  options.deadline = latency + Cycles(latency.count() / 2);
  options.events = occupied(*network, latency.count() * 10, latency.count() * 80);
  const auto online = done(*network, options).live_ratio;
  options.policy = kHindsight;
  const auto offline = done(*network, options).live_ratio;
  ASSERT_TRUE(online && offline);
  EXPECT_EQ(online->configurations, offline->configurations);
  EXPECT_GT(online->configurations, 2U);
  EXPECT_LT(offline->ratio(), online->ratio() + 1e-9);
  EXPECT_NEAR(offline->ratio(), 1, 0.03);  // what happens inside a request is not foreseen
  EXPECT_LE(online->ratio(), 2 * static_cast<double>(online->configurations) - 1);
  EXPECT_FALSE(done(*network, timing("regret", 3)).live_ratio);
}

TEST(Run, WrongInputsAreRefused) {
  const auto network = prepared(chain({4, 4}, 2));
  RunOptions options;
  options.arrivals.count = 3;
  const Tensor right = Tensor::splat<float>(Shape{1, 4, 2, 2}, 1).dense();
  const std::pair<std::vector<InputSet>, const char*> cases[] = {
      {{}, "0 input sets for 3 requests; wanted one, or one per request"},
      {{{right}, {right}}, "2 input sets for 3 requests; wanted one, or one per request"},
      {{{right, right}}, "2 inputs; the network wants 1"},
      {{{Tensor::splat<float>(Shape{1, 4, 2, 3}, 1).dense()}}, "input 'x': found float32 [1, 4, 2, 3], wanted float32 [1, 4, 2, 2]"},
      {{{Tensor::splat<std::int8_t>(Shape{1, 4, 2, 2}, 1).dense()}}, "input 'x': found int8 [1, 4, 2, 2], wanted float32 [1, 4, 2, 2]"},
  };
  for (const auto& [inputs, message] : cases) {
    const auto refused = run(*network, options, inputs);
    ASSERT_FALSE(refused) << message;
    EXPECT_EQ(refused.error().message, message);
  }
  EXPECT_TRUE(run(*network, options, {{right}}));
  EXPECT_TRUE(run(*network, options, {{right}, {right}, {right}}));
}

TEST(Run, NoRequestsAreRefused) {
  const auto refused = run(*prepared(chain({4, 4}, 2)), timing("static", 0), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "0 requests; wanted at least 1");
}

TEST(Run, OneLayerTakesItsRouteAndItsCycles) {
  const RunResult result = done(*prepared(chain({4, 4}, 2)), timing("static"));
  EXPECT_EQ(result.request_records[0].completion, Cycles(3 + 7));  // the route is set first; wakes are hidden
  EXPECT_EQ(result.stall, Cycles(3));
  EXPECT_EQ(result.layers[0].cycles, Cycles(7));
}

TEST(Run, ALaterLayersRouteIsSetWhileItsProducerRuns) {
  const RunResult result = done(*prepared(chain({4, 4, 4}, 2)), timing("static"));
  EXPECT_EQ(result.request_records[0].completion, Cycles(3 + 7 + 7));
  EXPECT_EQ(result.stall, Cycles(3));
}

TEST(Run, InAClosedLoopARequestArrivesWhenTheOneBeforeCompletes) {
  const RunResult result = done(*prepared(chain({4, 4}, 2)), timing("static", 3));
  for (std::size_t r = 0; r < 3; ++r) {
    EXPECT_EQ(result.request_records[r].arrival, Cycles(static_cast<std::int64_t>(10 * r)));
    EXPECT_EQ(result.request_records[r].completion, Cycles(static_cast<std::int64_t>(10 * r + 10)));
  }
  EXPECT_EQ(result.horizon, Cycles(30));
}

TEST(Run, PeriodicRequestsArriveOnTimeAndTheHorizonCoversTheLastPeriod) {
  RunOptions options = timing("static", 3);
  options.arrivals.every = Cycles(1000);
  const RunResult result = done(*prepared(chain({4, 4}, 2)), options);
  EXPECT_EQ(result.request_records[2].arrival, Cycles(2000));
  EXPECT_EQ(result.request_records[2].completion, Cycles(2010));
  EXPECT_EQ(result.horizon, Cycles(3000));
}

TEST(Run, PoissonArrivalsFollowTheSeed) {
  RunOptions options = timing("static", 5);
  options.arrivals.rate_hz = 1000;
  const auto network = prepared(chain({4, 4}, 2));
  const auto arrivals = [&](std::uint64_t seed) {
    options.seed = seed;
    std::vector<Cycles> times;
    for (const RequestRecord& request : done(*network, options).request_records) times.push_back(request.arrival);
    return times;
  };
  EXPECT_EQ(arrivals(1), arrivals(1));
  EXPECT_NE(arrivals(1), arrivals(2));
}

TEST(Run, AWakeThatNobodyForesawIsWaitedFor) {
  RunOptions options = timing("static", 4);
  options.arrivals.rate_hz = 100;  // 10,000 cycles apart: everything is gated between
  const auto network = prepared(chain({4, 4}, 2));
  const RunResult result = done(*network, options);
  // The bank of weights went OFF: it wakes and is filled again, one cycle for each byte, before the layer can run.
  const Cycles filled = network->spec().bank.wake_latency_off + external_cycles(network->spec(), network->table().weight_bytes());
  for (const RequestRecord& request : result.request_records) {
    EXPECT_GE(request.completion - request.arrival, Cycles(4 + 7));  // the cluster's wake covers the route change
    EXPECT_LE(request.completion - request.arrival, Cycles(4 + 5 + 3 + 7) + filled);
  }
  EXPECT_GT(result.refills, 0);
}

TEST(Run, AThrottledClusterRunsSlower) {
  const auto network = prepared(chain({4, 4}, 2));
  RunOptions options = timing("static");
  options.events = {{Cycles(0), {EventKind::kThrottle, ClusterId(static_cast<std::int32_t>(network->plan().assignment[0].first)), 50}}};
  EXPECT_EQ(done(*network, options).request_records[0].completion, Cycles(3 + 14));
}

TEST(Run, StaticWaitsForAnOccupiedClusterAndGreedyMoves) {
  const auto network = prepared(chain({4, 4}, 2));
  RunOptions options = timing("static");
  options.events = occupied(*network, 0, 5000);
  EXPECT_EQ(done(*network, options).request_records[0].completion, Cycles(5000 + 7));
  options.policy = "greedy";
  const RunResult moved = done(*network, options);
  EXPECT_LT(moved.request_records[0].completion, Cycles(100));
  EXPECT_EQ(moved.shifts_forced, 1);
  EXPECT_EQ(moved.shifts_voluntary, 0);
  EXPECT_EQ(moved.shift_bytes, network->table().work(LayerId(0)).weights);
}

TEST(Run, AShiftCostsRoutesTransferAndWiresInTheLedger) {
  const auto network = prepared(chain({4, 4}, 2));
  RunOptions options = timing("greedy");
  options.events = occupied(*network, 0, 5000);
  const RunResult moved = done(*network, options);
  // 32 bytes read and written, over two pitches (the next cluster); control words of both ends.
  EXPECT_EQ(moved.shift_energy, Energy(32 * 2 + 32 * 2 * 2 + 2 * 12));
  EXPECT_EQ(moved.layers[0].shifts, 1);
}

TEST(Run, ARequestThatWaitsForWhatIsNeverReleasedIsShedAndSaysWhichLayer) {
  const auto network = prepared(chain({4, 4}, 2));
  RunOptions options = timing("static", 3);
  options.events = occupied(*network, 15, 5000);  // while the second request runs
  options.events.pop_back();
  const RunResult result = done(*network, options);
  EXPECT_EQ(result.completed, 2);
  ASSERT_EQ(result.shed.size(), 1U);
  EXPECT_EQ(result.shed[0].request, 2);
  EXPECT_EQ(result.shed[0].arrival, Cycles(20));
  EXPECT_EQ(result.shed[0].reason, "layer 'conv0' waits for " + network->plan().assignment[0].text() +
                                       ", which no event gives back, and policy 'static' does not move it");
  ASSERT_EQ(result.outputs.size(), 3U);
  EXPECT_TRUE(result.outputs[2].empty());
}

TEST(Run, PhasesDivideTheRunAtTheFirstAndTheLastEvent) {
  const auto network = prepared(chain({4, 4}, 2));
  RunOptions options = timing("static", 100);
  options.events = occupied(*network, 100, 300);
  const RunResult result = done(*network, options);
  ASSERT_EQ(result.phases.size(), 3U);
  EXPECT_EQ(result.phases[0].name, "before");
  EXPECT_EQ(result.phases[1].begin, Cycles(100));
  EXPECT_EQ(result.phases[1].end, Cycles(300));
  EXPECT_EQ(result.phases[2].end, result.horizon);
  EXPECT_DOUBLE_EQ(result.phases[0].mean_active, 1);
  EXPECT_LT(result.phases[1].mean_active, 0.5);  // it waits, gated
}

TEST(Run, DeadlinesAreCounted) {
  RunOptions options = timing("static", 2);
  options.deadline = Cycles(10);
  EXPECT_EQ(done(*prepared(chain({4, 4}, 2)), options).deadline_misses, 0);
  options.deadline = Cycles(9);
  EXPECT_EQ(done(*prepared(chain({4, 4}, 2)), options).deadline_misses, 2);
}

TEST(Run, EveryRequestHasItsOwnOutput) {
  const auto graph = chain({4, 6, 3}, 2);
  RunOptions options;
  options.policy = "greedy";
  options.arrivals.count = 2;
  const Tensor ones = Tensor::splat<float>(Shape{1, 4, 2, 2}, 1).dense();
  const std::vector<InputSet> inputs{inputs_of(*graph), {ones}};
  const auto result = run(*prepared(graph), options, inputs);
  ASSERT_TRUE(result) << result.error().message;
  for (std::size_t r = 0; r < 2; ++r) {
    const auto wanted = test::run_graph(*graph, inputs[r], Numerics::kInteger);
    ASSERT_TRUE(wanted);
    const Tensor& got = result.value().outputs[r][0].tensor;
    for (std::int64_t i = 0; i < got.shape().elements(); ++i) EXPECT_NEAR(got.number_at(i), wanted.value()[0].number_at(i), 1e-5);
  }
}

}  // namespace
}  // namespace gatefold
