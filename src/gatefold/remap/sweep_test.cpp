// What a look at the whole network finds: nothing where nothing is to be gained, time only where it saves a deadline.
#include "gatefold/remap/sweep.h"

#include <gtest/gtest.h>

#include "cost/small_networks.h"
#include "gatefold/device/chip.h"
#include "gatefold/remap/request_price.h"

namespace gatefold {
namespace {

using test::at;
using test::small_chip;
using test::table_of;

/// Four layers of 7 cycles at cluster 1, where they were planned. Nothing has run.
class SweepTest : public testing::Test {
 protected:
  void SetUp() override {
    homes_.assign(table_.size(), at(1));
    plan_.assignment = homes_;
    plan_.reached = assignment_cost(table_, homes_);
    for (std::size_t v = 0; v < table_.size(); ++v) {
      plan_.reference.push_back(execution_cycles(table_, LayerId(v), at(1)));
      total_ += plan_.reference.back();
      ASSERT_TRUE(residence_.store_weights(LayerId(v), at(1), {}));
    }
  }
  void set(int cluster, bool occupied, std::int32_t percent) {
    chip_.profile().set_condition(ClusterId(cluster), {Cycles(50), occupied, percent});
    chip_.profile().advance(Cycles(100));
  }
  Situation situation(std::optional<Cycles> left = std::nullopt) const {
    return {Cycles(100), &table_, &chip_.profile(), &residence_, &spilling_, &plan_, &homes_, &done_, left, EnergyTotal(), true};
  }
  std::int64_t moved(const Sweep& found) const {
    std::int64_t count = 0;
    for (std::size_t v = 0; v < homes_.size(); ++v) count += found.target[v] == homes_[v] ? 0 : 1;
    return count;
  }
  void fill_all_but(int cluster) {
    for (int core = 0; core < 8; ++core) {
      if (core / 2 == cluster) continue;
      const Bytes rest = chip_.memory().free_bytes(CoreId(core));
      ASSERT_TRUE(chip_.memory().store(CoreId(core), rest, BankRole::kWeights, {}, {}));
    }
  }

  OptionTable table_ = table_of(test::chain({4, 4, 4, 4, 4}, 2), small_chip());
  Chip chip_{table_.spec(), GatingScope::kAll};
  Residence residence_{table_, chip_.memory()};
  Spilling spilling_;
  StaticPlan plan_;
  Assignment homes_;
  std::vector<char> done_ = std::vector<char>(4, 0);
  Cycles total_;
};

TEST_F(SweepTest, NothingMovesWhereNothingIsToBeGained) {
  set(3, false, 50);  // nothing lies there
  const Sweep found = sweep(situation(total_ * 2));
  EXPECT_EQ(found.target, homes_);
  EXPECT_EQ(found.cycles, total_);
}

TEST_F(SweepTest, ASlowLayerStaysWhileTheRequestIsInTimeHoweverLateTheLayer) {
  set(1, false, 90);
  const Sweep found = sweep(situation(total_ * 2));
  EXPECT_EQ(moved(found), 0);
  EXPECT_TRUE(in_time(found.cycles, total_ * 2));
}

TEST_F(SweepTest, TimeIsBoughtUntilTheRequestIsInTimeAndNoFurther) {
  set(1, false, 60);
  const Cycles left = total_ + Cycles(total_.count() / 2);
  ASSERT_FALSE(in_time(price_request(situation(), homes_).cycles, left));
  const Sweep found = sweep(situation(left));
  EXPECT_TRUE(in_time(found.cycles, left));
  Assignment bought = homes_;
  EnergyTotal followed;
  for (std::size_t v = 0; v < homes_.size(); ++v) {
    if (found.forced[v] != 0) bought[v] = found.target[v];
    else followed += price_shift(table_, LayerId(v), homes_[v], found.target[v]);
  }
  EXPECT_NE(bought, homes_);
  EXPECT_TRUE(in_time(price_request(situation(), bought).cycles, left));
  for (std::size_t v = 0; v < homes_.size(); ++v) {
    if (bought[v] == homes_[v]) continue;
    Assignment without = bought;  // every one of them was needed
    without[v] = homes_[v];
    EXPECT_FALSE(in_time(price_request(situation(), without).cycles, left));
  }
  // Those that follow do so for gain.
  EXPECT_LE(price_request(situation(), found.target).energy + followed, price_request(situation(), bought).energy);
  EXPECT_LE(found.cycles, price_request(situation(), bought).cycles);
}

TEST_F(SweepTest, OneMoreClusterCostsItsGapsWhereRequestsComeOften) {
  // In a stream so slow that clusters are woken for every request, and in one so fast that they stay ON, a second cluster costs
  // what it takes between uses; without a stream nobody knows.
  const Assignment together(4, at(1));
  const Assignment apart{at(1), at(1), at(2), at(2)};
  const auto dearer = [&](std::optional<Cycles> period) {
    Situation here = situation();
    here.period = period;
    return price_request(here, apart).energy - price_request(here, together).energy;
  };
  const GateSpec& gate = table_.spec().cluster;
  const EnergyTotal wake(gate.wake_energy);
  const Cycles fast = total_ + Cycles(1);
  const auto stays = [&](Cycles gap) { return std::min(wake, EnergyTotal::over(gate.on - gate.clock - gate.gated, gap)); };
  const Cycles half(total_.count() / 2);
  EXPECT_EQ(dearer(fast) - dearer(std::nullopt), stays(fast - half) + stays(fast - half) - wake - stays(fast - total_));
  EXPECT_EQ(dearer(Cycles(1'000'000)), dearer(std::nullopt));  // cluster 1 is woken either way, cluster 2 as EQ-27 says
}

TEST_F(SweepTest, NothingIsBoughtForARequestThatIsLateAnyway) {
  for (int k = 0; k < 4; ++k) set(k, false, 60);
  const Cycles left(total_.count() / 2);
  const Sweep found = sweep(situation(left));
  EXPECT_EQ(moved(found), 0);
  EXPECT_EQ(found.late, left);
}

TEST_F(SweepTest, WhatWasPlannedLateIsNotHurried) {
  set(3, false, 50);
  const Sweep found = sweep(situation(Cycles(1)));
  EXPECT_EQ(moved(found), 0);
}

TEST_F(SweepTest, TheNetworkLeavesAnOccupiedClusterAsAWholeOrWaits) {
  set(1, true, 100);
  const Sweep found = sweep(situation());
  EXPECT_FALSE(found.waits);
  EXPECT_EQ(moved(found), 4);
  for (const Placement& target : found.target) EXPECT_TRUE(chip_.profile().available(target, Cycles(100)));
  fill_all_but(1);
  const Sweep full = sweep(situation());
  EXPECT_TRUE(full.waits);
  EXPECT_EQ(full.target, homes_);
}

TEST_F(SweepTest, FreeMovesFindAPlaceThatNoSingleRequestPaysFor) {
  int found = 0;
  for (std::int32_t percent = 95; percent > 0; percent -= 5) {
    set(1, false, percent);
    const Sweep paid = sweep(situation());
    const Sweep free = sweep(situation(), true);
    EXPECT_GE(moved(free), moved(paid));
    EXPECT_LE(price_request(situation(), free.target).energy, price_request(situation(), homes_).energy);
    found += moved(free) > 0 && moved(paid) == 0 ? 1 : 0;
  }
  EXPECT_GT(found, 0);
}

}  // namespace
}  // namespace gatefold
