// The planner: exact on chains, in time where that is possible, and within the memory.
#include "gatefold/remap/plan.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "cost/small_networks.h"

namespace gatefold {
namespace {

using test::at;
using test::chain;
using test::small_chip;
using test::table_of;

/// Calls `see` with every assignment of layers to options and first clusters.
void for_every_assignment(const OptionTable& table, Assignment& assignment, const std::function<void(const Assignment&)>& see) {
  if (assignment.size() == table.size()) return see(assignment);
  for (const Option& option : table.layer(LayerId(assignment.size())).options) {
    for (std::int64_t first = 0; first + option.footprint.clusters <= table.spec().cluster_count; ++first) {
      assignment.push_back(placed_at(option.footprint, static_cast<std::int32_t>(first)));
      for_every_assignment(table, assignment, see);
      assignment.pop_back();
    }
  }
}

Cycles latency(const OptionTable& table, const Assignment& assignment) {
  Cycles sum;
  for (std::size_t v = 0; v < assignment.size(); ++v) sum += table.option(LayerId(v), assignment[v]).cycles;
  return sum;
}

DeviceSpec random_chip(std::mt19937& generator) {
  DeviceSpec spec = generator() % 2 == 0 ? small_chip() : test::small_systolic_chip();
  spec.cluster_count = 2 + static_cast<std::int32_t>(generator() % 2);
  spec.bank.size = Bytes(10000);
  const auto any = [&](std::int64_t most) { return static_cast<std::int64_t>(generator() % static_cast<unsigned>(most)); };
  spec.lanes = 1 + any(4);
  spec.inputs_per_unit = 1 + any(4);
  spec.array_dim = 2 + any(3);
  spec.wire_byte_pitch = EnergyPerByte(any(20));
  spec.cluster.wake_energy = Energy(any(20000));
  spec.core.wake_energy = Energy(any(20000));
  spec.cluster.on = EnergyPerCycle(any(30));
  spec.core.on = EnergyPerCycle(any(30));
  spec.floor = EnergyPerCycle(any(100));
  return spec;
}

TEST(Plan, OnChainsItIsTheCheapestOfAllAssignments) {
  std::mt19937 generator(11);
  for (int i = 0; i < 300; ++i) {
    std::vector<std::int64_t> channels;
    for (int c = 0; c < 4; ++c) channels.push_back(1 + static_cast<std::int64_t>(generator() % (generator() % 2 == 0 ? 3 : 30)));
    const OptionTable table = table_of(chain(channels, 1 + static_cast<std::int64_t>(generator() % 4)), random_chip(generator));
    std::optional<EnergyTotal> cheapest;
    Assignment assignment;
    for_every_assignment(table, assignment, [&](const Assignment& all) {
      const EnergyTotal cost = assignment_cost(table, all);
      if (!cheapest || cost < *cheapest) cheapest = cost;
    });
    const auto plan = plan_static(table, std::nullopt);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan.value().bound.value().femtojoules(), cheapest->femtojoules()) << i;
    EXPECT_EQ(plan.value().reached.femtojoules(), cheapest->femtojoules()) << i;
    EXPECT_EQ(plan.value().bound_kind, "chain");
  }
}

TEST(Plan, OnGraphsOfNarrowCutsItIsTheCheapestOfAllAssignments) {
  std::mt19937 generator(12);
  for (int i = 0; i < 20; ++i) {
    DeviceSpec spec = random_chip(generator);
    spec.cluster_count = 2;
    const OptionTable table = table_of(test::residual(), spec);
    const auto plan = plan_static(table, std::nullopt);
    ASSERT_TRUE(plan);
    Assignment assignment;
    for_every_assignment(table, assignment, [&](const Assignment& all) { ASSERT_LE(*plan.value().bound, assignment_cost(table, all)); });
    EXPECT_EQ(plan.value().reached, *plan.value().bound);
    EXPECT_EQ(plan.value().bound_kind, "dag");
  }
}

TEST(Plan, ADeadlineIsMetWheneverSomeAssignmentMeetsIt) {
  std::mt19937 generator(13);
  for (int i = 0; i < 40; ++i) {
    DeviceSpec spec = random_chip(generator);
    spec.lane_add = Energy(generator() % 2 == 0 ? 0 : 1'000'000);  // more cores can be dear
    const OptionTable table = table_of(chain({8, 6, 9, 5}, 3), spec);
    std::optional<Cycles> fastest;
    Assignment assignment;
    for_every_assignment(table, assignment, [&](const Assignment& all) {
      if (!fastest || latency(table, all) < *fastest) fastest = latency(table, all);
    });
    for (const Cycles deadline : {*fastest, Cycles(fastest->count() * 5 / 4), Cycles(fastest->count() * 2)}) {
      const auto plan = plan_static(table, deadline);
      ASSERT_TRUE(plan);
      EXPECT_LE(plan.value().reference_total, deadline) << i;
      EXPECT_EQ(plan.value().reference_total, latency(table, plan.value().assignment));
    }
    const auto hopeless = plan_static(table, Cycles(1));
    ASSERT_TRUE(hopeless);
    EXPECT_EQ(hopeless.value().reference_total, *fastest) << i;
  }
}

TEST(Plan, WhatCapacityTakesShowsAsAGap) {
  // Weights that one core would be cheapest for do not fit it beside the activations.
  const OptionTable table = table_of(chain({9, 16, 9, 16, 9}, 1));
  const auto plan = plan_static(table, std::nullopt);
  ASSERT_TRUE(plan);
  EXPECT_GT(plan.value().reached, *plan.value().bound);
  EXPECT_EQ(plan.value().bound_kind, "chain-relaxed");
}

TEST(Plan, AChipOfThousandsOfClustersHasABoundToo) {
  DeviceSpec spec = small_chip();
  spec.cluster_count = 4096;
  spec.wire_byte_pitch = EnergyPerByte(0);
  spec.bank.size = Bytes(100'000);
  const OptionTable table = table_of(chain({70, 80, 90, 70}, 8), spec);
  const auto plan = plan_static(table, std::nullopt);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan.value().reached, *plan.value().bound);  // without wires the counts are all that matters
}

TEST(Plan, ALooseDeadlineChangesNothing) {
  const OptionTable table = table_of(chain({8, 8, 8}, 4));
  const auto free = plan_static(table, std::nullopt);
  const auto loose = plan_static(table, Cycles(1'000'000));
  ASSERT_TRUE(free && loose);
  EXPECT_EQ(free.value().assignment, loose.value().assignment);
}

TEST(Fit, WhatFitsStaysWhereItIsWanted) {
  const OptionTable table = table_of(chain({4, 4, 4}, 2));
  const Assignment wanted{at(2), at(1, 2, 3)};
  const auto fitted = fit_assignment(table, wanted, {});
  ASSERT_TRUE(fitted);
  EXPECT_EQ(fitted.value(), wanted);
}

TEST(Fit, WhatDoesNotFitMovesToOtherCores) {
  // 208 bytes of weights (3 banks of 100) and two banks for input and output are more than a core's 4.
  const OptionTable table = table_of(chain({9, 16, 9}, 1));
  const auto fitted = fit_assignment(table, {at(0), at(0)}, {});
  ASSERT_TRUE(fitted) << fitted.error().message;
  Memory memory(table.spec());
  Residence residence(table, memory);
  for (std::size_t v = 0; v < table.size(); ++v) {
    EXPECT_TRUE(residence.store_weights(LayerId(v), fitted.value()[v], {}));
    EXPECT_TRUE(table.has_option(LayerId(v), fitted.value()[v]));
  }
}

TEST(Fit, WhatFitsNowhereIsRefusedWithTheSizes) {
  const auto refused = plan_static(table_of(chain({64, 64}, 40)), std::nullopt);  // a row is too much
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kDoesNotFit);
  EXPECT_EQ(refused.error().message,
            "network 'net' does not fit device 'small': weights 4352 bytes + peak activations 204800 bytes, SRAM 3200 bytes in 8 cores of "
            "400 bytes; layer 'conv0' (weights 4352 bytes, inputs 102400 bytes, outputs 102400 bytes) finds no place; its smallest "
            "row block takes 8 of 4 banks of 100 bytes in each of 8 cores, external memory takes 100000 bytes");
}

