// Gating between requests: which gaps are unknown, how they are spent, when weights are lost and what rules are told.
#include <gtest/gtest.h>

#include <tuple>
#include <utility>
#include <vector>

#include "device/small_chip.h"
#include "gatefold/device/gating.h"

namespace gatefold {
namespace {

using test::small_chip;

struct Gated {
  explicit Gated(const DeviceSpec& of = small_chip()) : spec(of), gating(spec, GatingScope::kAll, ledger) {}
  EnergyTotal on() const { return ledger.part(Part::kLeakageOn); }
  EnergyTotal gated() const { return ledger.part(Part::kLeakageGated); }
  EnergyTotal transitions() const { return ledger.part(Part::kTransitions); }

  DeviceSpec spec;
  Ledger ledger;
  Gating gating;
  ElementId cluster = gating.cluster(ClusterId(0));
  BankId bank{0};
};

/// One descent for every gap, and what the rules were told.
class OneDescent : public GapRules {
 public:
  explicit OneDescent(Cycles entered) { descent_.fill(entered); }
  void add_group(std::size_t, std::uint64_t streams) override { groups.push_back(streams); }
  void observe(std::size_t group, Cycles gap) override {
    observed.emplace_back(group, gap);
    descent_.fill(next);
  }
  void spent(std::size_t, std::size_t of, EnergyTotal paid, EnergyTotal competitive) override { told.emplace_back(of, paid, competitive); }
  [[nodiscard]] Descent descent(std::size_t, std::size_t) const override { return descent_; }
  std::vector<std::tuple<std::size_t, EnergyTotal, EnergyTotal>> told;
  std::vector<std::uint64_t> groups;
  std::vector<std::pair<std::size_t, Cycles>> observed;
  Cycles next = kNotEntered;

