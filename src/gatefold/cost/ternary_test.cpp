// Networks of ternary weights: what is counted in them, and which are refused.
#include <gtest/gtest.h>

#include "cost/small_networks.h"

namespace gatefold {
namespace {

DeviceSpec ternary_chip() {
  DeviceSpec spec = test::small_chip();
  spec.ternary = true;
  spec.weight_share = 4;
  spec.tree_bits = 4;
  return spec;
}

/// 1 x 1, 6 -> 2 channels on 2 x 2 positions. Channel 2 has no weight; filter 0 holds 0.5 in channels 0 and 1, filter 1 holds
/// -3 in channel 3 and 3 in channels 4 and 5.
std::shared_ptr<const LayerGraph> ternary_network() {
  test::ModelBuilder net;
  const ValueId x = net.input("x", Shape{1, 6, 2, 2});
  const ValueId weights = net.constant(Tensor::of<float>(Shape{2, 6, 1, 1}, {0.5F, 0.5F, 0, 0, 0, 0, 0, 0, 0, -3, 3, 3}));
  net.output(net.node("conv", Conv{}, {x, weights}));
  return test::graph_of(net.model());
}

TEST(Ternary, NonZeroWeightsAreCountedByFilterAndShareOfCores) {
  const OptionTable table = test::table_of(ternary_network(), ternary_chip());
  const Work& work = table.work(LayerId(0));
  ASSERT_NE(work.density, nullptr);
  EXPECT_EQ(work.ic, 5);  // without channel 2
  EXPECT_EQ(work.density->nonzeros, 5);
  EXPECT_EQ(work.density->densest, (std::vector<std::int64_t>{3, 2, 2, 2, 1}));  // shares of 5; 3 + 2; 2 + 2 + 1; 2 + 1 + 1 + 1; ..
  EXPECT_EQ(work.weights, Bytes(2 + 8));                                         // 10 + 5 bits, and two biases
  EXPECT_EQ(work.macs(), Macs(4 * 5));
}

TEST(Ternary, TheFullestSliceSetsThePace) {  // EQ-48
  const OptionTable table = test::table_of(ternary_network(), ternary_chip());
  // One core: 5 channels, 3 of them non-zero: ceil(4 * 3 / 5) = 3 units; ceil(15 / 4) = 4 cycles; 8 bits on trees of 4 take two.
  EXPECT_EQ(time_multiplex(table.spec(), table.work(LayerId(0)), 1), 4);
  EXPECT_EQ(table.option(LayerId(0), test::at(0)).cycles, Cycles(1 * 4 + 4 * 4 * 2 + 2));
  EXPECT_EQ(table.option(LayerId(0), test::at(0)).dynamic.compute, Energy(20 + 8 * (4 * 2 - 1)));
  // Two cores: slices of 3 with 2 non-zero: 3 units, 3 cycles.
  EXPECT_EQ(time_multiplex(table.spec(), table.work(LayerId(0)), 2), 3);
}

TEST(Ternary, MoreCoresAreNeverSlowerWhereverTheNonZerosLie) {
  const OptionTable table = test::table_of(ternary_network(), ternary_chip());
  const Work& work = table.work(LayerId(0));
  for (const LayerOptions* layer = &table.layer(LayerId(0)); const Option& more : layer->options) {
    for (const Option& fewer : layer->options) {
      if (fewer.footprint.total() <= more.footprint.total() && fewer.footprint.clusters <= more.footprint.clusters) {
        EXPECT_LE(more.cycles, fewer.cycles);
      }
    }
    EXPECT_GE(useful_dot_products(table.spec(), work, more.footprint), DotProducts(1));
  }
}

TEST(Ternary, AWeightOfAnotherSizeIsRefusedWithItsLayer) {
  test::ModelBuilder net;
  const ValueId x = net.input("x", Shape{1, 2, 2, 2});
  const ValueId weights = net.constant(Tensor::of<float>(Shape{2, 2, 1, 1}, {1, -1, 1, 2}));
  net.output(net.node("odd", Conv{}, {x, weights}));
  const auto refused = OptionTable::build(test::graph_of(net.model()), std::make_shared<const DeviceSpec>(ternary_chip()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(refused.error().message,
            "layer 'odd' (Conv): device 'small' takes weights of -a, 0 or a in every filter; found others in filter 1");
}

TEST(Ternary, AGraphWithoutItsWeightsIsTakenAsDense) {
  test::ModelBuilder net;
  const ValueId x = net.input("x", Shape{1, 4, 2, 2});
  net.output(net.node("conv", Conv{}, {x, net.constant(Tensor::splat<float>(Shape{2, 4, 1, 1}, 0))}));
  const OptionTable table = test::table_of(test::graph_of(net.model()), ternary_chip());
  EXPECT_EQ(table.work(LayerId(0)).density->nonzeros, 8);
  EXPECT_EQ(density_split(table.spec(), table.work(LayerId(0)), 1), 4);
}

TEST(OptionTable, AChipWithoutAnyWayToRunALayerRefusesItWithTheReason) {
  DeviceSpec spec = test::small_chip();
  spec.vector_lacks = {"binary"};
  const auto refused = OptionTable::build(test::residual(), std::make_shared<const DeviceSpec>(spec));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "layer 'c' (Add): device 'small' has no legal placement for it: neither its vector unit nor a controller computes it");
  spec.controller = ValuesPerCycle(2);
  spec.controller_value = EnergyPerValue(7);
  const OptionTable table = test::table_of(test::residual(), spec);
  EXPECT_EQ(table.work(LayerId(2)).kind, WorkClass::kController);
  EXPECT_EQ(table.option(LayerId(2), test::at(0)).cycles, Cycles(8));  // 16 values
  EXPECT_EQ(table.option(LayerId(2), test::at(0)).dynamic.compute, Energy(16 * 7));
}

}  // namespace
}  // namespace gatefold
