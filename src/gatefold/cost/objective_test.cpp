// The objective, term by term (EQ-25 to EQ-29), in numbers one can check by hand.
#include "gatefold/cost/objective.h"

#include <gtest/gtest.h>

#include <random>

#include "cost/small_networks.h"

namespace gatefold {
namespace {

using test::at;
using test::table_of;

class ObjectiveTest : public testing::Test {
 protected:
  Step step() const { return {LayerId(1), at(0), at(0), Bytes(16), true, 100}; }
  OptionTable table_ = table_of(test::chain({4, 4, 4}, 2));  // 7 cycles each, 60 aJ/cycle held, 5 always
};

TEST_F(ObjectiveTest, StayingHasNoPenaltyAndMovesNoWeights) {
  const StepCost cost = step_cost(table_, step(), at(0));
  EXPECT_EQ(cost.dynamic, Energy(64 + 64 + 12));
  EXPECT_EQ(cost.active, Energy(65 * 7));
  EXPECT_EQ(cost.transfer, Energy(16 * 2));  // the input over one pitch
  EXPECT_EQ(cost.penalty, Energy(0));
  EXPECT_EQ(cost.wake, Energy(0));
}

TEST_F(ObjectiveTest, MovingPaysRoutesWeightsWiresAndWakes) {
  const StepCost cost = step_cost(table_, step(), at(2));
  EXPECT_EQ(cost.penalty, Energy(2 * 4 * (1 + 2)));                    // control words at both ends
  EXPECT_EQ(cost.transfer, Energy(16 * 3 * 2 + 32 * 2 + 32 * 3 * 2));  // input wires; weights read, written, carried
  EXPECT_EQ(cost.wake, Energy(200 + 50));
  EXPECT_EQ(cost.active, Energy(65 * 7 + 5 * 4));  // 32 bytes of weights over an 8-byte bus
  EXPECT_EQ(cost.total(), cost.dynamic + cost.active + cost.transfer + cost.penalty + cost.wake);
}

TEST_F(ObjectiveTest, AnInputThatCannotBeSteeredIsReadCarriedAndWritten) {
  Step unsteered = step();
  unsteered.steered = false;
  const EnergyTotal steered = step_cost(table_, step(), at(2)).transfer;
  EXPECT_EQ(step_cost(table_, unsteered, at(2)).transfer - steered, Energy(16 * 2));
}

TEST_F(ObjectiveTest, ANetworkInputHasNoWiresAndNoWakes) {
  Step first = step();
  first.producer.reset();
  const StepCost cost = step_cost(table_, first, at(0));
  EXPECT_EQ(cost.transfer + cost.wake, Energy(0));
}

TEST_F(ObjectiveTest, AThrottledClusterHoldsForLonger) {
  Step slow = step();
  slow.percent = 50;
  EXPECT_EQ(step_cost(table_, slow, at(0)).active, Energy(65 * 14));
}

TEST_F(ObjectiveTest, OnlyWhatIsNotAlreadyHeldIsWoken) {
  const DeviceSpec& spec = table_.spec();
  EXPECT_EQ(wake_energy(spec, at(0, 2, 3), at(0, 2, 1)), Energy(0));
  EXPECT_EQ(wake_energy(spec, at(0, 1, 1), at(0, 1, 3)), Energy(50));
  EXPECT_EQ(wake_energy(spec, at(0, 1, 1), at(0, 2, 3)), Energy(200 + 3 * 50));
}

/// Changing one layer changes the whole objective by what it changes of the layer's own part.
TEST(Objective, TheLocalCostHoldsEverythingThatDependsOnALayer) {
  for (const auto& graph : {test::chain({4, 4, 4, 2}, 2), test::residual()}) {
    const OptionTable table = table_of(graph);
    std::mt19937 generator(7);
    const auto random_placement = [&](std::size_t v) {
      const auto& options = table.layer(LayerId(v)).options;
      const Option& option = options[generator() % options.size()];
      return placed_at(option.footprint, static_cast<std::int32_t>(generator() % static_cast<unsigned>(5 - option.footprint.clusters)));
    };
    for (int i = 0; i < 200; ++i) {
      Assignment before;
      for (std::size_t v = 0; v < table.size(); ++v) before.push_back(random_placement(v));
      const std::size_t changed = generator() % table.size();
      Assignment after = before;
      after[changed] = random_placement(changed);
      EXPECT_EQ(assignment_cost(table, after) - assignment_cost(table, before),
                local_cost(table, after, LayerId(changed)) - local_cost(table, before, LayerId(changed)))
          << "layer " << changed << ' ' << before[changed].text() << " to " << after[changed].text();
    }
  }
}

TEST(Objective, ALaterReaderElsewherePaysATransferAndOneOnTheSameCoresDoesNot) {
  const OptionTable table = table_of(test::residual());
  Assignment together(table.size(), at(0));
  Assignment apart = together;
  apart[2] = at(1);  // c reads a (second reader) and b (first reader)
  const EnergyTotal moved = assignment_cost(table, apart) - assignment_cost(table, together);
  // a: 16 bytes read, written, carried over 2 pitches; b: 2 pitches instead of 1; c to d: 2 instead of 1; c wakes, then d does.
  EXPECT_EQ(moved, Energy((16 * 2 + 16 * 2 * 2) + 16 * 2 + 16 * 2 + 2 * 250));
}

}  // namespace
}  // namespace gatefold
