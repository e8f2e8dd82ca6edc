// What the policies decide at one boundary.
#include <gtest/gtest.h>

#include "cost/small_networks.h"
#include "gatefold/device/chip.h"
#include "gatefold/remap/policy.h"

namespace gatefold {
namespace {

using test::at;
using test::small_chip;
using test::table_of;

/// Two layers at cluster 1, weights in place; the second is decided.
class PoliciesTest : public testing::Test {
 protected:
  void use(const DeviceSpec& spec, const std::vector<std::int64_t>& channels = {4, 4, 4}) {
    table_ = std::make_unique<OptionTable>(table_of(test::chain(channels, 2), spec));
    chip_ = std::make_unique<Chip>(table_->spec(), GatingScope::kAll);
    residence_ = std::make_unique<Residence>(*table_, chip_->memory());
    for (std::size_t v = 0; v < table_->size(); ++v) ASSERT_TRUE(residence_->store_weights(LayerId(v), at(1), {}));
  }
  void SetUp() override { use(small_chip()); }

  static std::unique_ptr<Policy> policy(std::string_view name) {
    for (const PolicyEntry& entry : policy_table()) {
      if (entry.name == name) return entry.make();
    }
    return nullptr;
  }
  Boundary boundary(std::int64_t now = 100) const {
    return {LayerId(1), Cycles(now), table_.get(), &chip_->profile(), residence_.get(), at(1), at(1), true, std::nullopt};
  }
  void occupy(int cluster, std::int64_t from) { chip_->profile().set_condition(ClusterId(cluster), {Cycles(from), true, 100}); }
  void throttle(int cluster, std::int64_t from, std::int32_t percent) {
    chip_->profile().set_condition(ClusterId(cluster), {Cycles(from), false, percent});
  }
  /// Leaves one byte of a core.
  void fill(int core) {
    const CoreId id(core);
    const Bytes rest = chip_->memory().free_bytes(id) - Bytes(1);
    ASSERT_TRUE(chip_->memory().store(id, rest, BankRole::kWeights, {}, {}));
  }

