// Residence: how weights and activations are divided over cores, and that a refusal leaves nothing behind.
#include "gatefold/cost/residence.h"

#include <gtest/gtest.h>

#include "cost/small_networks.h"

namespace gatefold {
namespace {

using test::at;
using test::chain;
using test::table_of;

struct Stored {
  explicit Stored(OptionTable of) : table(std::move(of)), memory(table.spec()), residence(table, memory) {}
  std::vector<std::int64_t> sizes(std::span<const BlockId> blocks) const {
    std::vector<std::int64_t> bytes;
    for (const BlockId block : blocks) bytes.push_back(memory.size(block).count());
    return bytes;
  }
  Bytes free() const {
    Bytes sum;
    for (std::int32_t core = 0; core < table.spec().core_count(); ++core) sum += memory.free_bytes(CoreId(core));
    return sum;
  }
  Status store(TensorId tensor, const Placement& placement) { return residence.store(tensor, placement, table.tensor_layout(tensor), {}); }

  OptionTable table;
  Memory memory;
  Residence residence;
};

TEST(Residence, WeightsAreDividedOverTheCoresOfAPlacement) {
  Stored chip(table_of(chain({7, 4}, 2)));  // 28 weights and 4 biases of 4 bytes
  ASSERT_TRUE(chip.residence.store_weights(LayerId(0), at(1, 3), {}));
  EXPECT_EQ(chip.sizes(chip.residence.weights(LayerId(0))), (std::vector<std::int64_t>{15, 15, 14}));
  EXPECT_EQ(chip.memory.core(chip.residence.weights(LayerId(0))[2]), CoreId(6));
}

TEST(Residence, ArraysThatDivideRowsHoldCopies) {
  Stored chip(table_of(chain({7, 4}, 2), test::small_systolic_chip()));
  ASSERT_TRUE(chip.residence.store_weights(LayerId(0), at(0, 2, 1, CoreSplit::kRows), {}));
  EXPECT_EQ(chip.sizes(chip.residence.weights(LayerId(0))), (std::vector<std::int64_t>{44, 44}));
}

/// US 11783167 and US 12165043 want both operands of an addition in one cluster: a reader's operands are divided alike over
/// its own cores, so each core finds equal channels of both.
TEST(Residence, BothOperandsOfAnAdditionLieInTheSameCores) {
  Stored chip(table_of(test::residual()));
  const LayerId add(2);
  const Placement home = at(1, 2, 1);
  for (const Operand& operand : chip.table.graph().layer(add).inputs) {
    ASSERT_TRUE(chip.residence.store(*operand.tensor, home, operand_layout(chip.table.graph().layer(add), operand.shape), {}));
  }
  const auto a = chip.residence.blocks(*chip.table.graph().layer(add).inputs[0].tensor);
  const auto b = chip.residence.blocks(*chip.table.graph().layer(add).inputs[1].tensor);
  ASSERT_EQ(a.size(), 2U);
  ASSERT_EQ(b.size(), 2U);
  for (std::size_t c = 0; c < 2; ++c) {
    EXPECT_EQ(chip.memory.core(a[c]), chip.memory.core(b[c]));
    EXPECT_EQ(chip.memory.size(a[c]), chip.memory.size(b[c]));
  }
  // Elsewhere they are not aligned, and the session moves them first.
  EXPECT_FALSE(chip.residence.aligned(*chip.table.graph().layer(add).inputs[0].tensor, at(0, 2, 1), {1, 4, 4}));
}

TEST(Residence, ASpilledTensorTakesNoBankAndIsNearEveryReader) {
  Stored chip(table_of(chain({4, 4}, 4)));
  Residence residence(chip.table, chip.memory, {1, 0});
  const TensorId input(0);
  ASSERT_TRUE(residence.store(input, at(0), chip.table.tensor_layout(input), {}));
  EXPECT_EQ(chip.free(), chip.table.spec().memory());
  EXPECT_TRUE(residence.blocks(input).empty());
  EXPECT_TRUE(residence.aligned(input, at(3), {1, 4, 16}));
  const auto blocks = residence.stage(LayerId(0), at(0));
  ASSERT_TRUE(blocks) << blocks.error().message;
  EXPECT_EQ(blocks.value(), (RowBlocks{1, false}));  // 64 bytes: all of it in one bank
  ASSERT_EQ(residence.staging(0, 0).size(), 1U);
  EXPECT_EQ(chip.memory.size(residence.staging(0, 0)[0]), Bytes(100));
  residence.unstage();
  residence.drop(input);
  EXPECT_EQ(chip.free(), chip.table.spec().memory());
}

TEST(Residence, ExternalMemoryAndStagingBuffersNeverOverflow) {
  DeviceSpec spec = test::small_chip();
  spec.spill_capacity = Bytes(100);
  Stored chip(table_of(chain({4, 4}, 5), spec));  // 100 bytes each
  Residence residence(chip.table, chip.memory, {1, 1});
  ASSERT_TRUE(residence.store(TensorId(0), at(0), chip.table.tensor_layout(TensorId(0)), {}));
  const auto refused = residence.store(TensorId(1), at(0), chip.table.tensor_layout(TensorId(1)), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "external memory: 100 bytes wanted for a spilled activation, 0 of 100 bytes free");
  EXPECT_FALSE(residence.stored(TensorId(1)));
  ASSERT_TRUE(chip.memory.store(CoreId(0), Bytes(300), BankRole::kWeights, {}, {}));
  EXPECT_FALSE(residence.room_to_stage(LayerId(0), at(0)));
  const auto staged = residence.stage(LayerId(0), at(0));
  ASSERT_FALSE(staged);
  EXPECT_EQ(staged.error().message,
            "layer 'conv0': one row of its spilled activations takes 2 empty banks in each of 1 cores, 1 are there");
  EXPECT_TRUE(residence.staging().empty());
}

TEST(Residence, DroppedWeightsAreGone) {
  Stored chip(table_of(chain({7, 4}, 2)));
  ASSERT_TRUE(chip.residence.store_weights(LayerId(0), at(0, 2), {}));
  chip.residence.drop_weights(LayerId(0));
  EXPECT_TRUE(chip.residence.weights(LayerId(0)).empty());
  EXPECT_EQ(chip.free(), chip.table.spec().memory());
}

TEST(Residence, WeightsThatDoNotFitLeaveNothingBehind) {
  Stored chip(table_of(chain({16, 40, 16}, 1)));  // 800 and 704 bytes; a core holds 400
  ASSERT_TRUE(chip.residence.store_weights(LayerId(0), at(1, 2, 1), {}));
  const Bytes free = chip.free();
  EXPECT_FALSE(chip.residence.weights_fit(LayerId(1), at(0, 2, 1)));
  const auto refused = chip.residence.store_weights(LayerId(1), at(0, 2, 1), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kDoesNotFit);
  EXPECT_EQ(chip.free(), free);
  EXPECT_TRUE(chip.residence.weights(LayerId(1)).empty());
  EXPECT_TRUE(chip.residence.weights_fit(LayerId(1), at(0, 2, 2)));
}

TEST(Residence, WeightsFitOnlyIfTheSpareBanksStayEmpty) {
  Stored chip(table_of(chain({7, 4}, 2)));
  EXPECT_TRUE(chip.residence.weights_fit(LayerId(0), at(0), 3));
  EXPECT_FALSE(chip.residence.weights_fit(LayerId(0), at(0), 4));
}

TEST(Residence, AnActivationIsDividedByTheChannelsOfItsFirstReader) {
  Stored chip(table_of(chain({7, 4}, 2)));
  ASSERT_TRUE(chip.store(TensorId(std::size_t{0}), at(0, 3)));
  EXPECT_EQ(chip.sizes(chip.residence.blocks(TensorId(std::size_t{0}))), (std::vector<std::int64_t>{3 * 4, 2 * 4, 2 * 4}));
  EXPECT_TRUE(chip.residence.stored(TensorId(std::size_t{0})));
}

TEST(Residence, AnActivationThatDoesNotFitLeavesNothingBehind) {
  Stored chip(table_of(chain({8, 4}, 11)));  // 968 bytes
  const Bytes free = chip.free();
  EXPECT_FALSE(chip.store(TensorId(std::size_t{0}), at(0, 2)));
  EXPECT_FALSE(chip.residence.stored(TensorId(std::size_t{0})));
  EXPECT_EQ(chip.free(), free);
  EXPECT_TRUE(chip.store(TensorId(std::size_t{0}), at(0, 4)));
}

TEST(Residence, AReaderIsAlignedWithItsInputOnTheSameCoresAndLayout) {
  Stored chip(table_of(chain({8, 4}, 2)));
  const TensorId input(std::size_t{0});
  const Layout layout = chip.table.tensor_layout(input);
  ASSERT_TRUE(chip.store(input, at(0, 2)));
  EXPECT_TRUE(chip.residence.aligned(input, at(0, 2), layout));
  EXPECT_FALSE(chip.residence.aligned(input, at(1, 2), layout));
  EXPECT_FALSE(chip.residence.aligned(input, at(0, 2, 2), layout));
  EXPECT_FALSE(chip.residence.aligned(input, at(0, 2), Layout{1, 32, 1}));
}

TEST(Residence, OnOneCoreEveryLayoutIsAligned) {
  Stored chip(table_of(chain({8, 4}, 2)));
  ASSERT_TRUE(chip.store(TensorId(std::size_t{0}), at(1)));
  EXPECT_TRUE(chip.residence.aligned(TensorId(std::size_t{0}), at(1), Layout{1, 32, 1}));
}

TEST(Residence, AnActivationIsRelocatedIfItFitsAndIsAcceptedAndStaysOtherwise) {
  Stored chip(table_of(chain({8, 4}, 5)));  // 200 bytes
  const TensorId input(std::size_t{0});
  const Layout layout = chip.table.tensor_layout(input);
  ASSERT_TRUE(chip.store(input, at(0)));
  const Bytes free = chip.free();
  const BlockId block = chip.residence.blocks(input)[0];
  chip.residence.relocate(input, at(1), layout, {}, [](std::span<const BlockId>) { return false; });
  EXPECT_EQ(chip.residence.where(input), at(0));
  EXPECT_EQ(chip.residence.blocks(input)[0], block);
  EXPECT_EQ(chip.free(), free);
  ASSERT_TRUE(chip.memory.store(CoreId(2), Bytes(300), BankRole::kWeights, {}, {}));
  chip.residence.relocate(input, at(1), layout, {}, [](std::span<const BlockId>) { return true; });
  EXPECT_EQ(chip.residence.where(input), at(0));
  chip.residence.relocate(input, at(2), layout, {}, [](std::span<const BlockId>) { return true; });
  EXPECT_EQ(chip.residence.where(input), at(2));
  EXPECT_EQ(chip.free(), free - Bytes(300));
}

}  // namespace
}  // namespace gatefold
