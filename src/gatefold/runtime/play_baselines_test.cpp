// Where fixed plans place several networks, and the best of them on the very requests.
#include <gtest/gtest.h>

#include <algorithm>

#include "cost/small_play.h"
#include "gatefold/runtime/play_engine.h"
#include "gatefold/runtime/play_trace.h"

namespace gatefold {
namespace {

using test::chain;
using test::Networks;
using test::poisson;
using test::prepared;

std::int64_t missed(const PlayResult& result) {
  std::int64_t sum = 0;
  for (const StreamResult& stream : result.streams) sum += stream.requests - stream.met;
  return sum;
}

/// An engine on the whole chip.
class Booted {
 public:
  Booted(const Scenario& scenario, const Networks& networks) : engine_(scenario, networks, options_, nullptr) {
    EXPECT_TRUE(engine_.boot({}));
  }
  [[nodiscard]] const PlayEngine& engine() const { return engine_; }

 private:
  PlayOptions options_;
  PlayEngine engine_;
};

TEST(Partition, GivesEveryNetworkClustersOfItsOwn) {
  const Networks networks{prepared(chain({8, 8, 8}, 2)), prepared(chain({8, 8}, 2)), prepared(test::residual())};
  const Scenario scenario = poisson({1000, 500, 200}, 0.1);
  const Booted booted(scenario, networks);
  const auto partition = booted.engine().partition(true);
  ASSERT_TRUE(partition);
  std::vector<int> owners(4, -1);
  for (std::size_t n = 0; n < partition->plans.size(); ++n) {
    for (const Placement& home : partition->plans[n].assignment) {
      for (std::int32_t k = home.first; k <= home.last(); ++k) {
        int& owner = owners.at(static_cast<std::size_t>(k));
        EXPECT_TRUE(owner < 0 || owner == static_cast<int>(n)) << k;
        owner = static_cast<int>(n);
      }
    }
  }
  EXPECT_GT(partition->watts, 0);
}

TEST(Partition, IsNotTakenWhereEachNetworkHasItsCheapestPlanAnyway) {
  const Networks networks{prepared(chain({4, 4}, 2)), prepared(chain({4, 4}, 2))};
  EXPECT_FALSE(Booted(poisson({1000, 500}, 0.1), networks).engine().partition(false));
}

TEST(Partition, ThereIsNoneOfOneNetworkOrOfMoreThanThereAreClusters) {
  Networks networks{prepared(chain({4, 4}, 2))};
  EXPECT_FALSE(Booted(poisson({1000}, 0.1), networks).engine().partition(true));
  std::vector<double> rates{1000};
  for (int n = 1; n < 5; ++n) {
    networks.push_back(prepared(chain({4, 4}, 2)));
    rates.push_back(10);
  }
  EXPECT_FALSE(Booted(poisson(rates, 0.1), networks).engine().partition(true));
}

/// The declared rates are far off: whoever knows the requests sleeps as deeply as pays.
TEST(StaticOnTheTrace, IsNeverWorseThanStaticAndBetterWithWrongRates) {
  const Networks networks{prepared(chain({4, 4, 4}, 2)), prepared(chain({4, 4}, 2))};
  for (const double declared : {1.0, 30.0, 100'000.0}) {
    Scenario scenario = poisson({30, 20}, 2);
    scenario.streams[0].declared.rate = Rate{declared, std::nullopt};
    scenario.streams[1].declared.rate = Rate{declared, std::nullopt};
    const auto fixed = play(scenario, networks, {.policy = "static"});
    const auto best = play(scenario, networks, {.policy = kStaticTrace});
    ASSERT_TRUE(fixed && best);
    EXPECT_EQ(best.value().policy, kStaticTrace);
    EXPECT_LE(missed(best.value()), missed(fixed.value()));
    EXPECT_LE(best.value().energy.total(), fixed.value().energy.total()) << declared;
    if (declared == 100'000) {
      EXPECT_LT(best.value().energy.total().joules(), 0.9 * fixed.value().energy.total().joules());
    }
    EXPECT_LE(best.value().bound.total(), best.value().energy.total());
  }
}

TEST(StaticOnTheTrace, ComputesNothing) {
  const Networks networks{prepared(chain({4, 4}, 2))};
  const Scenario scenario = poisson({10}, 0.1);
  const test::OutputWatch watch(scenario, networks);
  EXPECT_FALSE(play(scenario, networks, {.policy = kStaticTrace, .timing_only = false}, watch.inputs()));
  const auto& names = play_policy_names();
  EXPECT_NE(std::find(names.begin(), names.end(), kStaticTrace), names.end());
}

}  // namespace
}  // namespace gatefold
