// Gating: what a hold and a gap cost, when an element is ready, what an access needs.
#include "gatefold/device/gating.h"

#include <gtest/gtest.h>

#include "device/small_chip.h"

namespace gatefold {
namespace {

using test::small_chip;

struct Gated {
  explicit Gated(GatingScope scope = GatingScope::kAll, const DeviceSpec& of = small_chip()) : spec(of), gating(spec, scope, ledger) {}
  EnergyTotal on() const { return ledger.part(Part::kLeakageOn); }
  EnergyTotal gated() const { return ledger.part(Part::kLeakageGated); }
  EnergyTotal transitions() const { return ledger.part(Part::kTransitions); }

  DeviceSpec spec;
  Ledger ledger;
  Gating gating;
  ElementId cluster = gating.cluster(ClusterId(0));
  BankId bank{0};
};

TEST(Gating, AKnownGapUpToBreakEvenStaysOn) {
  Gated chip;
  chip.gating.hold(chip.cluster, Cycles(0), Cycles(10));
  chip.gating.hold(chip.cluster, Cycles(20), Cycles(21));  // 10 cycles: staying costs what waking does
  EXPECT_EQ(chip.on(), Energy(21 * 20));
  EXPECT_EQ(chip.transitions(), Energy(0));
  EXPECT_EQ(chip.gating.wakes(), 0);
}

TEST(Gating, AKnownGapAboveBreakEvenIsGated) {
  Gated chip;
  chip.gating.hold(chip.cluster, Cycles(0), Cycles(10));
  chip.gating.hold(chip.cluster, Cycles(21), Cycles(22));
  EXPECT_EQ(chip.on(), Energy(11 * 20));
  EXPECT_EQ(chip.transitions(), Energy(200));
  EXPECT_EQ(chip.gating.wakes(), 1);
}

TEST(Gating, AKnownGapShorterThanTheWakeLatencyStaysOnHoweverCheapTheWake) {
  DeviceSpec spec = small_chip();
  spec.cluster.wake_energy = Energy(1);
  Gated chip(GatingScope::kAll, spec);
  chip.gating.hold(chip.cluster, Cycles(0), Cycles(10));
  chip.gating.hold(chip.cluster, Cycles(13), Cycles(20));
  EXPECT_EQ(chip.gating.wakes(), 0);
  chip.gating.hold(chip.cluster, Cycles(24), Cycles(30));  // 4 cycles: the wake command fits exactly
  EXPECT_EQ(chip.gating.wakes(), 1);
}

TEST(Gating, AKnownGapNeverStalls) {
  Gated chip;
  chip.gating.hold(chip.cluster, Cycles(0), Cycles(10));
  EXPECT_EQ(chip.gating.ready_at(chip.cluster, Cycles(500)), Cycles(500));
}

TEST(Gating, ABankWithContentIsRetainedAndOneWithoutIsOff) {
  for (const bool content : {true, false}) {
    Gated chip;
    const ElementId bank = chip.gating.bank(chip.bank);
    chip.gating.hold(bank, Cycles(0), Cycles(10));
    chip.gating.set_uses(chip.bank, {.weights = content ? 1 : 0});
    chip.gating.hold(bank, Cycles(1010), Cycles(1011));
    EXPECT_EQ(chip.gated(), Energy(content ? 4000 : 1000));
    EXPECT_EQ(chip.transitions(), Energy(content ? 30 : 90));
  }
}

TEST(Gating, ABufferHoldsNothingBetweenUsesButItsClusterIsInUse) {
  for (const GatingScope scope : {GatingScope::kAll, GatingScope::kClusters}) {
    Gated chip(scope);
    const ElementId bank = chip.gating.bank(chip.bank);
    if (scope == GatingScope::kClusters) chip.gating.pin(ClusterId(0), Cycles(0));
    chip.gating.hold(bank, Cycles(0), Cycles(10));
    chip.gating.set_uses(chip.bank, {.buffers = 1});
    EXPECT_EQ(chip.gating.uses(chip.cluster, Cycles(10)), (Uses{.buffers = 1}));
    if (scope == GatingScope::kClusters) {
      EXPECT_FALSE(chip.gating.unpin(ClusterId(0), Cycles(20)));
    } else {
      chip.gating.hold(bank, Cycles(1010), Cycles(1011));
      EXPECT_EQ(chip.gated(), Energy(1000));
      EXPECT_EQ(chip.transitions(), Energy(90));
    }
  }
}

TEST(Gating, ContentDecidesTheWakeLatencyOfABank) {
  for (const bool content : {true, false}) {
    Gated chip;
    const ElementId bank = chip.gating.bank(chip.bank);
    chip.gating.hold(bank, Cycles(0), Cycles(10));
    chip.gating.set_uses(chip.bank, {.weights = content ? 1 : 0});
    chip.gating.begin_request(0, Cycles(500), false);
    chip.gating.hold(bank, chip.gating.ready_at(bank, Cycles(500)), Cycles(600));
    chip.gating.end_request(0, Cycles(600));
    chip.gating.begin_request(0, Cycles(800), false);
    EXPECT_EQ(chip.gating.ready_at(bank, Cycles(800)), Cycles(content ? 802 : 805));
  }
}

TEST(Gating, AnElementIsOnOnlyWhereAHoldCoversTheWholeAccess) {
  Gated chip;
  chip.gating.hold(chip.cluster, Cycles(50), Cycles(60));
  EXPECT_TRUE(chip.gating.is_on(chip.cluster, Cycles(50), Cycles(60)));
  EXPECT_TRUE(chip.gating.is_on(chip.cluster, Cycles(60), Cycles(60)));
  EXPECT_FALSE(chip.gating.is_on(chip.cluster, Cycles(49), Cycles(60)));
  EXPECT_FALSE(chip.gating.is_on(chip.cluster, Cycles(50), Cycles(61)));
  EXPECT_FALSE(chip.gating.is_on(chip.gating.cluster(ClusterId(1)), Cycles(50), Cycles(60)));
}

TEST(Gating, AnElementThatIsNeverGatedIsAlwaysOn) {
  Gated chip(GatingScope::kNothing);
  EXPECT_TRUE(chip.gating.is_on(chip.cluster, Cycles(7), Cycles(9)));
}

TEST(Gating, AdjacentHoldsAreOneHold) {
  Gated chip;
  chip.gating.hold(chip.cluster, Cycles(50), Cycles(60));
  chip.gating.hold(chip.cluster, Cycles(60), Cycles(70));
  EXPECT_TRUE(chip.gating.is_on(chip.cluster, Cycles(50), Cycles(70)));
}

TEST(Gating, OverlappingAndRepeatedHoldsAreChargedOnce) {
  Gated chip;
  chip.gating.hold(chip.cluster, Cycles(0), Cycles(60));
  chip.gating.hold(chip.cluster, Cycles(30), Cycles(80));
  chip.gating.hold(chip.cluster, Cycles(10), Cycles(80));
  EXPECT_EQ(chip.on(), Energy(80 * 20));
}

TEST(Gating, AHoldInPiecesCostsWhatTheWholeCosts) {
  for (const std::int64_t cut : {0, 1, 37, 99, 100}) {
    Gated whole;
    Gated pieces;
    for (Gated* chip : {&whole, &pieces}) chip->gating.hold(chip->cluster, Cycles(0), Cycles(5));
    whole.gating.hold(whole.cluster, Cycles(40), Cycles(140));
    pieces.gating.hold(pieces.cluster, Cycles(40), Cycles(40 + cut));
    pieces.gating.hold(pieces.cluster, Cycles(40 + cut), Cycles(140));
    for (Gated* chip : {&whole, &pieces}) chip->gating.settle(Cycles(1000));
    for (std::size_t part = 0; part < kPartCount; ++part) {
      EXPECT_EQ(whole.ledger.part(static_cast<Part>(part)), pieces.ledger.part(static_cast<Part>(part))) << cut << ' ' << part;
    }
    EXPECT_EQ(whole.gating.wakes(), pieces.gating.wakes());
  }
}

TEST(Gating, SettlingChargesTheLastGapWithoutAWakeAndTheFloor) {
  Gated chip;
  chip.gating.hold(chip.cluster, Cycles(0), Cycles(10));
  chip.gating.settle(Cycles(1000));
  EXPECT_EQ(chip.on(), Energy(200));
  EXPECT_EQ(chip.gated(), Energy(32 * 1000));  // 32 banks OFF; clusters and cores leak nothing
  EXPECT_EQ(chip.transitions(), Energy(0));
  EXPECT_EQ(chip.ledger.part(Part::kFloor), Energy(1000));
}

TEST(Gating, ResidencyCoversEveryClusterCoreAndBankAllTheTime) {
  for (const GatingScope scope : {GatingScope::kNothing, GatingScope::kClusters, GatingScope::kAll}) {
    Gated chip(scope);
    chip.gating.hold(chip.cluster, Cycles(100), Cycles(200));
    chip.gating.hold(chip.gating.bank(chip.bank), Cycles(150), Cycles(300));
    chip.gating.settle(Cycles(1000));
    const auto& in = chip.gating.residency().cycles;
    EXPECT_TRUE(in[0] + in[1] + in[2] + in[3] == 44 * 1000);
  }
}

TEST(Gating, WithoutGatingEverythingIsOnAllTheTime) {
  Gated chip(GatingScope::kNothing);
  chip.gating.hold(chip.cluster, Cycles(100), Cycles(200));
  chip.gating.settle(Cycles(1000));
  EXPECT_EQ(chip.on(), Energy(1000 * (4 * 20 + 8 * 10 + 32 * 10)));
  EXPECT_EQ(chip.gated(), Energy(0));
}

TEST(Gating, APinnedClusterIsOnWithItsCoresAndBanksAndNothingElse) {
  Gated chip(GatingScope::kClusters);
  chip.gating.pin(ClusterId(0), Cycles(0));
  EXPECT_TRUE(chip.gating.is_on(chip.cluster, Cycles(7), Cycles(9)));
  EXPECT_FALSE(chip.gating.is_on(chip.gating.cluster(ClusterId(1)), Cycles(7), Cycles(9)));
  chip.gating.settle(Cycles(1000));
  EXPECT_EQ(chip.on(), Energy(1000 * (20 + 2 * 10 + 8 * 10)));
  EXPECT_EQ(chip.gated(), Energy(1000 * 24));  // the banks of the other three clusters
}

TEST(Gating, APinWakesEveryElementOfTheClusterOnce) {
  Gated chip(GatingScope::kClusters);
  chip.gating.pin(ClusterId(0), Cycles(500));
  chip.gating.pin(ClusterId(0), Cycles(600));
  EXPECT_EQ(chip.gating.wakes(), 1 + 2 + 8);
  EXPECT_EQ(chip.transitions(), Energy(200 + 2 * 50 + 8 * 90));
}

TEST(Gating, AnUnpinnedClusterIsOffAndKeepsWhatIsWrittenIntoItsBanksLater) {
  Gated chip(GatingScope::kClusters);
  chip.gating.pin(ClusterId(0), Cycles(0));
  EXPECT_TRUE(chip.gating.unpin(ClusterId(0), Cycles(100)));
  chip.gating.set_uses(chip.bank, {.weights = 1});
  chip.gating.settle(Cycles(1000));
  EXPECT_EQ(chip.on(), Energy(100 * (20 + 2 * 10 + 8 * 10)));
  EXPECT_EQ(chip.gated(), Energy(900 * (4 + 7) + 1000 * 24));
}

TEST(Gating, WhatIsInUseIsNotUnpinned) {
  Gated chip(GatingScope::kClusters);
  for (const std::int32_t k : {0, 1, 2}) chip.gating.pin(ClusterId(k), Cycles(0));
  chip.gating.set_uses(chip.bank, {.activations = 2});
  chip.gating.add_route(1, 2, Cycles(0), Cycles(50));
  chip.gating.hold(chip.gating.cluster(ClusterId(2)), Cycles(0), Cycles(70));
  EXPECT_FALSE(chip.gating.unpin(ClusterId(0), Cycles(20)));  // live activations
  EXPECT_FALSE(chip.gating.unpin(ClusterId(1), Cycles(49)));  // a route in flight
  EXPECT_FALSE(chip.gating.unpin(ClusterId(2), Cycles(69)));  // a layer executes
  EXPECT_EQ(chip.gating.powered_clusters(0), 3);
  chip.gating.set_uses(chip.bank, {});
  EXPECT_TRUE(chip.gating.unpin(ClusterId(0), Cycles(20)));
  EXPECT_TRUE(chip.gating.unpin(ClusterId(1), Cycles(50)));
  EXPECT_TRUE(chip.gating.unpin(ClusterId(2), Cycles(70)));
}

TEST(Gating, UsesOfBanksAddUpInTheirCoreAndTheirCluster) {
  Gated chip;
  chip.gating.set_uses(BankId(0), {.weights = 2});
  chip.gating.set_uses(BankId(5), {.activations = 3});  // core 1
  EXPECT_EQ(chip.gating.uses(chip.gating.core(CoreId(0)), Cycles(0)), (Uses{.weights = 2}));
  EXPECT_EQ(chip.gating.uses(chip.cluster, Cycles(0)), (Uses{.weights = 2, .activations = 3}));
  chip.gating.set_uses(BankId(0), {.weights = 1});
  EXPECT_EQ(chip.gating.uses(chip.cluster, Cycles(0)), (Uses{.weights = 1, .activations = 3}));
  EXPECT_EQ(chip.gating.uses(chip.gating.cluster(ClusterId(1)), Cycles(0)), Uses());
  const test::ThrowingContracts throwing;
  EXPECT_THROW(chip.gating.set_uses(BankId(0), {.weights = -1}), std::logic_error);
}

TEST(Gating, AClusterThatStaysPoweredInAGapHasItsClockStopped) {  // EQ-32
  DeviceSpec spec = small_chip();
  spec.cluster.clock = EnergyPerCycle(8);
  Gated chip(GatingScope::kAll, spec);
  chip.gating.hold(chip.cluster, Cycles(0), Cycles(10));
  chip.gating.hold(chip.cluster, Cycles(26), Cycles(27));  // OFF costs 200, a stopped clock 16 * 12
  EXPECT_EQ(chip.on(), Energy(11 * 20 + 16 * 12));
  EXPECT_EQ(chip.gating.wakes(), 0);
  EXPECT_EQ(chip.gating.residency().cycles[index(PowerState::kClockGated)], 16);
  EXPECT_EQ(chip.gating.cluster_on(), Cycles(27));
  chip.gating.hold(chip.cluster, Cycles(44), Cycles(45));  // 17 * 12 > 200
  EXPECT_EQ(chip.transitions(), Energy(200));
  EXPECT_FALSE(chip.gating.is_on(chip.cluster, Cycles(30), Cycles(31)));
}

TEST(Gating, ABankFallsAsleepOnlyAfterItsIdleCycles) {  // EQ-32
  DeviceSpec spec = small_chip();
  spec.bank.sleep_after = Cycles(7);
  Gated chip(GatingScope::kAll, spec);
  chip.gating.hold(chip.gating.bank(chip.bank), Cycles(0), Cycles(10));
  chip.gating.set_uses(chip.bank, {.weights = 1});
  chip.gating.hold(chip.gating.bank(chip.bank), Cycles(22), Cycles(22));  // 5 asleep: 20 + 30 cost what 50 do
  EXPECT_EQ(chip.on(), Energy(22 * 10));
  chip.gating.hold(chip.gating.bank(chip.bank), Cycles(35), Cycles(35));  // 6 asleep
  EXPECT_EQ(chip.on(), Energy(22 * 10 + 7 * 10));
  EXPECT_EQ(chip.gated(), Energy(6 * 4));
  EXPECT_EQ(chip.transitions(), Energy(30));
}

TEST(Gating, PoweredClustersFollowTheScope) {
  EXPECT_EQ(Gated(GatingScope::kNothing).gating.powered_clusters(1), 4);
  EXPECT_EQ(Gated(GatingScope::kAll).gating.powered_clusters(1), 1);
  Gated chip(GatingScope::kClusters);
  chip.gating.pin(ClusterId(0), Cycles(0));
  chip.gating.pin(ClusterId(2), Cycles(0));
  EXPECT_EQ(chip.gating.powered_clusters(1), 2);
}

TEST(Gating, ABankIsWritableOnceTheLastAccessToWhatLayThereHasEnded) {
  Gated chip;
  chip.gating.hold(chip.gating.bank(chip.bank), Cycles(0), Cycles(80));
  chip.gating.set_uses(chip.bank, {.weights = 1});
  EXPECT_EQ(chip.gating.writable_from(chip.bank), Cycles(0));  // it shares the bank
  chip.gating.set_uses(chip.bank, {});
  EXPECT_EQ(chip.gating.writable_from(chip.bank), Cycles(80));
}

TEST(Gating, UncoreIsItsOwnPartWakesIncluded) {
  DeviceSpec spec = small_chip();
  spec.uncore.push_back({"chip", {EnergyPerCycle(5), EnergyPerCycle(0), Cycles(10), Energy(100)}, UncoreUse::kRequests});
  Gated chip(GatingScope::kAll, spec);
  chip.gating.hold(chip.gating.uncore(0), Cycles(0), Cycles(10));
  chip.gating.hold(chip.gating.uncore(0), Cycles(100), Cycles(110));
  EXPECT_EQ(chip.ledger.part(Part::kUncore), Energy(20 * 5 + 100));
  EXPECT_EQ(chip.transitions() + chip.on(), Energy(0));
}

TEST(Gating, AHoldThatEndsBeforeItBeginsIsAProgrammerError) {
  const test::ThrowingContracts throwing;
  Gated chip;
  EXPECT_THROW(chip.gating.hold(chip.cluster, Cycles(2), Cycles(1)), std::logic_error);
  EXPECT_THROW(chip.gating.pin(ClusterId(0), Cycles(0)), std::logic_error);
}

}  // namespace
}  // namespace gatefold
