// The option table: what is listed, what is rejected and why, what is dominated.
#include "gatefold/cost/option_table.h"

#include <gtest/gtest.h>

#include "cost/small_networks.h"

namespace gatefold {
namespace {

using test::at;
using test::chain;
using test::table_of;

TEST(OptionTable, EveryShapeIsAnOptionOrRejectedWithAReason) {
  const OptionTable table = table_of(chain({3, 16, 2}, 4));
  for (std::size_t v = 0; v < table.size(); ++v) {
    const LayerOptions& layer = table.layer(LayerId(v));
    EXPECT_EQ(layer.options.size() + layer.rejected.size(), 8U);  // 4 clusters x 2 cores
    for (const RejectedShape& shape : layer.rejected) EXPECT_STREQ(shape.reason, "more cores than input channels");
    for (const Option& option : layer.options) {
      EXPECT_TRUE(footprint_legal(table.spec(), layer.work, option.footprint));
      EXPECT_TRUE(table.has_option(LayerId(v), placed_at(option.footprint, 0)));
      EXPECT_EQ(&table.option(LayerId(v), placed_at(option.footprint, 0)), &option);
    }
  }
  EXPECT_EQ(table.layer(LayerId(0)).options.size(), 4U);  // 1, 2, 3 clusters of one core, 1 cluster of two
  EXPECT_TRUE(table.has_option(LayerId(0), at(1, 3)));
  EXPECT_FALSE(table.has_option(LayerId(0), at(0, 2, 3)));
}

TEST(OptionTable, SystolicLayersAreDividedByColumnsOrRows) {
  const OptionTable table = table_of(chain({16, 16}, 4), test::small_systolic_chip());
  EXPECT_TRUE(table.has_option(LayerId(0), at(0, 1, 1)));
  EXPECT_FALSE(table.has_option(LayerId(0), at(0, 2, 1)));
  EXPECT_TRUE(table.has_option(LayerId(0), at(0, 2, 1, CoreSplit::kColumns)));
  EXPECT_TRUE(table.has_option(LayerId(0), at(0, 2, 1, CoreSplit::kRows)));
  EXPECT_FALSE(table.has_option(LayerId(0), at(0, 1, 1, CoreSplit::kRows)));
}

TEST(OptionTable, ADominatedOptionHasASmallerOneThatIsNoSlowerAndNoDearer) {
  DeviceSpec spec = test::small_chip();
  spec.wire_byte_pitch = EnergyPerByte(0);
  spec.core.wake_energy = Energy(5);
  const OptionTable table = table_of(chain({16, 16, 2, 9}, 4), spec);
  std::size_t dominated = 0;
  for (std::size_t v = 0; v < table.size(); ++v) {
    const auto& options = table.layer(LayerId(v)).options;
    for (const Option& option : options) {
      const bool better = std::any_of(options.begin(), options.end(), [&](const Option& other) {
        return &other != &option && other.footprint.clusters <= option.footprint.clusters &&
               other.footprint.cores <= option.footprint.cores && other.cycles <= option.cycles && other.alone <= option.alone;
      });
      EXPECT_TRUE(!option.dominated || better);
      ASSERT_EQ(option.dominated, option.dominated_by >= 0);
      if (option.dominated) {
        const Option& by = options[static_cast<std::size_t>(option.dominated_by)];
        EXPECT_TRUE(by.footprint.total() < option.footprint.total() && by.cycles <= option.cycles && by.alone <= option.alone);
      }
      dominated += option.dominated ? 1U : 0U;
    }
    EXPECT_TRUE(std::any_of(options.begin(), options.end(), [](const Option& option) { return !option.dominated; }));
  }
  EXPECT_GT(dominated, 0U);
}

TEST(OptionTable, AloneIsDynamicEnergyAndWhatIsHeldOverItsTime) {
  const OptionTable table = table_of(chain({4, 4}, 2));
  const Option& option = table.option(LayerId(0), at(0));
  EXPECT_EQ(option.cycles, Cycles(7));                       // 1 pass of (1 load + 4 positions) + 2
  EXPECT_EQ(option.held, EnergyPerCycle(20 + 10 + 3 * 10));  // cluster, core, banks of weights, input, output
  EXPECT_EQ(table.always(), EnergyPerCycle(1 + 4));          // floor and one bank of weights
  EXPECT_EQ(option.dynamic.compute, Energy(64));             // 4 positions x 4 filters x 4 channels
  EXPECT_EQ(option.dynamic.memory, Energy(32 + 16 + 16));    // weights with bias, input, output
  EXPECT_EQ(option.dynamic.crossbar, Energy(4 * (1 + 2)));   // one route change
  EXPECT_EQ(option.alone, EnergyTotal(Energy(64 + 64 + 12 + 7 * (60 + 5))));
}

TEST(OptionTable, ThePeakIsTheLargestSumOfWhatIsAlive) {
  EXPECT_EQ(table_of(chain({4, 16, 2}, 2)).peak_activation_bytes(), Bytes(16 + 64));
  EXPECT_EQ(table_of(test::residual()).peak_activation_bytes(), Bytes(3 * 16));  // a, b and c
}

}  // namespace
}  // namespace gatefold