TEST(Fit, ActivationsThatLayersCanMoveApartForAreNotSpilled) {
  // One channel, so one core: two banks for what a layer reads, two for what it writes and one for its weights are more than a core's 4.
  // What is written lies in the cores of its reader, and only the output of the network, which has none, cannot stay.
  const OptionTable table = table_of(chain({1, 1, 1, 1}, 13));
  const auto plan = plan_static(table, std::nullopt);
  ASSERT_TRUE(plan) << plan.error().message;
  const std::vector<char>& spilled = plan.value().spilling.tensors;
  ASSERT_EQ(std::count(spilled.begin(), spilled.end(), 1), 1);
  EXPECT_TRUE(lay_out_as_is(table, plan.value().assignment, spilled));
  EXPECT_EQ(fit_apart(table, plan.value().assignment, spilled)->assignment, plan.value().assignment);  // nothing has to move
  EXPECT_FALSE(fit_apart(table, plan.value().assignment, {}));
  const auto apart = fit_apart(table, {at(0), at(0), at(0)}, spilled);
  ASSERT_TRUE(apart);
  EXPECT_NE(apart->assignment[0], apart->assignment[1]);
}

/// Two layers that need two banks for activations each, the first at core 0 and the second at core 1, whose weights fill
/// two banks.
TEST(ShiftLeavesRoom, AMoveMayNotTakeTheBanksThatAnotherLayersActivationsNeed) {
  DeviceSpec spec = small_chip();
  spec.banks_per_core = 5;
  const OptionTable table = table_of(chain({8, 8, 8}, 3), spec);  // 96 bytes of weights, 72 of each activation
  Memory memory(table.spec());
  Residence residence(table, memory);
  ASSERT_TRUE(residence.store_weights(LayerId(0), at(0), {}));
  ASSERT_TRUE(residence.store_weights(LayerId(1), at(1), {}));
  const Bytes free = memory.free_bytes(CoreId(0));
  EXPECT_TRUE(shift_leaves_room(table, residence, {at(0), at(0)}, LayerId(1), std::nullopt, {}));
  ASSERT_TRUE(memory.store(CoreId(0), Bytes(200), BankRole::kWeights, {}, {}));
  EXPECT_TRUE(residence.weights_fit(LayerId(1), at(0)));
  EXPECT_FALSE(shift_leaves_room(table, residence, {at(0), at(0)}, LayerId(1), std::nullopt, {}));
  EXPECT_EQ(memory.free_bytes(CoreId(0)), free - Bytes(200));  // nothing happened
}

}  // namespace
}  // namespace gatefold