  std::unique_ptr<OptionTable> table_;
  std::unique_ptr<Chip> chip_;
  std::unique_ptr<Residence> residence_;
};

TEST_F(PoliciesTest, EveryPolicyStaysWhereNothingHappens) {
  for (const PolicyEntry& entry : policy_table()) {
    const Decision decision = entry.make()->decide(boundary());
    EXPECT_FALSE(decision.shift) << entry.name;
    EXPECT_EQ(decision.placement, at(1)) << entry.name;
  }
}

TEST_F(PoliciesTest, FixedPoliciesStayWhateverHappens) {
  occupy(1, 50);
  for (const char* name : {"ungated", "static"}) EXPECT_FALSE(policy(name)->decide(boundary()).shift) << name;
}

TEST_F(PoliciesTest, ScopesAreWhatTheirNamesSay) {
  EXPECT_EQ(policy("ungated")->scope(), GatingScope::kNothing);
  EXPECT_EQ(policy("static")->scope(), GatingScope::kAll);
  EXPECT_EQ(policy("seed-literal")->scope(), GatingScope::kClusters);
  EXPECT_EQ(policy("greedy")->scope(), GatingScope::kAll);
}

TEST_F(PoliciesTest, SeedLiteralBeginsOnOneClusterWithAllTheCoresThatALayerCanUse) {
  use(small_chip(), {1, 4, 4});
  const auto plan = plan_static(*table_, std::nullopt);
  ASSERT_TRUE(plan);
  EXPECT_EQ(policy("seed-literal")->first_assignment(*table_, plan.value()), (Assignment{at(0, 1, 1), at(0, 1, 3)}));
}

TEST_F(PoliciesTest, SeedLiteralStaysWhileItsClusterIsAvailableHoweverSlow) {
  throttle(1, 50, 1);
  occupy(0, 50);
  EXPECT_FALSE(policy("seed-literal")->decide(boundary()).shift);
}

TEST_F(PoliciesTest, SeedLiteralStaysWhereMovingWouldCostNothing) {
  DeviceSpec spec = small_chip();
  spec.sram_byte = EnergyPerByte(0);
  spec.wire_byte_pitch = EnergyPerByte(0);
  use(spec);
  EXPECT_FALSE(policy("seed-literal")->decide(boundary()).shift);
}

TEST_F(PoliciesTest, SeedLiteralMovesToTheNearestAvailableClusterWithRoom) {
  occupy(1, 50);
  const auto seed = policy("seed-literal");
  EXPECT_FALSE(seed->decide(boundary(49)).shift);
  const Decision decision = seed->decide(boundary(50));
  EXPECT_TRUE(decision.shift && decision.forced);
  EXPECT_EQ(decision.placement, at(0));
  fill(0);
  EXPECT_EQ(seed->decide(boundary(50)).placement, at(0, 1, 2));  // the cluster's other core
  fill(1);
  EXPECT_EQ(seed->decide(boundary(50)).placement, at(2));
}

TEST_F(PoliciesTest, WithNothingAvailableALayerWaits) {
  for (int k = 0; k < 4; ++k) occupy(k, 50);
  for (const char* name : {"seed-literal", "greedy"}) EXPECT_FALSE(policy(name)->decide(boundary()).shift) << name;
}

TEST_F(PoliciesTest, GreedyMovesWhenItsHomeIsOccupied) {
  occupy(1, 50);
  const Decision decision = policy("greedy")->decide(boundary());
  EXPECT_TRUE(decision.shift && decision.forced);
  EXPECT_EQ(decision.placement.clusters, 1);
  EXPECT_NE(decision.placement.first, 1);
}

TEST_F(PoliciesTest, GreedyMovesToTheCheapestOfItsCandidates) {
  occupy(1, 50);
  const Boundary here = boundary();
  const Decision decision = policy("greedy")->decide(here);
  const Step step{here.layer, here.home, here.producer, table_->work(here.layer).input, here.steered, 100};
  const EnergyTotal chosen = step_cost(*table_, step, decision.placement).total();
  for (const int first : {0, 2}) EXPECT_LE(chosen, step_cost(*table_, step, at(first)).total());  // first free run and best fit
}

TEST_F(PoliciesTest, GreedyNeverMovesIntoAnOccupiedClusterOrWhereThereIsNoRoom) {
  occupy(1, 50);
  occupy(0, 50);
  for (const int core : {4, 5, 6}) fill(core);  // both cores of cluster 2, one of cluster 3
  const Decision decision = policy("greedy")->decide(boundary());
  EXPECT_TRUE(!decision.shift || decision.placement == at(3, 1, 2)) << decision.placement.text();
}

TEST_F(PoliciesTest, GreedyLeavesASlowHomeIfThatIsCheaper) {
  throttle(1, 50, 1);  // 7 cycles become 700, of 65 aJ each
  const Decision decision = policy("greedy")->decide(boundary());
  EXPECT_TRUE(decision.shift);
  EXPECT_FALSE(decision.forced);
}

TEST_F(PoliciesTest, GreedyStaysIfASlowHomeIsCheaperThanTheMove) {
  throttle(1, 50, 90);
  EXPECT_FALSE(policy("greedy")->decide(boundary()).shift);
}

TEST_F(PoliciesTest, GreedyDropsWhatIsOutOfBudget) {
  throttle(1, 50, 50);  // 14 cycles at home, 7 elsewhere
  const auto greedy = policy("greedy");
  Boundary here = boundary();
  here.budget = Cycles(14);
  EXPECT_FALSE(greedy->decide(here).shift);
  here.budget = Cycles(13);
  const Decision decision = greedy->decide(here);
  EXPECT_TRUE(decision.shift && decision.forced);
  EXPECT_LE(table_->option(LayerId(1), decision.placement).cycles, Cycles(13));
}

TEST_F(PoliciesTest, GreedyTakesTheFastestIfNothingIsInTime) {
  throttle(1, 50, 50);
  Boundary here = boundary();
  here.budget = Cycles(1);
  const Decision decision = policy("greedy")->decide(here);
  EXPECT_TRUE(decision.shift && decision.forced);
  EXPECT_EQ(table_->option(LayerId(1), decision.placement).cycles, Cycles(7));
}

TEST_F(PoliciesTest, AShiftAlwaysGoesToALegalPlaceThatHasRoom) {
  for (unsigned occupied = 0; occupied < 16; ++occupied) {
    use(small_chip(), {4, 9, 5});
    for (int k = 0; k < 4; ++k) {
      if (occupied >> k & 1U) occupy(k, 50);
    }
    for (const PolicyEntry& entry : policy_table()) {
      const Decision decision = entry.make()->decide(boundary());
      EXPECT_EQ(decision.shift, !(decision.placement == at(1))) << entry.name;
      if (!decision.shift) continue;
      EXPECT_TRUE(table_->has_option(LayerId(1), decision.placement)) << entry.name;
      EXPECT_TRUE(residence_->weights_fit(LayerId(1), decision.placement)) << entry.name;
      EXPECT_TRUE(chip_->profile().available(decision.placement, Cycles(100))) << entry.name;
    }
  }
}

}  // namespace
}  // namespace gatefold
