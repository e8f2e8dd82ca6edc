// The ledger's two tables: whoever is charged, both add up to the parts, exactly.
#include "gatefold/device/ledger.h"

#include <gtest/gtest.h>

#include <random>

#include "device/small_chip.h"
#include "gatefold/device/gating.h"

namespace gatefold {
namespace {

EnergyTotal sum(std::span<const PartSums> table, Part part) {
  EnergyTotal all;
  for (const PartSums& row : table) all += row[static_cast<std::size_t>(part)];
  return all;
}

TEST(Ledger, SharesOfAClusterRunAddUpToTheWhole) {
  Ledger ledger;
  ledger.charge_spread(Part::kCompute, Energy(11), 2, 3);
  const auto clusters = ledger.by_cluster();
  ASSERT_EQ(clusters.size(), 6U);  // the chip's row, clusters 0 to 4
  EXPECT_EQ(clusters[3][0], Energy(4));
  EXPECT_EQ(clusters[4][0], Energy(4));
  EXPECT_EQ(clusters[5][0], Energy(3));
  EXPECT_EQ(ledger.total(), Energy(11));
}

TEST(Ledger, AccountsNest) {
  Ledger ledger;
  {
    const Account outer(ledger, 1);
    ledger.charge(Part::kMemory, Energy(1));
    {
      const Account inner(ledger, 2);
      ledger.charge(Part::kMemory, Energy(10));
    }
    ledger.charge(Part::kMemory, Energy(100));
  }
  ledger.charge(Part::kFloor, Energy(1000));
  const auto accounts = ledger.by_account();
  ASSERT_EQ(accounts.size(), 3U);
  EXPECT_EQ(accounts[Ledger::kNobody][static_cast<std::size_t>(Part::kFloor)], Energy(1000));
  EXPECT_EQ(accounts[1][static_cast<std::size_t>(Part::kMemory)], Energy(101));
  EXPECT_EQ(accounts[2][static_cast<std::size_t>(Part::kMemory)], Energy(10));
}

TEST(Ledger, BothTablesAddUpToThePartsWhateverIsCharged) {
  std::mt19937_64 random{5};
  const auto number = [&](int low, int high) { return std::uniform_int_distribution<std::int32_t>(low, high)(random); };
  Ledger ledger;
  for (int i = 0; i < 5000; ++i) {
    const Account account(ledger, number(0, 9));
    const auto part = static_cast<Part>(number(0, static_cast<int>(kPartCount) - 1));
    if (number(0, 1) == 0) ledger.charge(part, Energy(number(0, 1'000'000)), number(0, 16));
    else ledger.charge_spread(part, Energy(number(0, 1'000'000)), number(0, 7), number(1, 8));
  }
  for (std::size_t p = 0; p < kPartCount; ++p) {
    const auto part = static_cast<Part>(p);
    EXPECT_EQ(sum(ledger.by_account(), part), ledger.part(part));
    EXPECT_EQ(sum(ledger.by_cluster(), part), ledger.part(part));
  }
}

TEST(Ledger, WhatIsHeldGoesToTheHolderAndGapsToNobody) {  // and the wake to who ends the gap
  const DeviceSpec spec = test::small_chip();
  Ledger ledger;
  Gating gating(spec, GatingScope::kAll, ledger);
  const ElementId cluster = gating.cluster(ClusterId(1));
  {
    const Account first(ledger, 1);
    gating.hold(cluster, Cycles(0), Cycles(10));
  }
  const Account second(ledger, 2);
  gating.hold(cluster, Cycles(110), Cycles(115));
  const auto accounts = ledger.by_account();
  EXPECT_EQ(accounts[1][static_cast<std::size_t>(Part::kLeakageOn)], Energy(10 * 20));
  EXPECT_EQ(accounts[2][static_cast<std::size_t>(Part::kLeakageOn)], Energy(5 * 20));
  EXPECT_EQ(accounts[2][static_cast<std::size_t>(Part::kTransitions)], Energy(200));
  EXPECT_EQ(accounts[0][static_cast<std::size_t>(Part::kLeakageGated)], Energy(0));  // a gated cluster of this chip leaks nothing
  EXPECT_EQ(sum(ledger.by_cluster().subspan(2, 1), Part::kLeakageOn), Energy(15 * 20));
  const IdleTimes& idle = gating.idle_times()[static_cast<std::size_t>(ElementClass::kCluster)];
  EXPECT_EQ(idle.gaps[6], 1);  // 100 cycles: 64 to 127
  EXPECT_EQ(idle.wakes, 1);
}

}  // namespace
}  // namespace gatefold
