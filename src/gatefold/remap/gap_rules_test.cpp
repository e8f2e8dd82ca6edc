// Gap rules at work on a chip: bounds that hold on every trace, and what each rule is told to know.
#include "gatefold/remap/gap_rules.h"

#include <gtest/gtest.h>

#include <cmath>

#include "device/small_chip.h"
#include "gatefold/base/random.h"
#include "gatefold/device/gating.h"
#include "gatefold/remap/gap_rule.h"

namespace gatefold {
namespace {

using test::small_chip;

enum class Trace : std::uint8_t { kPeriodic, kPoisson, kBursty, kAdversarial };

/// A chip on which every request holds one cluster, core, bank of weights and empty bank, each for a part of its time.
class OneNetwork {
 public:
  explicit OneNetwork(GapRule rule, std::vector<DeclaredStream> streams = {})
      : spec_(small_chip()), gating_(spec_, GatingScope::kAll, ledger_), rules_(make_gap_rules(rule, spec_, streams)) {
    gating_.follow(rules_.get());
    gating_.set_uses(BankId(0), {.weights = 1});
  }

  /// A request that arrives so long after the one before ended.
  void serve(Cycles gap) {
    const Cycles arrival = now_ + gap;
    gating_.begin_request(0, arrival, false);
    const std::vector<ElementId> used{gating_.cluster(ClusterId(0)), gating_.core(CoreId(0)), gating_.bank(BankId(0)),
                                      gating_.bank(BankId(1))};
    Cycles start = arrival;
    if (gating_.lost(BankId(0))) {
      start = gating_.refill_from(BankId(0), arrival) + Cycles(7);
      gating_.refill(BankId(0), gating_.refill_from(BankId(0), arrival), start);
    }
    for (const ElementId element : used) start = gating_.ready_at(element, start);
    for (std::size_t i = 0; i < used.size(); ++i) gating_.hold(used[i], start, start + Cycles(3 + static_cast<std::int64_t>(i)));
    now_ = start + Cycles(6);
    gating_.end_request(0, now_);
  }

  /// The longest gap within `limit` that ends just after the bank of weights has gone down.
  [[nodiscard]] Cycles worst_gap(Cycles limit) const {
    Cycles worst(1);
    for (const Cycles entered : rules_->descent(1, index(GapClass::kWeightBank))) {
      if (entered < limit) worst = entered + Cycles(1);
    }
    return worst;
  }

  [[nodiscard]] const Gating& gating() const { return gating_; }
  [[nodiscard]] const DeviceSpec& spec() const { return spec_; }

