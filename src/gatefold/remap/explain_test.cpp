// Explanations are the decisions they explain, and what they say would change a choice would.
#include "gatefold/remap/explain.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cost/small_networks.h"
#include "gatefold/base/random.h"
#include "gatefold/device/chip.h"

namespace gatefold {
namespace {

using test::at;
using test::small_chip;
using test::table_of;

/// Two layers at cluster 1, weights in place; the second is decided.
class ExplainTest : public testing::Test {
 protected:
  void SetUp() override { use({4, 4, 4}); }
  void use(const std::vector<std::int64_t>& channels) {
    table_ = std::make_unique<OptionTable>(table_of(test::chain(channels, 2), small_chip()));
    chip_ = std::make_unique<Chip>(table_->spec(), GatingScope::kAll);
    residence_ = std::make_unique<Residence>(*table_, chip_->memory());
    for (std::size_t v = 0; v < table_->size(); ++v) ASSERT_TRUE(residence_->store_weights(LayerId(v), at(1), {}));
    plan_.assignment.assign(table_->size(), at(1));
  }
  static std::unique_ptr<Policy> policy(std::string_view name) {
    for (const PolicyEntry& entry : policy_table()) {
      if (entry.name == name) return entry.make();
    }
    return nullptr;
  }
  Boundary boundary(std::optional<Cycles> budget = std::nullopt) const {
    Boundary here{LayerId(1), Cycles(100), table_.get(), &chip_->profile(), residence_.get(), at(1), at(1), true, budget};
    here.plan = &plan_;
    return here;
  }
  void set(int cluster, bool occupied, std::int32_t percent, std::uint16_t failed_cores = 0) {
    chip_->profile().set_condition(ClusterId(cluster), {Cycles(50), occupied, percent, failed_cores});
  }
  /// Leaves one byte of a core.
  void fill(int core) {
    const Bytes rest = chip_->memory().free_bytes(CoreId(core)) - Bytes(1);
    ASSERT_TRUE(chip_->memory().store(CoreId(core), rest, BankRole::kWeights, {}, {}));
  }
  static const WeighedOption* find(const Explanation& why, const Placement& placement) {
    for (const WeighedOption& option : why.options) {
      if (option.placement == placement) return &option;
    }
    return nullptr;
  }
  static const WeighedOption& chosen(const Explanation& why) { return *find(why, why.decision.placement); }

  /// What every option says about itself, against the boundary.
  void check(const Boundary& here, const Explanation& why, bool greedy) const {
    const WeighedOption& taken = chosen(why);
    for (const WeighedOption& option : why.options) {
      SCOPED_TRACE(option.placement.text());
      EXPECT_EQ(option.standing == Standing::kChosen, option.placement == why.decision.placement);
      EXPECT_EQ(option.home, option.placement == here.home);
      EXPECT_EQ(option.dearer, option.cost.total() - taken.cost.total());
      const bool available = here.profile->available(option.placement, here.now);
      const bool late = here.budget && option.cycles > *here.budget;
      if (greedy) {
        EXPECT_EQ(option.cost.total(), cost_at(here, option.placement).total());
      }
      switch (option.standing) {
        case Standing::kChosen: EXPECT_EQ(why.waits, !available); break;
        case Standing::kPassedOver:
          EXPECT_TRUE(available && (!late || !greedy));
          if (why.looked) {
            EXPECT_GE(option.dearer, EnergyTotal());
          }
          check_faster(option, taken);
          break;
        case Standing::kLate: EXPECT_TRUE(late && taken.late == Cycles(0)); break;
        case Standing::kSlower: EXPECT_TRUE(late && taken.late > Cycles(0) && option.cycles >= taken.cycles); break;
        case Standing::kFailed:
        case Standing::kOccupied: EXPECT_FALSE(available); break;
        case Standing::kNoRoom: EXPECT_FALSE(residence_->weights_fit(here.layer, option.placement, 2)); break;
      }
    }
  }
  void check_faster(const WeighedOption& option, const WeighedOption& taken) const {
    if (!option.faster) return;
    const EnergyPerCycle power = table_->always() + table_->option(LayerId(1), option.placement).held;
    const auto with = [&](Cycles less) { return option.cost.total() - EnergyTotal::over(power, less); };
    const auto wins = [&](Cycles less) { return with(less) < taken.cost.total() || (option.home && with(less) == taken.cost.total()); };
    EXPECT_LE(*option.faster, option.cycles);
    EXPECT_TRUE(wins(*option.faster));
    if (*option.faster > Cycles(0)) {
      EXPECT_FALSE(wins(*option.faster - Cycles(1)));
    }
  }

