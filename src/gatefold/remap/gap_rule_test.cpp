// Does the predicted rule learn what there is to learn, and lose no more than it may whatever comes?
#include "gatefold/remap/gap_rule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "gatefold/base/random.h"

namespace gatefold {
namespace {

Envelope three_states() {
  const std::vector<IdleState> states{
      {EnergyPerCycle(100), Energy(0)}, {EnergyPerCycle(25), Energy(3000)}, {EnergyPerCycle(1), Energy(12000)}};
  return Envelope(states);
}

struct Paid {
  double predicted = 0;
  double competitive = 0;
  double offline = 0;
};

/// Spends 5,000 gaps, the next drawn when the descent is known.
Paid spend(const Envelope& envelope, const std::function<Cycles(const Descent&)>& next) {
  PredictedRule rule(envelope);
  GapHistory history;
  EnergyTotal offline;
  for (int i = 0; i < 5000; ++i) {
    const Descent descent = rule.next(history);
    const Cycles gap = next(descent);
    rule.settle(gap);
    history.observe(gap);
    offline += envelope.cheapest(gap);
    EXPECT_LE(EnergyTotal::repeated(rule.paid(), PredictedRule::kAllowance),
              EnergyTotal::repeated(rule.competitive(), PredictedRule::kAllowance + 1) +
                  EnergyTotal::repeated(rule.reserve(), PredictedRule::kAllowance));
  }
  return {rule.paid().joules(), rule.competitive().joules(), offline.joules()};
}

TEST(GapRule, PeriodicGapsAreSpentAsIfTheyWereKnown) {
  for (const std::int64_t length : {10, 100, 1000, 10'000}) {
    SplitMix64 random(1);
    const Paid paid = spend(three_states(), [&](const Descent&) {
      return Cycles(length + static_cast<std::int64_t>(random.next() % static_cast<std::uint64_t>(length / 10)));
    });
    EXPECT_LE(paid.predicted, 1.02 * paid.offline) << length;
  }
}

TEST(GapRule, ExponentialGapsAreSpentAsTheBestRuleForThemDoes) {
  for (const double mean : {10.0, 100.0, 1000.0, 10'000.0}) {
    SplitMix64 random(2);
    const Envelope envelope = three_states();
    // Without memory the best is to be in one state all the time.
    std::vector<double> always(envelope.size(), 0);
    const Paid paid = spend(envelope, [&](const Descent&) {
      const auto gap = Cycles(1 + static_cast<std::int64_t>(-std::log(random.uniform()) * mean));
      for (std::size_t s = 0; s < envelope.size(); ++s) {
        always[s] += (EnergyTotal::over(envelope.state(s).leakage, gap) + envelope.state(s).wake).joules();
      }
      return gap;
    });
    EXPECT_LE(paid.predicted, 1.02 * *std::min_element(always.begin(), always.end())) << mean;
  }
}

TEST(GapRule, AnAdversaryWhoKnowsTheDescentGetsNoMoreThanTheBound) {
  SplitMix64 random(4);
  const Paid paid = spend(three_states(), [&](const Descent& descent) {
    for (std::size_t i = 2; i-- > 0;) {
      if (descent[i] < kNotEntered) return descent[i] + Cycles(1);  // just entered, already over
    }
    return Cycles(1);
  });
  EXPECT_LE(paid.predicted, 1.02 * paid.competitive + 16 * 12000e-18);
  EXPECT_LE(paid.competitive, 2 * paid.offline);
}

}  // namespace
}  // namespace gatefold
