// Gaps between requests of random streams, inside runs: what they cost under every policy, and weights that are lost and loaded again.
#include <gtest/gtest.h>

#include "cost/small_run.h"
#include "gatefold/runtime/session.h"

namespace gatefold {
namespace {

using test::chain;
using test::inputs_of;
using test::prepared;

RunOptions random_requests(const std::string& policy, double rate_hz, std::uint64_t seed = 1) {
  RunOptions options;
  options.policy = policy;
  options.arrivals = {.count = 40, .every = std::nullopt, .rate_hz = rate_hz};
  options.seed = seed;
  return options;
}

std::vector<std::string> gating_policies() { return {"static", "static+timeout", "static+same", "idle-timeout", "greedy"}; }

TEST(GapsInRuns, NoRuleExceedsItsBoundAndGatingCostsNoMoreThanWakesOfGapsThatEndedEarly) {
  const auto network = prepared(chain({4, 4, 4}, 3));
  for (const std::string& policy : gating_policies()) {
    for (const double rate : {20000.0, 3000.0, 300.0, 30.0}) {  // of 10^6 cycles per second
      for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        RunOptions options = random_requests(policy, rate, seed);
        options.timing_only = true;
        const auto result = run(*network, options, {});
        ASSERT_TRUE(result) << result.error().message;
        std::int64_t gaps = 0;
        for (const UnknownGaps& of : result.value().unknown_gaps) {
          gaps += of.count;
          EXPECT_LE(of.paid - of.stayed_on, of.early_wakes) << policy << ' ' << rate;
          EXPECT_LE(of.offline, of.paid) << policy << ' ' << rate;
          EXPECT_LE(of.competitive, EnergyTotal::repeated(of.offline, 2)) << policy << ' ' << rate;
        }
        EXPECT_GT(gaps, 0);
      }
    }
  }
}

TEST(GapsInRuns, WeightsThatARareRequestFindsLostAreLoadedAgainAndChangeNothingElse) {
  const auto network = prepared(chain({4, 4, 4}, 3));
  const std::vector<InputSet> inputs{inputs_of(network->graph())};
  const auto kept = run(*network, random_requests("ungated", 10), inputs);
  ASSERT_TRUE(kept) << kept.error().message;
  for (const char* policy : {"static", "static+timeout", "static+same", "greedy"}) {
    const auto result = run(*network, random_requests(policy, 10), inputs);
    ASSERT_TRUE(result) << result.error().message;
    const RunResult& lossy = result.value();
    EXPECT_GT(lossy.refills, 30) << policy;
    EXPECT_GT(lossy.reloaded, Bytes(0));
    EXPECT_EQ(lossy.energy.external, lossy.reloaded * network->spec().external_byte);
    EXPECT_EQ(lossy.completed, 40);
    ASSERT_EQ(lossy.outputs.size(), kept.value().outputs.size());
    for (std::size_t r = 0; r < lossy.outputs.size(); ++r) {
      const Tensor& got = lossy.outputs[r].front().tensor;
      for (std::int64_t i = 0; i < got.shape().elements(); ++i) {
        EXPECT_EQ(got.number_at(i), kept.value().outputs[r].front().tensor.number_at(i)) << policy;
      }
    }
  }
}

TEST(GapsInRuns, ADeadlineThatAReloadWouldMissKeepsTheWeights) {
  const auto network = prepared(chain({4, 4, 4}, 3));
  RunOptions options = random_requests("static", 10);
  options.timing_only = true;
  const auto free = run(*network, options, {});
  ASSERT_TRUE(free);
  options.deadline = network->plan().reference_total + Cycles(20);  // for wakes and the first route
  const auto urgent = run(*network, options, {});
  ASSERT_TRUE(urgent);
  EXPECT_GT(free.value().refills, 0);
  EXPECT_EQ(urgent.value().refills, 0);
  EXPECT_EQ(urgent.value().deadline_misses, 0);
  EXPECT_LT(free.value().energy.total(), urgent.value().energy.total());
  options.deadline = Cycles(1000);
  const auto patient = run(*network, options, {});
  ASSERT_TRUE(patient);
  EXPECT_EQ(patient.value().refills, free.value().refills);
  EXPECT_EQ(patient.value().deadline_misses, 0);
}

TEST(GapsInRuns, WhoForeseesNothingWaitsForEveryWakeAndLosesNoWeights) {
  const auto network = prepared(chain({4, 4, 4}, 3));
  for (const bool declared : {true, false}) {
    RunOptions timed = random_requests("idle-timeout", 10);
    if (declared) timed.arrivals = {.count = 40, .every = Cycles(100'000), .rate_hz = std::nullopt};
    timed.timing_only = true;
    RunOptions foreseeing = timed;
    foreseeing.policy = "static+timeout";
    const auto slow = run(*network, timed, {});
    const auto fast = run(*network, foreseeing, {});
    ASSERT_TRUE(slow && fast);
    EXPECT_EQ(slow.value().refills, 0);
    if (!declared) continue;
    EXPECT_GT(slow.value().stall, fast.value().stall);
    EXPECT_GT(slow.value().energy.total(), fast.value().energy.total());
  }
}

}  // namespace
}  // namespace gatefold