  std::unique_ptr<OptionTable> table_;
  StaticPlan plan_;
  std::unique_ptr<Chip> chip_;
  std::unique_ptr<Residence> residence_;
};

TEST_F(ExplainTest, WhatIsExplainedIsWhatIsDecidedAtRandomBoundaries) {
  SplitMix64 random(7);
  const auto below = [&](std::uint64_t n) { return static_cast<std::int32_t>(random.next() % n); };
  int shifts = 0;
  std::vector<int> seen(7, 0);
  for (int round = 0; round < 400; ++round) {
    use({1 + below(9), 4, 1 + below(9)});
    for (int core = 0; core < 8; ++core) {
      if (core / 2 != 1 && below(3) == 0) fill(core);  // the weights lie in cluster 1
    }
    for (int cluster = 0; cluster < 4; ++cluster) {
      const auto failed_cores = static_cast<std::uint16_t>(below(4) == 0 ? below(4) : 0);
      set(cluster, below(3) == 0, below(2) == 0 ? 100 : 1 + below(100), failed_cores);
    }
    for (const PolicyEntry& entry : policy_table()) {
      const auto deciding = entry.make(), explaining = entry.make();
      for (int time = 0; time < 2; ++time) {  // the second finds nothing changed
        Boundary here = boundary(below(2) == 0 ? std::nullopt : std::optional(Cycles(below(40))));
        here.steered = below(2) == 0;
        if (below(2) == 0) here.producer = at(below(4));
        const Decision decision = deciding->decide(here);
        const Explanation why = decide_and_explain(*explaining, here);
        ASSERT_EQ(why.decision.placement, decision.placement) << entry.name << ", round " << round;
        ASSERT_EQ(why.decision.shift, decision.shift);
        ASSERT_EQ(why.decision.forced, decision.forced);
        check(here, why, entry.name == "greedy");
        for (const WeighedOption& option : why.options) ++seen[static_cast<std::size_t>(option.standing)];
        shifts += decision.shift ? 1 : 0;
      }
    }
  }
  EXPECT_GT(shifts, 100);
  for (const int count : seen) EXPECT_GT(count, 0);  // every standing occurred
}

TEST_F(ExplainTest, AnOccupiedHomeSaysSo) {
  set(1, true, 100);
  const Explanation why = decide_and_explain(*policy("greedy"), boundary());
  EXPECT_TRUE(why.decision.forced && why.looked && !why.waits);
  ASSERT_NE(find(why, at(1)), nullptr);
  EXPECT_EQ(find(why, at(1))->standing, Standing::kOccupied);
  EXPECT_LT(find(why, at(1))->dearer, EnergyTotal());  // the weights lie there
  EXPECT_TRUE(decide_and_explain(*policy("static"), boundary()).waits);
}

TEST_F(ExplainTest, WhatIsOutOfBudgetSaysByHowMuch) {
  set(1, false, 50);  // 14 cycles at home, 7 elsewhere
  EXPECT_FALSE(decide_and_explain(*policy("greedy"), boundary(Cycles(14))).decision.shift);
  const Explanation why = decide_and_explain(*policy("greedy"), boundary(Cycles(12)));
  ASSERT_NE(find(why, at(1)), nullptr);
  EXPECT_EQ(find(why, at(1))->standing, Standing::kLate);
  EXPECT_EQ(find(why, at(1))->late, Cycles(2));
  EXPECT_EQ(find(decide_and_explain(*policy("greedy"), boundary(Cycles(1))), at(1))->standing, Standing::kSlower);
}

TEST_F(ExplainTest, ASlowHomeWouldWinAtTheSpeedThatIsNamed) {
  set(1, false, 1);  // 7 cycles become 700
  const Explanation why = decide_and_explain(*policy("greedy"), boundary());
  ASSERT_TRUE(why.decision.shift && find(why, at(1))->faster);
  const Cycles left = find(why, at(1))->cycles - *find(why, at(1))->faster;
  const auto stays_at = [&](std::int32_t percent) {
    set(1, false, percent);
    return !decide_and_explain(*policy("greedy"), boundary()).decision.shift;
  };
  int changes = 0;
  for (std::int32_t percent = 1; percent <= 100; ++percent) {
    const bool enough = throttled(Cycles(7), percent) <= left;
    EXPECT_EQ(stays_at(percent), enough) << percent;
    changes += enough ? 1 : 0;
  }
  EXPECT_TRUE(changes > 0 && changes < 100);
}

TEST_F(ExplainTest, NothingNewIsSaidAndPricedAllTheSame) {
  const Explanation why = decide_and_explain(*policy("greedy"), boundary());
  EXPECT_FALSE(why.looked);
  EXPECT_EQ(chosen(why).placement, at(1));
  EXPECT_GT(why.options.size(), 1U);
}

TEST_F(ExplainTest, DecisionsThatAreAlikeAreCounted) {
  const auto greedy = policy("greedy");
  std::vector<ExplainedDecision> list;
  for (int i = 0; i < 3; ++i) add_distinct(list, {Cycles(100), i, 0, false, decide_and_explain(*greedy, boundary())});
  set(1, true, 100);
  add_distinct(list, {Cycles(100), 3, 0, false, decide_and_explain(*greedy, boundary())});
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].request, 0);
  EXPECT_EQ(list[0].alike, 2);
  EXPECT_EQ(list[1].request, 3);
}

}  // namespace
}  // namespace gatefold
