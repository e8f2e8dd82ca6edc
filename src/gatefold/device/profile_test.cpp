// The profile: conditions as they change over time, capacity that is free or idle, utilisation.
#include "gatefold/device/profile.h"

#include <gtest/gtest.h>

#include "device/small_chip.h"

namespace gatefold {
namespace {

constexpr Placement kFirst{0, 1, 1, CoreSplit::kChannels};
constexpr Placement kAll{0, 4, 3, CoreSplit::kChannels};

struct Profiled {
  explicit Profiled(const DeviceSpec& of = test::small_chip(), GatingScope scope = GatingScope::kAll)
      : spec(of), gating(spec, scope, ledger), memory(spec), crossbar(spec), profile(spec, crossbar, gating, memory) {}
  DeviceSpec spec;
  Ledger ledger;
  Gating gating;
  Memory memory;
  Crossbar crossbar;
  Profile profile;
};

TEST(Profile, TheVersionGrowsWhenAConditionBegins) {
  Profiled chip;
  EXPECT_EQ(chip.profile.version(Cycles(0)), 0U);
  chip.profile.set_condition(ClusterId(1), {Cycles(100), true, 100});
  chip.profile.set_condition(ClusterId(1), {Cycles(300), false, 100});
  chip.profile.set_condition(ClusterId(0), {Cycles(200), false, 50});
  const std::pair<std::int64_t, std::uint64_t> versions[] = {{99, 0}, {100, 1}, {199, 1}, {200, 2}, {300, 3}, {900, 3}};
  for (const auto& [at, version] : versions) EXPECT_EQ(chip.profile.version(Cycles(at)), version) << at;
}

TEST(Profile, TheConditionIsTheOneThatHeldThen) {
  Profiled chip;
  chip.profile.set_condition(ClusterId(1), {Cycles(100), true, 100});
  chip.profile.set_condition(ClusterId(1), {Cycles(200), true, 50});
  chip.profile.set_condition(ClusterId(1), {Cycles(300), false, 50});
  const auto at = [&](std::int64_t now) { return chip.profile.condition(ClusterId(1), Cycles(now)); };
  EXPECT_FALSE(at(99).occupied);
  EXPECT_TRUE(at(100).occupied);
  EXPECT_EQ(at(199).percent, 100);
  EXPECT_EQ(at(200).percent, 50);
  EXPECT_TRUE(at(299).occupied);
  EXPECT_FALSE(at(300).occupied);
  EXPECT_EQ(at(9999).percent, 50);
  EXPECT_FALSE(chip.profile.condition(ClusterId(0), Cycles(150)).occupied);
}

TEST(Profile, APlacementIsAvailableIfNoneOfItsClustersIsOccupiedAndAsFastAsTheSlowest) {
  Profiled chip;
  chip.profile.set_condition(ClusterId(2), {Cycles(10), true, 30});
  EXPECT_TRUE(chip.profile.available(kAll, Cycles(9)));
  EXPECT_FALSE(chip.profile.available(kAll, Cycles(10)));
  EXPECT_TRUE(chip.profile.available(kFirst, Cycles(10)));
  EXPECT_EQ(chip.profile.percent(kAll, Cycles(10)), 30);
  EXPECT_EQ(chip.profile.percent(kFirst, Cycles(10)), 100);
}

TEST(Profile, AFailedCoreOffersNothingAndTheOthersOfItsClusterDo) {
  Profiled chip(test::small_chip(), GatingScope::kNothing);
  chip.profile.set_condition(ClusterId(2), {Cycles(10), false, 100, 2});
  EXPECT_EQ(chip.profile.version(Cycles(10)), 1U);
  EXPECT_EQ(chip.profile.free_dot_products(CoreId(5), Cycles(9)), 4);
  EXPECT_EQ(chip.profile.free_dot_products(CoreId(5), Cycles(10)), 0);
  EXPECT_EQ(chip.profile.idle_dot_products(CoreId(5), Cycles(10)), 0);
  EXPECT_EQ(chip.profile.free_dot_products(ClusterId(2), Cycles(10)), 4);
  EXPECT_FALSE(chip.profile.available(kAll, Cycles(10)));
  EXPECT_TRUE(chip.profile.available({0, 4, 1, CoreSplit::kChannels}, Cycles(10)));
  EXPECT_EQ(chip.profile.failed_cores(kAll, Cycles(10)), 2);
  EXPECT_EQ(chip.profile.failed_cores(kFirst, Cycles(10)), 0);
}

TEST(Profile, AConditionBeforeTheLastOneIsAProgrammerError) {
  const test::ThrowingContracts throwing;
  Profiled chip;
  chip.profile.set_condition(ClusterId(2), {Cycles(10), true, 100});
  EXPECT_THROW(chip.profile.set_condition(ClusterId(2), {Cycles(9), false, 100}), std::logic_error);
}

TEST(Profile, FreeCapacityIsWhatCouldStartNow) {
  Profiled chip;
  EXPECT_EQ(chip.profile.free_dot_products(CoreId(0), Cycles(0)), 4);
  EXPECT_EQ(chip.profile.free_dot_products(ClusterId(0), Cycles(0)), 8);
  chip.crossbar.book_dot(kFirst, Cycles(50));
  EXPECT_EQ(chip.profile.free_dot_products(CoreId(1), Cycles(49)), 0);  // its segment is taken
  EXPECT_EQ(chip.profile.free_dot_products(CoreId(1), Cycles(50)), 4);
  EXPECT_EQ(chip.profile.free_dot_products(ClusterId(1), Cycles(0)), 8);
  chip.profile.set_condition(ClusterId(1), {Cycles(10), false, 50});
  EXPECT_EQ(chip.profile.free_dot_products(ClusterId(1), Cycles(10)), 4);
  chip.profile.set_condition(ClusterId(1), {Cycles(20), true, 50});
  EXPECT_EQ(chip.profile.free_dot_products(ClusterId(1), Cycles(20)), 0);
}

TEST(Profile, ABusySystolicCoreIsNotFreeAndItsNeighbourIs) {
  Profiled chip(test::small_systolic_chip());
  chip.crossbar.book_dot(kFirst, Cycles(50));
  EXPECT_EQ(chip.profile.free_dot_products(CoreId(0), Cycles(10)), 0);
  EXPECT_EQ(chip.profile.free_dot_products(CoreId(1), Cycles(10)), 4);
  EXPECT_EQ(chip.profile.free_dot_products(ClusterId(0), Cycles(10)), 4);
}

TEST(Profile, IdleCapacityIsPoweredAndUnused) {
  Profiled chip;
  EXPECT_EQ(chip.profile.idle_dot_products(CoreId(0), Cycles(15)), 0);
  chip.gating.hold(chip.gating.core(CoreId(0)), Cycles(10), Cycles(20));
  EXPECT_EQ(chip.profile.idle_dot_products(CoreId(0), Cycles(15)), 4);
  chip.crossbar.book_dot(kFirst, Cycles(50));
  EXPECT_EQ(chip.profile.idle_dot_products(CoreId(0), Cycles(15)), 0);
  Profiled ungated(test::small_chip(), GatingScope::kNothing);
  EXPECT_EQ(ungated.profile.idle_dot_products(CoreId(0), Cycles(15)), 4);
}

const Placement kOneCore{};

// At 1 MHz a window is 1000 cycles; a core offers 4 dot products per cycle.
TEST(Profile, UtilisationIsUsefulOverOfferedInTheLastOneToTwoWindows) {
  Profiled chip;
  chip.profile.record(kOneCore, DotProducts(2000), DotProducts(0), Cycles(500));
  EXPECT_DOUBLE_EQ(chip.profile.utilisation(CoreId(0), Cycles(500)), 2000.0 / (4 * 1500));
  EXPECT_DOUBLE_EQ(chip.profile.utilisation(CoreId(0), Cycles(1500)), 2000.0 / (4 * 1500));
  chip.profile.record(kOneCore, DotProducts(1000), DotProducts(0), Cycles(1600));
  EXPECT_DOUBLE_EQ(chip.profile.utilisation(CoreId(0), Cycles(1600)), 3000.0 / (4 * 1600));
  EXPECT_DOUBLE_EQ(chip.profile.utilisation(CoreId(0), Cycles(2000)), 1000.0 / (4 * 1000));
  EXPECT_DOUBLE_EQ(chip.profile.utilisation(CoreId(0), Cycles(3000)), 0);
  EXPECT_DOUBLE_EQ(chip.profile.utilisation(CoreId(1), Cycles(500)), 0);
}

TEST(Profile, ARecordThatEndsInTheWindowBeforeIsKept) {
  Profiled chip;
  chip.profile.record(kOneCore, DotProducts(1000), DotProducts(0), Cycles(1600));
  chip.profile.record(kOneCore, DotProducts(500), DotProducts(0), Cycles(900));  // a layer that overlapped and ended earlier
  EXPECT_DOUBLE_EQ(chip.profile.utilisation(CoreId(0), Cycles(1600)), 1500.0 / (4 * 1600));
}

TEST(Profile, CapacityThatZerosFreeIsReportedPerCore) {
  Profiled chip;
  const Placement two{.first = 1, .clusters = 1, .core_mask = 3};
  chip.profile.record(two, DotProducts(301), DotProducts(99), Cycles(500));
  EXPECT_DOUBLE_EQ(chip.profile.utilisation(CoreId(2), Cycles(500)), 151.0 / (4 * 1500));
  EXPECT_DOUBLE_EQ(chip.profile.utilisation(CoreId(3), Cycles(500)), 150.0 / (4 * 1500));
  EXPECT_DOUBLE_EQ(chip.profile.freed_dot_products(CoreId(2), Cycles(500)), 50.0 / 1500);
  EXPECT_DOUBLE_EQ(chip.profile.freed_dot_products(CoreId(3), Cycles(500)), 49.0 / 1500);
  EXPECT_DOUBLE_EQ(chip.profile.freed_dot_products(CoreId(3), Cycles(3000)), 0);
}

TEST(Profile, RecordedDeltasReplayedMakeTheSameProfile) {
  Profiled chip;
  chip.profile.start_recording();
  const auto change = [&](int cluster, std::int64_t at, bool occupied, std::int32_t percent) {
    chip.profile.set_condition(ClusterId(cluster), {Cycles(at), occupied, percent});
  };
  change(0, 100, true, 100);
  chip.profile.record(Placement{.first = 1, .clusters = 2, .core_mask = 1}, DotProducts(700), DotProducts(30), Cycles(900));
  change(1, 50, false, 40);
  chip.profile.record(Placement{}, DotProducts(900), DotProducts(0), Cycles(1700));
  change(0, 1800, false, 100);
  const auto& deltas = chip.profile.deltas();
  ASSERT_EQ(deltas.size(), 5U);
  EXPECT_EQ(deltas[0].version, 1U);
  EXPECT_EQ(deltas[1].version, 1U);  // conditions that hold when the layer ends
  EXPECT_EQ(deltas[2].version, 1U);  // the change at 50 came before the one at 100
  EXPECT_EQ(deltas[3].version, 2U);
  EXPECT_EQ(deltas[4].version, 3U);

  Profiled fresh;
  for (const ProfileDelta& delta : deltas) fresh.profile.apply(delta);
  for (const std::int64_t now : {0, 49, 50, 99, 100, 1700, 1799, 1800, 2500, 4000}) {
    EXPECT_EQ(fresh.profile.version(Cycles(now)), chip.profile.version(Cycles(now))) << now;
    for (std::int32_t k = 0; k < 4; ++k) {
      EXPECT_EQ(fresh.profile.condition(ClusterId(k), Cycles(now)).occupied, chip.profile.condition(ClusterId(k), Cycles(now)).occupied);
      EXPECT_EQ(fresh.profile.condition(ClusterId(k), Cycles(now)).percent, chip.profile.condition(ClusterId(k), Cycles(now)).percent);
    }
    for (std::int32_t c = 0; c < 8 && now >= 1700; ++c) {
      EXPECT_EQ(fresh.profile.utilisation(CoreId(c), Cycles(now)), chip.profile.utilisation(CoreId(c), Cycles(now))) << now << " " << c;
      EXPECT_EQ(fresh.profile.freed_dot_products(CoreId(c), Cycles(now)), chip.profile.freed_dot_products(CoreId(c), Cycles(now)));
    }
  }
  EXPECT_TRUE(fresh.profile.deltas().empty());
}

}  // namespace
}  // namespace gatefold
