#include "gatefold/remap/coalescing.h"

#include <gtest/gtest.h>

#include <cmath>

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
    const Coalescing request{Cycles(up_to(1e6)),         Cycles(up_to(1e6)), Energy(up_to(1e9)),
                             EnergyPerCycle(up_to(1e4)), Cycles(up_to(1e5)), up_to(100)};
    const Cycles wait = coalescing_wait(request);
    EXPECT_TRUE(wait == Cycles(0) || (request.waited + wait).count() * 100 <= request.slack.count() * request.share_percent);
    EXPECT_LE(EnergyTotal::over(request.waiting, wait), request.wake);
    EXPECT_TRUE(wait == Cycles(0) || wait == request.next);
  }
}

/// Whoever waits again and again does not get beyond the share.
TEST(Coalescing, TheShareIsCountedFromTheArrival) {
  Coalescing request{Cycles(1000), Cycles(100), Energy(5000), EnergyPerCycle(10), Cycles(300)};
  EXPECT_EQ(coalescing_wait(request), Cycles(100));
  request.waited = Cycles(301);
  EXPECT_EQ(coalescing_wait(request), Cycles(0));
}

TEST(ExpectedArrival, FollowsIntervalsThatAreAlike) {
  ExpectedArrival expected;
  for (const std::int64_t at : {5, 1005, 2005}) expected.arrived(Cycles(at));
  EXPECT_EQ(expected.by(Cycles(2005)), std::nullopt);  // two intervals are not enough
  expected.arrived(Cycles(3035));
  ASSERT_TRUE(expected.by(Cycles(3035)));  // 1010 on average, 20 off at most so far
  EXPECT_EQ(*expected.by(Cycles(3035)), Cycles(3035 + 1010 + 2 * 20));
  EXPECT_EQ(expected.by(Cycles(4100)), std::nullopt);  // it did not come
  expected.arrived(Cycles(9000));                      // a pause
  EXPECT_EQ(expected.by(Cycles(9000)), std::nullopt);
  for (const std::int64_t at : {10'000, 11'000, 12'000}) expected.arrived(Cycles(at));
  EXPECT_EQ(expected.by(Cycles(12'500)), Cycles(13'000));
}

TEST(ExpectedArrival, SeldomBelievesInRandomOnes) {
  SplitMix64 random(3);
  ExpectedArrival expected;
  std::int64_t at = 0;
  int believed = 0;
  for (int i = 0; i < 10'000; ++i) {
    expected.arrived(Cycles(at += std::llround(-1e6 * std::log(1 - random.uniform()))));
    believed += expected.by(Cycles(at)) ? 1 : 0;
  }
  EXPECT_LT(believed, 300);
}

}  // namespace
}  // namespace gatefold