 private:
  Descent descent_{};
};

/// A request of stream 0 that holds the cluster over [0, 100), and one that arrives at `arrival` unforeseen.
void two_requests(Gated& chip, Cycles arrival) {
  chip.gating.begin_request(0, Cycles(0), true);
  chip.gating.hold(chip.cluster, Cycles(0), Cycles(100));
  chip.gating.end_request(0, Cycles(100));
  chip.gating.begin_request(0, arrival, false);
}

TEST(UnknownGaps, AfterAnUnknownGapAnElementIsReadyOneWakeLatencyAfterTheArrival) {
  Gated chip;
  two_requests(chip, Cycles(500));
  EXPECT_EQ(chip.gating.ready_at(chip.cluster, Cycles(500)), Cycles(504));
  EXPECT_EQ(chip.gating.ready_at(chip.cluster, Cycles(503)), Cycles(504));
  EXPECT_EQ(chip.gating.ready_at(chip.cluster, Cycles(504)), Cycles(504));
  EXPECT_EQ(chip.gating.ready_at(chip.cluster, Cycles(700)), Cycles(700));
}

TEST(UnknownGaps, AnUnknownGapIsSpentByTheDescentOfItsBeginning) {
  Gated chip;
  OneDescent rules(Cycles(30));
  chip.gating.follow(&rules);
  two_requests(chip, Cycles(150));  // the rules have something else to say for the next gap
  chip.gating.hold(chip.cluster, Cycles(154), Cycles(160));
  EXPECT_EQ(chip.on(), Energy((130 + 6) * 20));
  EXPECT_EQ(chip.transitions(), Energy(200));
  chip.gating.end_request(0, Cycles(160));
  chip.gating.begin_request(0, Cycles(400), false);
  EXPECT_EQ(chip.gating.ready_at(chip.cluster, Cycles(400)), Cycles(400));  // it never left ON
  chip.gating.hold(chip.cluster, Cycles(400), Cycles(401));
  EXPECT_EQ(chip.on(), Energy((130 + 6 + 241) * 20));
  EXPECT_EQ(chip.gating.wakes(), 1);
}

TEST(UnknownGaps, WhatIsLeftOfAnUnknownGapAfterTheArrivalIsKnown) {
  Gated chip;
  OneDescent rules(kNotEntered);
  chip.gating.follow(&rules);
  two_requests(chip, Cycles(150));
  chip.gating.hold(chip.cluster, Cycles(161), Cycles(162));  // 11 cycles more: OFF pays
  EXPECT_EQ(chip.on(), Energy((150 + 1) * 20));
  EXPECT_EQ(chip.gating.wakes(), 1);
}

TEST(UnknownGaps, AGapThatBeganAfterTheArrivalOrWhoseArrivalWasDeclaredIsKnown) {
  Gated chip;
  two_requests(chip, Cycles(90));
  EXPECT_EQ(chip.gating.ready_at(chip.cluster, Cycles(200)), Cycles(200));
  chip.gating.hold(chip.cluster, Cycles(200), Cycles(201));
  chip.gating.end_request(0, Cycles(201));
  chip.gating.begin_request(0, Cycles(500), true);
  EXPECT_EQ(chip.gating.ready_at(chip.cluster, Cycles(500)), Cycles(500));
  EXPECT_EQ(chip.gating.unknown_gaps()[0].count, 0);
}

TEST(UnknownGaps, AnElementThatRestsUntilItsRequestEndsEntersAtOnceWhatThatPaysFor) {
  for (const std::int64_t end : {109, 110}) {  // its break-even is 10 cycles
    Gated chip;
    OneDescent rules(Cycles(70));
    chip.gating.follow(&rules);
    chip.gating.begin_request(0, Cycles(0), true);
    chip.gating.hold(chip.cluster, Cycles(0), Cycles(100));
    chip.gating.end_request(0, Cycles(end));
    chip.gating.begin_request(0, Cycles(500), false);
    chip.gating.hold(chip.cluster, Cycles(504), Cycles(505));
    EXPECT_EQ(chip.on(), Energy((end == 109 ? 171 : 101) * 20));
  }
}

TEST(UnknownGaps, ElementsAreGroupedByTheStreamsThatUseThemAndRulesLearnTheGapsOfEachGroup) {
  Gated chip;
  OneDescent rules(Cycles(0));
  chip.gating.follow(&rules);
  const ElementId other = chip.gating.cluster(ClusterId(1));
  chip.gating.begin_request(0, Cycles(0), false);
  chip.gating.hold(chip.cluster, Cycles(0), Cycles(10));
  chip.gating.begin_request(3, Cycles(5), false);
  chip.gating.hold(chip.cluster, Cycles(10), Cycles(20));
  chip.gating.hold(other, Cycles(10), Cycles(20));
  EXPECT_EQ(rules.groups, (std::vector<std::uint64_t>{0, 1, 9, 8}));
  chip.gating.work_for(0);
  chip.gating.hold(chip.cluster, Cycles(20), Cycles(30));
  chip.gating.end_request(0, Cycles(30));
  chip.gating.end_request(3, Cycles(20));
  chip.gating.begin_request(3, Cycles(100), false);
  using Observed = std::vector<std::pair<std::size_t, Cycles>>;
  EXPECT_EQ(rules.observed, (Observed{{2, Cycles(70)}, {3, Cycles(80)}}));
  chip.gating.begin_request(0, Cycles(120), false);  // the common group is in use
  EXPECT_EQ(rules.observed, (Observed{{2, Cycles(70)}, {3, Cycles(80)}, {1, Cycles(90)}}));
}

TEST(UnknownGaps, AnElementUsedAfterTheUnknownGapHasKnownGapsAgain) {
  Gated chip;
  two_requests(chip, Cycles(500));
  chip.gating.hold(chip.cluster, Cycles(504), Cycles(600));
  EXPECT_EQ(chip.gating.ready_at(chip.cluster, Cycles(900)), Cycles(900));
}

TEST(UnknownGaps, AfterRandomRequestsNobodyKnowsThatTheRunEnds) {
  for (const bool known : {true, false}) {
    Gated chip;
    chip.gating.begin_request(0, Cycles(0), known);
    chip.gating.hold(chip.cluster, Cycles(0), Cycles(100));
    chip.gating.end_request(0, Cycles(100));
    chip.gating.settle(Cycles(1000));
    EXPECT_EQ(chip.on(), Energy((known ? 100 : 109) * 20));  // the time-out
    EXPECT_EQ(chip.transitions(), Energy(0));
  }
}

TEST(UnknownGaps, UnknownGapsAreComparedWithTheTimeOutWithForesightAndWithNoGating) {
  for (const std::int64_t ready : {110, 105}) {  // waking up costs what 10 cycles ON do
    Gated chip;
    OneDescent rules(Cycles(0));
    chip.gating.follow(&rules);
    two_requests(chip, Cycles(ready - 4));
    chip.gating.hold(chip.cluster, chip.gating.ready_at(chip.cluster, Cycles(ready - 4)), Cycles(120));
    const UnknownGaps& gaps = chip.gating.unknown_gaps()[0];
    EXPECT_EQ(gaps.count, 1);
    EXPECT_EQ(gaps.paid, Energy(200));
    EXPECT_EQ(gaps.competitive, Energy((ready - 100) * 20));
    EXPECT_EQ(gaps.offline, Energy((ready - 100) * 20));
    EXPECT_EQ(gaps.stayed_on, Energy((ready - 100) * 20));
    EXPECT_EQ(gaps.early_wakes, Energy(ready == 110 ? 0 : 200));
    ASSERT_EQ(rules.told.size(), 1U);  // the rules are told
    EXPECT_EQ(rules.told.front(), std::tuple(index(GapClass::kCluster), gaps.paid, gaps.competitive));
  }
}

/// Weights in a bank that stream 0 reads over [0, 10); its next request arrives unforeseen.
void weights_at_rest(Gated& chip, Cycles arrival) {
  chip.gating.set_uses(chip.bank, {.weights = 1});
  chip.gating.begin_request(0, Cycles(0), true);
  chip.gating.hold(chip.gating.bank(chip.bank), Cycles(0), Cycles(10));
  chip.gating.end_request(0, Cycles(10));
  chip.gating.begin_request(0, arrival, false);
}

// 100 B * (10 + 1) aJ: OFF pays from (90 + 1,100 - 30) / (4 - 1) = 386.7 cycles on.
TEST(UnknownGaps, ABankOfWeightsGoesOffWhereThatIsWorthLoadingThemAgain) {  // EQ-61
  for (const std::int64_t arrival : {396, 397}) {
    Gated chip;
    weights_at_rest(chip, Cycles(arrival));
    EXPECT_EQ(refill_energy(chip.spec), Energy(1100));
    EXPECT_EQ(chip.gating.lost(chip.bank), arrival == 397);
    EXPECT_EQ(chip.gating.refill_from(chip.bank, Cycles(397)), Cycles(402));
  }
}

TEST(UnknownGaps, ARefilledBankWasOffAndIsOfNoUseBeforeItIsFull) {
  Gated chip;
  const ElementId bank = chip.gating.bank(chip.bank);
  weights_at_rest(chip, Cycles(397));
  chip.gating.refill(chip.bank, Cycles(402), Cycles(500));
  EXPECT_EQ(chip.on(), Energy((10 + 4 + 98) * 10));            // RETENTION pays from 5 cycles on
  EXPECT_EQ(chip.gated(), Energy(382 * 4 + (402 - 396) * 1));  // OFF as of 386 cycles
  EXPECT_EQ(chip.transitions(), Energy(90));
  EXPECT_EQ(chip.gating.ready_at(bank, Cycles(450)), Cycles(500));
  EXPECT_FALSE(chip.gating.lost(chip.bank));
  const UnknownGaps& gaps = chip.gating.unknown_gaps()[static_cast<std::size_t>(ElementClass::kBank)];
  EXPECT_EQ(gaps.refilled, 1);
  EXPECT_EQ(gaps.paid, Energy(4 * 10 + 382 * 4 + 6 + 90 + 1100));
  EXPECT_EQ(gaps.offline, Energy(392 + 90 + 1100));
  const test::ThrowingContracts throwing;
  EXPECT_THROW(chip.gating.refill(chip.bank, Cycles(600), Cycles(700)), std::logic_error);
}

TEST(UnknownGaps, OnlyWeightsOfStreamsThatCanWaitForThemAreLost) {
  for (const int kept : {0, 1, 2}) {
    Gated chip;
    if (kept == 1) chip.gating.keep_weights(0);
    chip.gating.begin_request(0, Cycles(0), true);
    chip.gating.set_uses(chip.bank, {.weights = kept == 2 ? 0 : 1, .activations = kept == 2 ? 1 : 0});
    chip.gating.hold(chip.gating.bank(chip.bank), Cycles(0), Cycles(10));
    chip.gating.end_request(0, Cycles(10));
    chip.gating.begin_request(0, Cycles(5000), false);
    EXPECT_EQ(chip.gating.lost(chip.bank), kept == 0);
    if (kept > 0) {
      EXPECT_EQ(chip.gating.ready_at(chip.gating.bank(chip.bank), Cycles(5000)), Cycles(5002));  // asleep
    }
  }
}

TEST(UnknownGaps, WhoeverElseEndsTheGapFindsTheWeightsAsleep) {
  Gated chip;
  weights_at_rest(chip, Cycles(5000));
  chip.gating.hold(chip.gating.bank(chip.bank), chip.gating.ready_at(chip.gating.bank(chip.bank), Cycles(5000)), Cycles(5010));
  EXPECT_EQ(chip.transitions(), Energy(30));
  EXPECT_EQ(chip.gated(), Energy((5002 - 14) * 4));
}

TEST(UnknownGaps, ABankWhoseWeightsComeOrGoForNoRequestWasOffUntilThen) {
  for (const std::int64_t now : {396, 5000}) {
    Gated chip;
    const ElementId bank = chip.gating.bank(chip.bank);
    weights_at_rest(chip, Cycles(20));
    chip.gating.hold(bank, Cycles(25), Cycles(30));
    chip.gating.end_request(0, Cycles(30));
    const EnergyTotal before = chip.gated();
    const EnergyTotal woken = chip.transitions();
    chip.gating.work_for(Gating::kNoStream);
    EXPECT_EQ(chip.gating.end_gap(chip.bank, Cycles(now)), now == 5000);
    EXPECT_EQ(chip.gated() - before, now == 5000 ? Energy(382 * 4 + (5000 - 416) * 1) : Energy((396 - 34) * 4));
    EXPECT_EQ(chip.transitions() - woken, Energy(now == 5000 ? 90 : 30));
    EXPECT_EQ(chip.gating.ready_at(bank, Cycles(now)), Cycles(now));
    EXPECT_FALSE(chip.gating.end_gap(chip.bank, Cycles(now)));  // it has ended
    chip.gating.filled(chip.bank, Cycles(now + 7));
    EXPECT_EQ(chip.gating.ready_at(bank, Cycles(now)), Cycles(now + 7));
  }
}

TEST(UnknownGaps, NothingIsLostInAGapWhoseStreamIsInProgress) {
  Gated chip;
  weights_at_rest(chip, Cycles(20));
  chip.gating.hold(chip.gating.bank(chip.bank), Cycles(25), Cycles(30));
  chip.gating.work_for(Gating::kNoStream);
  EXPECT_FALSE(chip.gating.end_gap(chip.bank, Cycles(5000)));
}

TEST(UnknownGaps, WeightsInPlaceFromTheStartAreLostInAFirstGapThatIsWorthIt) {
  for (const bool kept : {false, true}) {
    Gated chip;
    if (kept) chip.gating.keep_weights(0);
    chip.gating.set_uses(chip.bank, {.weights = 1});
    chip.gating.place_weights(chip.bank, 0);
    chip.gating.begin_request(0, Cycles(5000), false);
    EXPECT_EQ(chip.gating.lost(chip.bank), !kept);
  }
}

TEST(UnknownGaps, ABankThatIsAwakeUntilItsIdleCyclesHavePassedNeedsNoWake) {
  DeviceSpec spec = small_chip();
  spec.bank.sleep_after = Cycles(7);
  Gated chip(spec);
  chip.gating.set_uses(chip.bank, {.weights = 1});
  OneDescent rules(Cycles(0));
  chip.gating.follow(&rules);
  chip.gating.begin_request(0, Cycles(35), true);
  chip.gating.hold(chip.gating.bank(chip.bank), Cycles(35), Cycles(36));
  chip.gating.end_request(0, Cycles(36));
  chip.gating.begin_request(0, Cycles(43), false);
  EXPECT_EQ(chip.gating.ready_at(chip.gating.bank(chip.bank), Cycles(43)), Cycles(43));  // not asleep yet
  chip.gating.end_request(0, Cycles(43));
  chip.gating.begin_request(0, Cycles(44), false);
  EXPECT_EQ(chip.gating.ready_at(chip.gating.bank(chip.bank), Cycles(44)), Cycles(46));
}

}  // namespace
}  // namespace gatefold
