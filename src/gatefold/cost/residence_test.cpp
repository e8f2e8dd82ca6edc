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
