// Is the envelope what a search over all states finds, and does the descent keep its promise?
#include "gatefold/device/envelope.h"

#include <gtest/gtest.h>

#include <vector>

#include "gatefold/base/random.h"

namespace gatefold {
namespace {

using namespace literals;

IdleState idle(std::int64_t leakage, std::int64_t wake) { return {EnergyPerCycle(leakage), Energy(wake)}; }

TEST(Envelope, StatesTakeOverWhereTheirLinesCross) {
  const std::vector<IdleState> states{idle(100, 0), idle(25, 3000), idle(1, 12000)};
  const Envelope envelope(states);
  ASSERT_EQ(envelope.size(), 3U);
  EXPECT_EQ(envelope.crossover(0), Cycles(40));   // 3000 / 75
  EXPECT_EQ(envelope.crossover(1), Cycles(375));  // 9000 / 24
  EXPECT_EQ(envelope.cheapest(Cycles(40)), EnergyTotal(4000_aJ));
  EXPECT_EQ(envelope.cheapest(Cycles(1000)), EnergyTotal(13000_aJ));
}

TEST(Envelope, AStateThatIsNeverTheCheapestIsLeftOut) {
  const std::vector<IdleState> states{idle(100, 0), idle(50, 9000), idle(1, 9900), idle(1, 20000)};
  const Envelope envelope(states);
  ASSERT_EQ(envelope.size(), 2U);
  EXPECT_EQ(envelope.state(1).wake, EnergyTotal(9900_aJ));
}

TEST(Envelope, AStateThatLeaksNothingLessIsNeverEntered) {
  const std::vector<IdleState> states{idle(5, 0), idle(5, 10)};
  EXPECT_EQ(Envelope(states).size(), 1U);
}

TEST(Envelope, ADescentPaysTheLeakageOnItsWayAndTheWakeOfWhatItReached) {
  const std::vector<IdleState> states{idle(100, 0), idle(25, 3000), idle(1, 12000)};
  const Envelope envelope(states);
  const Descent descent{Cycles(40), Cycles(375), kNotEntered};
  EXPECT_EQ(envelope.cost(descent, Cycles(40)), EnergyTotal(4000_aJ));
  EXPECT_EQ(envelope.cost(descent, Cycles(41)), EnergyTotal(4000_aJ + 25_aJ + 3000_aJ));
  EXPECT_EQ(envelope.cost(descent, Cycles(475)), EnergyTotal(4000_aJ + 8375_aJ + 100_aJ + 12000_aJ));
}

TEST(Envelope, OfRandomStatesTheCheapestIsThatOfASearchAndTheCompetitiveDescentPaysAtMostTwice) {
  SplitMix64 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::vector<IdleState> states;
    const std::size_t count = 1 + random.next() % kIdleStatesMax;
    for (std::size_t i = 0; i < count; ++i) {
      states.push_back(
          idle(static_cast<std::int64_t>(random.next() % 100), i == 0 ? 0 : static_cast<std::int64_t>(random.next() % 10'000)));
    }
    const Envelope envelope(states);
    for (int i = 0; i < 20; ++i) {
      const Cycles gap(static_cast<std::int64_t>(random.next() % (1U << (1 + random.next() % 14))));
      EnergyTotal least = EnergyTotal::over(states[0].leakage, gap) + states[0].wake;
      for (const IdleState& state : states) least = std::min(least, EnergyTotal::over(state.leakage, gap) + state.wake);
      EXPECT_EQ(envelope.cheapest(gap), least);
      EXPECT_LE(envelope.cost(envelope.competitive(), gap), least + least);
      EXPECT_EQ(envelope.cost(envelope.at_once(gap), gap), least);
    }
  }
}

}  // namespace
}  // namespace gatefold
