// The worked examples of docs/cost-model.md that price decisions, with the document's numbers: two pointwise layers of
// keyword spotting, one after the other, on `edge-nnic`; and one deep convolution on `server-v5p`.
#include <gtest/gtest.h>

#include "cost/chain.h"
#include "gatefold/cost/objective.h"
#include "gatefold/device/chip.h"
#include "gatefold/device/shipped.h"

namespace gatefold {
namespace {

std::shared_ptr<const DeviceSpec> chip(std::string_view name) {
  auto spec = find_device(name);
  EXPECT_TRUE(spec) << spec.error().message;
  return std::make_shared<const DeviceSpec>(std::move(spec).value());
}

OptionTable table_of(std::shared_ptr<const LayerGraph> graph, std::shared_ptr<const DeviceSpec> spec) {
  auto table = OptionTable::build(std::move(graph), std::move(spec));
  EXPECT_TRUE(table) << table.error().message;
  return std::move(table).value();
}

constexpr Placement kHome{0, 1, 1};
constexpr Placement kFar{2, 1, 1};

class TwoPointwiseLayers : public ::testing::Test {
 protected:
  OptionTable table_ = table_of(chain(2, ElementType::kInt8, 64, 25, 5, 1), chip("edge-nnic"));
};

TEST_F(TwoPointwiseLayers, ShiftPenaltyIsTheControlWordsOfBothEnds) {  // EQ-25
  EXPECT_EQ(shift_penalty(table_.spec(), kHome, kFar), Energy(121'600'000));
  EXPECT_EQ(shift_penalty(table_.spec(), kHome, {1, 3, 1}), Energy(243'200'000));
}

TEST_F(TwoPointwiseLayers, WeightsAreReadCarriedAndWritten) {  // EQ-26
  EXPECT_EQ(weight_move(table_, LayerId(0), kHome, kFar).energy, Energy(18'278'400'000));
}

TEST_F(TwoPointwiseLayers, OnlyWhatIsNotHeldIsWoken) {  // EQ-27
  const DeviceSpec& spec = table_.spec();
  EXPECT_EQ(wake_energy(spec, kHome, kHome), Energy(0));
  EXPECT_EQ(wake_energy(spec, kHome, kFar), Energy(295'753'000));  // 272,958,000 + 22,795,000
  EXPECT_EQ(wake_energy(spec, kHome, {0, 2, 0b11}), Energy(272'958'000 + 3 * 22'795'000));
}

TEST_F(TwoPointwiseLayers, AStepIsPricedTermByTerm) {  // EQ-28, EQ-36
  EXPECT_EQ(table_.always(), EnergyPerCycle(30'307'812));
  Step step{LayerId(1), kHome, kHome, Bytes(8000), true, 100};
  const StepCost stay = step_cost(table_, step, kHome);
  EXPECT_EQ(stay.dynamic, Energy(1'259'388'800'000));
  EXPECT_EQ(stay.active, Energy(7'528'873'318));
  EXPECT_EQ(stay.transfer, Energy(3'200'000'000));
  EXPECT_EQ(stay.penalty, Energy(0));
  EXPECT_EQ(stay.wake, Energy(0));
  const StepCost move = step_cost(table_, step, kFar);
  EXPECT_EQ(move.dynamic, stay.dynamic);
  EXPECT_EQ(move.active - stay.active, Energy(2'060'931'216));
  EXPECT_EQ(move.transfer, Energy(9'600'000'000 + 18'278'400'000));
  EXPECT_EQ(move.penalty, Energy(121'600'000));
  EXPECT_EQ(move.wake, Energy(295'753'000));
  EXPECT_EQ(move.total() - stay.total(), Energy(27'156'684'216));
  step.percent = 50;
  EXPECT_EQ(step_cost(table_, step, kHome).active, Energy(2 * 7'528'873'318));
  step.steered = false;
  EXPECT_EQ(step_cost(table_, step, kFar).transfer, Energy(33'600'000'000 + 18'278'400'000));
}

TEST_F(TwoPointwiseLayers, ARequestIsTheSumOfItsStepsWiresAndWakes) {  // EQ-29, EQ-37
  EXPECT_EQ(table_.option(LayerId(0), kHome).alone, Energy(1'266'917'673'318));
  EXPECT_EQ(assignment_cost(table_, {kHome, kHome}), Energy(2 * 1'266'917'673'318 + 3'200'000'000));
  EXPECT_EQ(assignment_cost(table_, {kHome, kFar}), Energy(2 * 1'266'917'673'318 + 9'600'000'000 + 295'753'000));
}

TEST_F(TwoPointwiseLayers, StreamedWeightsArePaidAtEveryExecution) {  // EQ-30
  Placement streamed = kHome;
  streamed.streamed = true;
  const StreamCost cost = stream_cost(table_, LayerId(0), streamed);
  EXPECT_EQ(cost.energy, Energy(441'728'000'000));
  EXPECT_EQ(cost.cycles, Cycles(2'415));
  EXPECT_EQ(execution_cycles(table_, LayerId(0), streamed, {}, 50), Cycles(2'176 + 478));  // external memory is not slower
  EXPECT_EQ(execution_cycles(table_, LayerId(0), kHome), Cycles(239));
  EXPECT_EQ(weight_move(table_, LayerId(0), streamed, kFar).energy, Energy(0));
}

TEST_F(TwoPointwiseLayers, SpilledRowsAreLoadedComputedAndStored) {  // EQ-50, EQ-52, EQ-53
  const std::vector<char> both{1, 1, 0};                             // input and output of the first layer: 25 rows of 320 B each
  const BlockedCost plain = blocked_cost(table_, both, LayerId(0), kHome, {2, false});
  EXPECT_EQ(plain.spilled, Bytes(16'000));
  EXPECT_EQ(plain.external, Energy(1'624'000'000'000));
  EXPECT_EQ(plain.cycles, Cycles(2'080 + 179 + 2'080 + 1'920 + 174 + 1'920));
  EXPECT_EQ(plain.dynamic.compute, Energy(1'228'800'000'000));
  EXPECT_EQ(plain.dynamic.memory, Energy(37'056'000'000));  // weights are read for each block
  EXPECT_EQ(plain.dynamic.crossbar, Energy(60'800'000));
  EXPECT_EQ(blocked_cost(table_, both, LayerId(0), kHome, {2, true}).cycles, Cycles(2'080 + 1'920 + 2'080 + 1'920));
  EXPECT_EQ(blocked_cost(table_, both, LayerId(0), kHome, {2, false}, 50).cycles, plain.cycles + Cycles(179 + 174));
  // Weights that are streamed fit their buffer and are streamed once.
  Placement streamed = kHome;
  streamed.streamed = true;
  const BlockedCost with_weights = blocked_cost(table_, both, LayerId(0), streamed, {2, false});
  EXPECT_EQ(with_weights.streamed, Bytes(4'352));
  EXPECT_EQ(with_weights.cycles, plain.cycles + Cycles(2'176));
  EXPECT_EQ(with_weights.external, plain.external + Energy(441'728'000'000));
}

TEST_F(TwoPointwiseLayers, ASpilledTensorIsPaidOutsideAndNotOnTheWay) {  // EQ-29
  const Spilling spilling{{0, 1, 0}, {{1, false}, {1, false}}};
  const BlockedCost first = blocked_cost(table_, spilling.tensors, LayerId(0), kHome, {1, false});
  const BlockedCost second = blocked_cost(table_, spilling.tensors, LayerId(1), kFar, {1, false});
  EXPECT_EQ(first.cycles, Cycles(239 + 4'000));
  EnergyTotal nodes;
  for (const BlockedCost& cost : {first, second}) {
    nodes += EnergyTotal(cost.dynamic.total()) + cost.external;
    nodes += EnergyTotal::over(table_.always() + cost.held, cost.cycles);
  }
  EXPECT_EQ(assignment_cost(table_, {kHome, kFar}, spilling), nodes + Energy(3'200'000'000) + Energy(295'753'000));
  EXPECT_EQ(execution_cycles(table_, LayerId(0), kHome, spilling), Cycles(4'239));
}

TEST(Staging, TheFewestBlocksThatTheEmptyBanksAllow) {  // EQ-51
  const OptionTable table = table_of(chain(1, ElementType::kInt8, 32, 112, 112, 1), chip("edge-nnic"));
  const std::vector<char> both{1, 1};
  const LayerId layer(0);
  const Placement four{0, 2, 0b11};
  EXPECT_EQ(staging_banks(table, both, layer, 4, {4, false}), 4);  // 28 rows: 25,088 B in each core
  EXPECT_EQ(staging_banks(table, both, layer, 4, {3, false}), 6);  // 38 rows: 34,048 B
  EXPECT_EQ(staging_banks(table, both, layer, 4, {7, true}), 4);   // 16 rows: 14,336 B, twice
  EXPECT_EQ(staging_banks(table, both, layer, 4, {6, true}), 8);   // 19 rows: 17,024 B
  EXPECT_EQ(choose_blocks(table, both, layer, four, 4), (RowBlocks{7, true}));
  EXPECT_EQ(choose_blocks(table, both, layer, four, 2), (RowBlocks{7, false}));
  EXPECT_EQ(least_staging_banks(table, both, layer, 4), 2);
  EXPECT_EQ(choose_blocks(table, both, layer, four, 1), std::nullopt);
  EXPECT_EQ(choose_blocks(table, {}, layer, four, 0), RowBlocks{});
}

TEST(WeightMove, WhatIsCheaperOutsideIsReloaded) {  // EQ-26
  DeviceSpec spec = *chip("edge-nnic");
  spec.external_byte = EnergyPerByte(0);
  spec.external_bytes_per_second = 100 * spec.clock_hz;
  const OptionTable table = table_of(chain(2, ElementType::kInt8, 64, 25, 5, 1), std::make_shared<const DeviceSpec>(std::move(spec)));
  const WeightMove move = weight_move(table, LayerId(0), kHome, kFar);
  EXPECT_TRUE(move.reloaded);
  EXPECT_EQ(move.energy, Energy(6'528'000'000));  // 4,352 B written at 1.5 pJ
  EXPECT_EQ(move.cycles, Cycles(44));
  EXPECT_FALSE(weight_move(table_of(chain(2, ElementType::kInt8, 64, 25, 5, 1), chip("edge-nnic")), LayerId(0), kHome, kFar).reloaded);
}

TEST(DeepConvolution, EveryCopyOfAShiftByRowsIsPaid) {  // EQ-26
  const OptionTable table = table_of(chain(1, ElementType::kFloat32, 256, 14, 14, 3), chip("server-v5p"));
  const DeviceSpec& spec = table.spec();
  constexpr Placement kColumns{2, 2, 1, CoreSplit::kColumns};
  constexpr Placement kRows{2, 2, 1, CoreSplit::kRows};
  ASSERT_EQ(table.work(LayerId(0)).weights, Bytes(1'180'672));
  const WeightMove columns = weight_move(table, LayerId(0), kHome, kColumns);
  EXPECT_TRUE(columns.reloaded);  // its memory is three times as wide as an output bus, and nothing gates the rest meanwhile
  EXPECT_EQ(columns.energy, external_energy(spec, Bytes(0), Bytes(1'180'672)));
  EXPECT_EQ(columns.cycles, Cycles(726));
  EXPECT_EQ(weight_move(table, LayerId(0), kHome, kRows).energy, external_energy(spec, Bytes(0), Bytes(2'361'344)));
}

}  // namespace
}  // namespace gatefold
