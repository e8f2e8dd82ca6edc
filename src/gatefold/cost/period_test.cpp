// A period of a periodic stream: how weights rest (EQ-38), and what the whole costs (EQ-39), with the document's numbers.
#include "gatefold/cost/period.h"

#include <gtest/gtest.h>

#include "cost/small_networks.h"

namespace gatefold {
namespace {

using test::at;
using test::small_chip;

/// 32 bytes of weights in one bank: ON 10 aJ per cycle, RETENTION 4 and 30 to wake, OFF 1 and 90 + 32 * 11 to wake and reload.
class Period : public testing::Test {
 protected:
  WeightRest rest(std::int64_t gap) const { return weight_rest(table_, LayerId(0), table_.layer(LayerId(0)).options[0], Cycles(gap)); }
  OptionTable table_ = test::table_of(test::chain({4, 4}, 2));
};

TEST_F(Period, ABankStaysOnIsRetainedOrReloadedByTheLengthOfItsGap) {  // EQ-38
  EXPECT_EQ(rest(0).energy, Energy(0));
  EXPECT_EQ(rest(5).banks_on, 1);  // 50 aJ either way
  EXPECT_EQ(rest(6).banks_retained, 1);
  EXPECT_EQ(rest(6).energy, Energy(54));
  EXPECT_EQ(rest(137).banks_retained, 1);
  EXPECT_EQ(rest(137).energy, Energy(578));
  EXPECT_EQ(rest(138).banks_off, 1);
  EXPECT_EQ(rest(138).energy, Energy(580));
}

TEST_F(Period, AReloadMustBeOverWhenTheGapIs) {  // EQ-38
  DeviceSpec spec = small_chip();
  spec.external_bytes_per_second = 100'000;  // 10 cycles per byte
  const OptionTable slow = test::table_of(test::chain({4, 4}, 2), spec);
  const Option& option = slow.layer(LayerId(0)).options[0];
  EXPECT_EQ(weight_rest(slow, LayerId(0), option, Cycles(324)).banks_retained, 1);  // 5 + 32 * 10 cycles
  EXPECT_EQ(weight_rest(slow, LayerId(0), option, Cycles(325)).banks_off, 1);
}

TEST_F(Period, OnePeriodIsTheRequestTheRestAndTheWakesAfterTheGap) {  // EQ-39
  // Of the 1,000 cycles the layer takes 7; its dynamic energy and 60 aJ per held cycle, 993 + 442 aJ of rest, the floor, and 200 + 50
  // aJ to wake a cluster and a core.
  const PeriodModel model(table_, Cycles(1000), false);
  const Option& option = table_.option(LayerId(0), at(0));
  ASSERT_EQ(option.cycles, Cycles(7));
  ASSERT_EQ(option.held, EnergyPerCycle(60));
  EXPECT_EQ(model.energy({at(0)}), EnergyTotal(option.dynamic.total()) + Energy(60 * 7 + 993 + 442 + 1000 + 250));
  EXPECT_TRUE(model.elements_gated());
  EXPECT_EQ(model.node(LayerId(0), option), EnergyTotal(option.dynamic.total()) + Energy(60 * 7 + 993 + 442));
  EXPECT_EQ(model.fixed(), EnergyTotal(Energy(1000)));
}

TEST_F(Period, InAShortGapElementsStayOn) {           // EQ-39
  const PeriodModel model(table_, Cycles(9), false);  // 2 cycles: 40 aJ for the cluster and 20 for the core, less than waking them
  const EnergyTotal dynamic = table_.option(LayerId(0), at(0)).dynamic.total();
  EXPECT_EQ(model.energy({at(0)}), dynamic + Energy(60 * 7 + 20 + 9 + 60));
  EXPECT_FALSE(model.elements_gated());
}

TEST_F(Period, NodesAndFixedPartsNeverExceedThePeriod) {
  DeviceSpec spec = small_chip();
  spec.uncore.push_back({"clock", {EnergyPerCycle(9), EnergyPerCycle(2), Cycles(3), Energy(70)}, UncoreUse::kRequests});
  spec.uncore.push_back({"phy", {EnergyPerCycle(9), EnergyPerCycle(3), Cycles(3), Energy(70)}, UncoreUse::kExternal});
  const OptionTable table = test::table_of(test::chain({4, 9, 4}, 2), spec);
  for (const std::int64_t period : {60, 61, 70, 80, 100, 150, 400, 5000}) {
    const PeriodModel model(table, Cycles(period), false);
    for (const Option& a : table.layer(LayerId(0)).options) {
      for (const Option& b : table.layer(LayerId(1)).options) {
        const Assignment assignment{placed_at(a.footprint, 0), placed_at(b.footprint, 0)};
        if (model.latency(assignment) > model.period()) continue;
        EXPECT_LE(model.node(LayerId(0), a) + model.node(LayerId(1), b) + model.fixed(), model.energy(assignment)) << period;
      }
    }
  }
}

}  // namespace
}  // namespace gatefold
