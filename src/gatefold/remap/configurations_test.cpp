// The work function against trying every way to have served the requests, and what the configurations are.
#include "gatefold/remap/configurations.h"

#include <gtest/gtest.h>

#include "cost/small_networks.h"
#include "gatefold/base/random.h"
#include "gatefold/device/chip.h"

namespace gatefold {
namespace {

using test::at;
using test::small_chip;
using test::table_of;

/// Three layers, planned at clusters 1 and 2.
class ConfigurationsTest : public testing::Test {
 protected:
  void SetUp() override {
    plan_.assignment = homes_;
    plan_.reached = assignment_cost(table_, homes_);
  }
  Situation situation() const {
    return {Cycles(0), &table_, &chip_.profile(), &residence_, &spilling_, &plan_, &homes_, &done_, std::nullopt, EnergyTotal(), true};
  }

  OptionTable table_ = table_of(test::chain({4, 4, 4, 4}, 2), small_chip());
  Chip chip_{table_.spec(), GatingScope::kAll};
  Residence residence_{table_, chip_.memory()};
  Spilling spilling_;
  StaticPlan plan_;
  Assignment homes_{at(1), at(1), at(2)};
  std::vector<char> done_ = std::vector<char>(3, 0);
};

TEST_F(ConfigurationsTest, BeginWithThePlanAndAvoidEachOfItsClusters) {
  const Configurations z(situation());
  ASSERT_GE(z.size(), 3U);
  EXPECT_EQ(z.at(0), plan_.assignment);
  for (const std::int32_t avoided : {1, 2}) {
    bool found = false;
    for (std::size_t i = 0; i < z.size(); ++i) {
      const auto there = [&](const Placement& p) { return p.first <= avoided && avoided <= p.last(); };
      found = found || std::none_of(z.at(i).begin(), z.at(i).end(), there);
    }
    EXPECT_TRUE(found) << avoided;
  }
  for (std::size_t a = 0; a < z.size(); ++a) {
    EXPECT_EQ(z.distance(a, a), EnergyTotal());
    for (std::size_t b = 0; b < a; ++b) EXPECT_NE(z.at(a), z.at(b));
  }
}

TEST_F(ConfigurationsTest, TheWorkFunctionIsTheBestOfAllWays) {
  const Configurations z(situation());
  SplitMix64 random(5);
  const EnergyTotal scale = z.distance(0, 1);
  ASSERT_GT(scale, EnergyTotal());
  for (int trace = 0; trace < 20; ++trace) {
    const std::size_t requests = 1 + random.next() % 4;
    std::vector<WorkTable::Costs> costs(requests);
    WorkTable table(z, true);
    for (WorkTable::Costs& of : costs) {
      const bool nobody = random.next() % 8 == 0;
      for (std::size_t i = 0; i < z.size(); ++i) {
        const EnergyTotal drawn = EnergyTotal::of_attojoules(scale.attojoules() * static_cast<std::int64_t>(random.next() % 200) / 100);
        of.push_back(nobody || random.next() % 4 == 0 ? std::nullopt : std::optional(drawn));
      }
      table.serve(of);
    }
    const auto price_of = [&](const std::vector<std::size_t>& way) -> std::optional<EnergyTotal> {
      EnergyTotal sum;
      std::size_t from = 0;
      for (std::size_t r = 0; r < requests; ++r) {
        sum += z.distance(from, way[r]);
        from = way[r];
        const bool nobody = std::none_of(costs[r].begin(), costs[r].end(), [](const auto& cost) { return cost.has_value(); });
        if (!costs[r][from] && !nobody) return std::nullopt;
        sum += costs[r][from].value_or(EnergyTotal());
      }
      return sum;
    };
    std::optional<EnergyTotal> best;
    std::vector<std::size_t> way(requests, 0);
    for (;;) {
      const auto price = price_of(way);
      if (price && (!best || *price < *best)) best = price;
      std::size_t r = 0;
      while (r < requests && ++way[r] == z.size()) way[r++] = 0;
      if (r == requests) break;
    }
    ASSERT_TRUE(best);
    EXPECT_EQ(table.least(), *best);
    EXPECT_EQ(price_of(table.path()), best);
  }
}

}  // namespace
}  // namespace gatefold