 private:
  DeviceSpec spec_;
  Ledger ledger_;
  Gating gating_;
  std::unique_ptr<GapRules> rules_;
  Cycles now_;
};

void run(OneNetwork& chip, Trace trace, std::int64_t mean, std::uint64_t seed) {
  SplitMix64 random(seed);
  const auto scale = static_cast<double>(mean);
  bool dense = true;
  for (int request = 0; request < 2000; ++request) {
    double gap = scale;
    switch (trace) {
      case Trace::kPeriodic: gap *= 0.95 + 0.1 * random.uniform(); break;
      case Trace::kPoisson: gap *= -std::log(random.uniform()); break;
      case Trace::kBursty:
        if (random.uniform() < 0.05) dense = !dense;
        gap *= -std::log(random.uniform()) * (dense ? 0.2 : 2);
        break;
      case Trace::kAdversarial: gap = request == 0 ? 1 : static_cast<double>(chip.worst_gap(Cycles(4 * mean)).count()); break;
    }
    chip.serve(Cycles(std::max<std::int64_t>(1, std::llround(gap))));
  }
}

class OnEveryTrace : public testing::TestWithParam<Trace> {};

/// Of every element: what its unknown gaps cost stays within the bounds, and gating never costs more than the wakes of gaps that
/// ended early.
TEST_P(OnEveryTrace, NoRuleExceedsItsBound) {
  for (const GapRule rule : {GapRule::kTimeout, GapRule::kPredicted}) {
    for (const std::int64_t mean : {2, 6, 15, 60, 400}) {
      for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        OneNetwork chip(rule);
        run(chip, GetParam(), mean, seed);
        const DeviceSpec& spec = chip.spec();
        // Of the elements used: one cluster, one core, an empty bank and one of weights.
        const std::array<EnergyTotal, 3> deepest{spec.cluster.wake_energy, spec.core.wake_energy,
                                                 EnergyTotal(spec.bank.wake_energy_off) + spec.bank.wake_energy_off + refill_energy(spec)};
        for (std::size_t of = 0; of < deepest.size(); ++of) {
          const UnknownGaps& gaps = chip.gating().unknown_gaps()[of];
          EXPECT_EQ(gaps.count, of == 2 ? 4000 : 2000);
          EXPECT_LE(gaps.competitive, EnergyTotal::repeated(gaps.offline, 2));
          EXPECT_GE(gaps.paid, gaps.offline);
          EXPECT_LE(gaps.paid - gaps.stayed_on, gaps.early_wakes);
          if (rule == GapRule::kTimeout) {
            EXPECT_LE(gaps.paid, gaps.competitive);
          } else {
            EXPECT_LE(EnergyTotal::repeated(gaps.paid, PredictedRule::kAllowance),
                      EnergyTotal::repeated(gaps.competitive, PredictedRule::kAllowance + 1) +
                          EnergyTotal::repeated(deepest[of], PredictedRule::kReserve * PredictedRule::kAllowance))
                << "class " << of << " mean " << mean << " seed " << seed;
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, OnEveryTrace, testing::Values(Trace::kPeriodic, Trace::kPoisson, Trace::kBursty, Trace::kAdversarial));

TEST(GapRules, PredictionSavesWhatTheTimeOutWastesOnLongPeriodicGaps) {
  OneNetwork timed(GapRule::kTimeout);
  OneNetwork predicted(GapRule::kPredicted);
  for (OneNetwork* chip : {&timed, &predicted}) run(*chip, Trace::kPeriodic, 60, 1);
  for (std::size_t of = 0; of < 3; ++of) {
    const EnergyTotal offline = predicted.gating().unknown_gaps()[of].offline;
    EXPECT_LT(predicted.gating().unknown_gaps()[of].paid.joules(), offline.joules() * 1.02);
    EXPECT_GT(timed.gating().unknown_gaps()[of].paid.joules(), offline.joules() * 1.02);
  }
}

TEST(GapRules, TheNominalStateIsThatOfTheDeclaredMeanGap) {
  const DeviceSpec spec = small_chip();
  const auto descent = [&](std::vector<DeclaredStream> streams, std::uint64_t users) {
    const auto rules = make_gap_rules(GapRule::kNominal, spec, streams);
    rules->add_group(0, 0);
    rules->add_group(1, users);
    return rules->descent(1, index(GapClass::kCluster))[0];
  };
  // The cluster's break-even is 10 cycles.
  EXPECT_EQ(descent({{Cycles(19), Cycles(10)}}, 1), kNotEntered);
  EXPECT_EQ(descent({{Cycles(20), Cycles(10)}}, 1), Cycles(0));
  // Two streams leave (1 - 1/4 - 1/4) / (1/40 + 1/40) = 10 cycles on average, each of them 30.
  EXPECT_EQ(descent({{Cycles(40), Cycles(10)}, {Cycles(40), Cycles(10)}}, 3), Cycles(0));
  EXPECT_EQ(descent({{Cycles(40), Cycles(10)}, {Cycles(40), Cycles(11)}}, 3), kNotEntered);
  EXPECT_EQ(descent({{Cycles(40), Cycles(10)}, {Cycles(40), Cycles(11)}}, 1), Cycles(0));
  // Nothing is declared: the time-out.
  EXPECT_EQ(descent({{std::nullopt, Cycles(10)}}, 1), Cycles(9));
  EXPECT_EQ(descent({{Cycles(40), Cycles(10)}}, 3), Cycles(9));
}

TEST(GapRules, EachGroupHasAHistoryOfItsOwn) {
  const auto rules = make_gap_rules(GapRule::kPredicted, small_chip(), {});
  for (std::size_t group = 0; group < 3; ++group) rules->add_group(group, group);
  for (int i = 0; i < 100; ++i) {
    rules->observe(1, Cycles(1000));
    rules->observe(2, Cycles(2));
  }
  EXPECT_EQ(rules->descent(1, index(GapClass::kCluster))[0], Cycles(0));
  EXPECT_GT(rules->descent(2, index(GapClass::kCluster))[0], Cycles(9));
  EXPECT_EQ(rules->descent(0, index(GapClass::kCluster))[0], Cycles(9));
}

}  // namespace
}  // namespace gatefold
