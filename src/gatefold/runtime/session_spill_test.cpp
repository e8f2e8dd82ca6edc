// Networks whose activations do not fit: they run in row blocks, with the outputs of a chip that has room, for what the plan
// counted; and where not even one row fits they are refused.
#include <gtest/gtest.h>

#include <cstring>

#include "cost/small_run.h"

namespace gatefold {
namespace {

using test::chain;
using test::inputs_of;
using test::prepared;
using test::small_chip;

DeviceSpec roomy_chip() {
  DeviceSpec spec = small_chip();
  spec.bank.size = Bytes(100'000);
  return spec;
}

RunOptions with_policy(const std::string& policy) {
  RunOptions options;
  options.policy = policy;
  options.arrivals.count = 2;
  return options;
}

/// 8 channels on 20 x 20: 3,200 bytes, as much as the whole SRAM of 8 cores.
std::shared_ptr<const LayerGraph> large() { return chain({8, 8, 8}, 20); }

TEST(SessionSpill, OutputsAreThoseOfAChipWithRoom) {
  const auto graph = large();
  const auto small = prepared(graph);
  const auto roomy = prepared(graph, roomy_chip());
  ASSERT_FALSE(small->plan().spilling.tensors.empty());
  EXPECT_TRUE(roomy->plan().spilling.tensors.empty());
  EXPECT_FALSE(fully_resident(*small));
  EXPECT_TRUE(fully_resident(*roomy));
  const auto want = run(*roomy, with_policy("static"), {inputs_of(*graph)});
  ASSERT_TRUE(want) << want.error().message;
  for (const std::string& policy : policy_names()) {
    const auto got = run(*small, with_policy(policy), {inputs_of(*graph)});
    ASSERT_TRUE(got) << policy << ": " << got.error().message;
    ASSERT_FALSE(got.value().spilled.empty());
    EXPECT_GT(got.value().energy.external, EnergyTotal());
    ASSERT_EQ(got.value().outputs.size(), 2U);
    for (const auto& outputs : got.value().outputs) {
      const Tensor& a = outputs.at(0).tensor;
      const Tensor& b = want.value().outputs.at(0).at(0).tensor;
      ASSERT_EQ(a.shape(), b.shape());
      for (std::int64_t i = 0; i < a.shape().elements(); ++i) ASSERT_NEAR(a.number_at(i), b.number_at(i), 1e-5) << policy << " " << i;
    }
  }
}

TEST(SessionSpill, AnIdleChipTakesAndChargesWhatThePlanCounts) {
  const auto network = prepared(large());
  const OptionTable& table = network->table();
  const StaticPlan& plan = network->plan();
  RunOptions options = with_policy("static");
  options.timing_only = true;
  const auto got = run(*network, options, {});
  ASSERT_TRUE(got) << got.error().message;
  Energy outside;
  std::size_t blocked = 0;
  for (std::size_t v = 0; v < table.size(); ++v) {
    const RowBlocks blocks = plan.spilling.blocks(LayerId(v));
    EXPECT_EQ(got.value().layers[v].row_blocks, blocks.count);
    if (blocks.count == 0) continue;
    ++blocked;
    const BlockedCost cost = blocked_cost(table, plan.spilling.tensors, LayerId(v), plan.assignment[v], blocks);
    EXPECT_EQ(got.value().layers[v].cycles, cost.cycles);
    outside += cost.spilled * table.spec().spill_byte + cost.streamed * table.spec().external_byte;
  }
  EXPECT_GT(blocked, 0U);
  if (plan.spilling.spilled(TensorId(0))) outside += table.tensor_bytes(TensorId(0)) * table.spec().spill_byte;  // its arrival
  EXPECT_EQ(got.value().energy.external, EnergyTotal::repeated(outside, 2));
}

TEST(SessionSpill, WhatHasNoExternalMemoryOrNoRoomForOneRowIsRefused) {
  DeviceSpec none = small_chip();
  none.spill_capacity = Bytes(0);
  const auto without = prepare(large(), std::make_shared<const DeviceSpec>(none));
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().code, ErrorCode::kDoesNotFit);
  EXPECT_NE(without.error().message.find("SRAM 3200 bytes"), std::string::npos) << without.error().message;
  DeviceSpec tiny = small_chip();
  tiny.bank.size = Bytes(10);
  const auto narrow = prepare(chain({8, 8, 8}, 60), std::make_shared<const DeviceSpec>(tiny));
  ASSERT_FALSE(narrow);
  EXPECT_EQ(narrow.error().code, ErrorCode::kDoesNotFit);
  EXPECT_NE(narrow.error().message.find("smallest row block takes"), std::string::npos) << narrow.error().message;
}

}  // namespace
}  // namespace gatefold
