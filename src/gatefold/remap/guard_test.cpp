// The guards keep their promises around policies that do their worst, and stay out of the way of forced shifts.
#include "gatefold/remap/guard.h"

#include <gtest/gtest.h>

#include <functional>

#include "cost/small_networks.h"
#include "gatefold/base/random.h"
#include "gatefold/device/chip.h"
#include "gatefold/remap/request_price.h"

namespace gatefold {
namespace {

using test::at;
using test::small_chip;
using test::table_of;

/// Does what the test says.
class Puppet : public Policy {
 public:
  explicit Puppet(std::function<Decision(const Boundary&)> act) : act_(std::move(act)) {}
  GatingScope scope() const override { return GatingScope::kAll; }
  Assignment first_assignment(const OptionTable&, const StaticPlan& plan) const override { return plan.assignment; }
  Decision decide(const Boundary& boundary) override { return act_(boundary); }

 private:
  std::function<Decision(const Boundary&)> act_;
};

/// Two layers at cluster 1, where they were planned.
class GuardTest : public testing::Test {
 protected:
  void SetUp() override {
    plan_.assignment.assign(table_.size(), at(1));
    plan_.reached = assignment_cost(table_, plan_.assignment);
    plan_.reference.assign(table_.size(), Cycles(7));
    homes_ = plan_.assignment;
    for (std::size_t v = 0; v < table_.size(); ++v) ASSERT_TRUE(residence_.store_weights(LayerId(v), at(1), {}));
  }
  void act_as(std::function<Decision(const Boundary&)> act) { policy_ = guarded(std::unique_ptr<Policy>(new Puppet(std::move(act)))); }

  Situation situation() const {
    return {now_, &table_, &chip_.profile(), &residence_, &spilling_, &plan_, &homes_, &done_, std::nullopt, spent_, true};
  }
  /// A request begins and every layer is decided. Energy is spent, and layers move.
  void request() {
    now_ += Cycles(100);
    policy_->replan(situation());
    for (std::size_t v = 0; v < homes_.size(); ++v) {
      Boundary here{LayerId(v), now_, &table_, &chip_.profile(), &residence_, homes_[v], std::nullopt, true, std::nullopt, &spilling_};
      here.plan = &plan_;
      const Decision decision = policy_->decide(here);
      if (!decision.shift) continue;
      (decision.forced ? forced_ : voluntary_) += price_shift(table_, LayerId(v), homes_[v], decision.placement);
      ++shifts_;
      residence_.drop_weights(LayerId(v));
      ASSERT_TRUE(residence_.store_weights(LayerId(v), decision.placement, {}));
      homes_[v] = decision.placement;
    }
    const EnergyTotal price = price_request(situation(), homes_).energy;
    dearer_ += price - plan_.reached;
    spent_ += price;
  }
  /// To and fro as often as it is let.
  static Decision restless(const Boundary& here, bool forced) { return {here.home == at(1) ? at(2) : at(1), true, forced}; }

  OptionTable table_ = table_of(test::chain({4, 4, 4}, 2), small_chip());
  Chip chip_{table_.spec(), GatingScope::kAll};
  Residence residence_{table_, chip_.memory()};
  Spilling spilling_;
  StaticPlan plan_;
  Assignment homes_;
  std::vector<char> done_ = std::vector<char>(2, 0);
  std::unique_ptr<Policy> policy_;
  Cycles now_;
  EnergyTotal spent_, voluntary_, forced_, dearer_;
  int shifts_ = 0;
};

TEST(ShiftBudgetTest, PaysAtMostItsCapAndItsShareWhateverIsAsked) {
  SplitMix64 random(3);
  for (int trace = 0; trace < 200; ++trace) {
    const EnergyTotal cap(Energy(static_cast<std::int64_t>(random.next() % 5'000)));
    ShiftBudget budget(cap);
    EnergyTotal spent, paid;
    for (int i = 0; i < 300; ++i) {
      spent += Energy(static_cast<std::int64_t>(random.next() % 10'000));
      budget.earn(spent);
      // Adversaries ask for all there is as often as for a little.
      const EnergyTotal wanted =
          random.next() % 2 == 0 ? budget.held() : EnergyTotal(Energy(static_cast<std::int64_t>(random.next() % 300)));
      if (budget.admit(wanted)) paid += wanted;
      ASSERT_LE(paid, cap + EnergyTotal::of_attojoules(spent.attojoules() / ShiftBudget::kShare));
      ASSERT_LE(budget.held(), cap);
    }
  }
}

TEST_F(GuardTest, ARestlessPolicyPaysAtMostAHundredthAndOneRequest) {
  act_as([](const Boundary& here) { return restless(here, false); });
  for (int i = 0; i < 3'000; ++i) {
    request();
    ASSERT_LE(voluntary_, plan_.reached + EnergyTotal::of_attojoules(spent_.attojoules() / 100));
  }
  EXPECT_GT(shifts_, 30);  // and it is let as often as that allows
  EXPECT_LT(shifts_, 6'000);
}

TEST_F(GuardTest, ForcedShiftsAreNeverRefused) {
  act_as([](const Boundary& here) { return restless(here, true); });
  for (int i = 0; i < 500; ++i) request();
  EXPECT_EQ(shifts_, 1'000);
  EXPECT_EQ(voluntary_, EnergyTotal());
}

TEST_F(GuardTest, WhatWasForcedAwayGoesBackOnceItHasLostWhatThatCosts) {
  bool forced = false;
  act_as([&](const Boundary& here) {
    const bool first = here.layer == LayerId(1) && !forced;
    forced = forced || first;
    return first ? Decision{at(2), true, true} : Decision{here.home, false, false};
  });
  request();
  ASSERT_NE(homes_, plan_.assignment);
  const EnergyTotal back = price_shift(table_, LayerId(1), at(2), at(1));
  const EnergyTotal each = dearer_;
  ASSERT_GT(each, EnergyTotal());
  for (int i = 0; i < 10'000 && homes_ != plan_.assignment; ++i) request();
  EXPECT_EQ(homes_, plan_.assignment);
  EXPECT_LE(dearer_, back + each + each);
  EXPECT_GE(dearer_, back);
  request();
  EXPECT_EQ(shifts_, 2);
}

}  // namespace
}  // namespace gatefold
