#include "gatefold/remap/coalescing.h"

#include <gtest/gtest.h>

#include "gatefold/base/random.h"

namespace gatefold {
namespace {

TEST(Coalescing, ARequestWaitsForTheNextOneWithinItsShareOfTheSlack) {
  const Coalescing request{Cycles(1000), Cycles(400), Energy(5000), EnergyPerCycle(10)};
  EXPECT_EQ(coalescing_wait(request), Cycles(400));
  Coalescing later = request;
  later.next = Cycles(401);
  EXPECT_EQ(coalescing_wait(later), Cycles(0));
  later.share_percent = 50;
  EXPECT_EQ(coalescing_wait(later), Cycles(401));
}

TEST(Coalescing, ItWaitsOnlyWhereTheWakeIsWorthMoreThanWaiting) {
  Coalescing request{Cycles(1000), Cycles(300), Energy(3001), EnergyPerCycle(10)};
  EXPECT_EQ(coalescing_wait(request), Cycles(300));
  request.wake = Energy(3000);
  EXPECT_EQ(coalescing_wait(request), Cycles(0));
}

TEST(Coalescing, WithoutSlackItStartsAtOnce) {
  for (const std::int64_t slack : {-50, 0, 2}) {
    EXPECT_EQ(coalescing_wait({Cycles(slack), Cycles(1), Energy(1'000'000), EnergyPerCycle(1)}), Cycles(0));
  }
}

/// Whatever is expected: no deadline is missed by waiting, and nothing is lost where the expectation comes true.
TEST(Coalescing, WaitingNeverExceedsTheShareNorCostsMoreThanItSaves) {
  SplitMix64 random(7);
  for (int trial = 0; trial < 10'000; ++trial) {
    const auto up_to = [&](double most) { return static_cast<std::int64_t>(random.uniform() * most); };
    const Coalescing request{Cycles(up_to(1e6)), Cycles(up_to(1e6)), Energy(up_to(1e9)), EnergyPerCycle(up_to(1e4)), up_to(100)};
    const Cycles wait = coalescing_wait(request);
    EXPECT_LE(wait.count() * 100, request.slack.count() * request.share_percent);
    EXPECT_LE(EnergyTotal::over(request.waiting, wait), request.wake);
    EXPECT_TRUE(wait == Cycles(0) || wait == request.next);
  }
}

}  // namespace
}  // namespace gatefold
