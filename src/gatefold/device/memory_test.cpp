// Memory: where blocks lie, what still fits, and what an access needs.
#include "gatefold/device/memory.h"

#include <gtest/gtest.h>

#include "device/small_chip.h"

namespace gatefold {
namespace {

constexpr CoreId kCore{0};

class MemoryTest : public testing::Test {
 protected:
  BlockId weights(std::int64_t bytes) { return stored(bytes, BankRole::kWeights, {}); }
  BlockId activation(std::int64_t bytes, std::vector<BlockId> avoid = {}) { return stored(bytes, BankRole::kActivations, avoid); }
  BlockId stored(std::int64_t bytes, BankRole role, const std::vector<BlockId>& avoid) {
    EXPECT_TRUE(memory_.banks_opened(kCore, Bytes(bytes), role, avoid));
    auto block = memory_.store(kCore, Bytes(bytes), role, avoid, {});
    EXPECT_TRUE(block) << block.error().message;
    return block.value();
  }
  bool refused(std::int64_t bytes, BankRole role, const std::vector<BlockId>& avoid = {}) {
    const bool fits = memory_.banks_opened(kCore, Bytes(bytes), role, avoid).has_value();
    const Bytes free = memory_.free_bytes(kCore);
    const bool stored = memory_.store(kCore, Bytes(bytes), role, avoid, {}).has_value();
    EXPECT_EQ(fits, stored);
    EXPECT_TRUE(stored || memory_.free_bytes(kCore) == free);
    return !stored;
  }
  /// "0:100 1:50"
  std::string pieces(BlockId block) {
    std::string text;
    for (const Piece& piece : memory_.pieces(block)) {
      text += (text.empty() ? "" : " ") + std::to_string(piece.bank.index()) + ":" + std::to_string(piece.bytes.count());
    }
    return text;
  }

  DeviceSpec spec_ = test::small_chip();
  Memory memory_{spec_};
};

TEST_F(MemoryTest, ABlockFillsWholeBanksAndPartOfOneMore) {
  const BlockId block = weights(250);
  EXPECT_EQ(pieces(block), "0:100 1:100 2:50");
  EXPECT_EQ(memory_.free_bytes(kCore), Bytes(150));
  EXPECT_EQ(memory_.empty_banks(kCore), 1);
  EXPECT_EQ(memory_.core(block), kCore);
  EXPECT_EQ(memory_.size(block), Bytes(250));
}

TEST_F(MemoryTest, BanksOfAnotherCoreAreItsOwn) {
  auto block = memory_.store(CoreId(3), Bytes(120), BankRole::kWeights, {}, {});
  ASSERT_TRUE(block);
  EXPECT_EQ(pieces(block.value()), "12:100 13:20");
  EXPECT_EQ(memory_.free_bytes(kCore), Bytes(400));
}

TEST_F(MemoryTest, ABlockOfWholeBanksNeedsNoRemainder) { EXPECT_EQ(pieces(weights(400)), "0:100 1:100 2:100 3:100"); }

TEST_F(MemoryTest, WeightsShareABankWithOtherWeightsWhereTheyFitMostTightly) {
  (void)weights(60);
  EXPECT_EQ(pieces(weights(70)), "1:70");  // 40 are left in bank 0
  EXPECT_EQ(pieces(weights(30)), "1:30");  // 40 and 30 are left
  EXPECT_EQ(pieces(weights(30)), "0:30");
}

TEST_F(MemoryTest, AnActivationTakesAnEmptyBankWhileThereIsOne) {
  EXPECT_EQ(pieces(activation(10)), "0:10");
  EXPECT_EQ(pieces(activation(10)), "1:10");
}

TEST_F(MemoryTest, AnActivationJoinsOthersWithoutAnEmptyBank) {
  (void)weights(250);
  (void)activation(10);
  EXPECT_EQ(pieces(activation(20)), "3:20");
}

TEST_F(MemoryTest, WeightsAndActivationsNeverShareABank) {
  (void)weights(310);
  EXPECT_TRUE(refused(10, BankRole::kActivations));
  EXPECT_FALSE(refused(90, BankRole::kWeights));
}

TEST_F(MemoryTest, AnOutputNeverLiesInABankOfItsInput) {
  (void)weights(300);
  const BlockId input = activation(10);
  EXPECT_TRUE(refused(10, BankRole::kActivations, {input}));
  EXPECT_FALSE(refused(10, BankRole::kActivations));
}

TEST_F(MemoryTest, NothingOverflows) {
  EXPECT_TRUE(refused(401, BankRole::kWeights));
  (void)weights(50);
  EXPECT_TRUE(refused(351, BankRole::kWeights));
  EXPECT_TRUE(refused(350, BankRole::kActivations));
  EXPECT_FALSE(refused(350, BankRole::kWeights));
  EXPECT_EQ(memory_.free_bytes(kCore), Bytes(0));
  EXPECT_TRUE(refused(1, BankRole::kWeights));
}

TEST_F(MemoryTest, ARefusalNamesTheSizes) {
  (void)weights(150);
  const auto refusal = memory_.store(kCore, Bytes(300), BankRole::kWeights, {}, {});
  ASSERT_FALSE(refusal);
  EXPECT_EQ(refusal.error().code, ErrorCode::kDoesNotFit);
  EXPECT_EQ(refusal.error().message, "core 0: 300 bytes wanted, 250 bytes free in 4 banks of 100 bytes");
}

TEST_F(MemoryTest, FreeingGivesBackBytesBanksAndRole) {
  const BlockId block = weights(250);
  memory_.free(block);
  EXPECT_EQ(memory_.free_bytes(kCore), Bytes(400));
  EXPECT_EQ(memory_.empty_banks(kCore), 4);
  EXPECT_EQ(memory_.blocks(BankId(0)), 0);
  EXPECT_EQ(pieces(activation(350)), "0:100 1:100 2:100 3:50");
}

TEST_F(MemoryTest, ASharedBankHoldsDataUntilItsLastBlockGoes) {
  const BlockId first = weights(30);
  const BlockId second = weights(30);
  memory_.free(first);
  EXPECT_GT(memory_.blocks(BankId(0)), 0);
  EXPECT_EQ(pieces(weights(70)), "0:70");
  memory_.free(second);
  EXPECT_GT(memory_.blocks(BankId(0)), 0);
}

TEST_F(MemoryTest, APayloadIsDestroyedWithItsBlock) {
  auto bytes = std::make_shared<int>(7);
  const std::weak_ptr<int> watched = bytes;
  auto block = memory_.store(kCore, Bytes(10), BankRole::kWeights, {}, std::move(bytes));
  ASSERT_TRUE(block);
  EXPECT_FALSE(watched.expired());
  memory_.free(block.value());
  EXPECT_TRUE(watched.expired());
}

TEST_F(MemoryTest, ABlockIsReadAndWrittenOnlyWhileItsBanksAreOn) {
  Ledger ledger;
  Gating gating(spec_, GatingScope::kAll, ledger);
  const BlockId block = weights(150);
  gating.hold(gating.bank(BankId(0)), Cycles(10), Cycles(20));
  const auto half = memory_.read(block, gating, Cycles(10), Cycles(20));
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error().message, "bank 1 of core 0 is not ON over cycles 10 to 20");
  EXPECT_FALSE(memory_.write(block, std::make_shared<int>(1), gating, Cycles(10), Cycles(20)));
  gating.hold(gating.bank(BankId(1)), Cycles(10), Cycles(20));
  EXPECT_TRUE(memory_.write(block, std::make_shared<int>(8), gating, Cycles(10), Cycles(20)));
  const auto payload = memory_.read(block, gating, Cycles(10), Cycles(20));
  ASSERT_TRUE(payload);
  EXPECT_EQ(*std::static_pointer_cast<const int>(payload.value()), 8);
  EXPECT_FALSE(memory_.read(block, gating, Cycles(10), Cycles(21)));
}

TEST_F(MemoryTest, AnEmptyShareTakesNoBank) {
  const BlockId block = activation(0);
  EXPECT_EQ(pieces(block), "");
  EXPECT_EQ(memory_.empty_banks(kCore), 4);
}

TEST_F(MemoryTest, FreeingTwiceIsAProgrammerError) {
  const test::ThrowingContracts throwing;
  const BlockId block = weights(10);
  memory_.free(block);
  EXPECT_THROW(memory_.free(block), std::logic_error);
}

TEST_F(MemoryTest, AFailedBankHoldsNothingUntilItRecovers) {
  memory_.fail(BankId(1));
  EXPECT_EQ(memory_.free_bytes(kCore), Bytes(300));
  EXPECT_EQ(memory_.empty_banks(kCore), 3);
  EXPECT_EQ(pieces(weights(250)), "0:100 2:100 3:50");
  EXPECT_TRUE(refused(60, BankRole::kWeights));
  memory_.recover(BankId(1));
  EXPECT_EQ(pieces(weights(100)), "1:100");
}

TEST_F(MemoryTest, ACoreWhoseBanksAllFailedHoldsNothing) {
  for (const std::int32_t bank : {0, 1, 2, 3}) {
    EXPECT_FALSE(memory_.failed(kCore));
    memory_.fail(BankId(bank));
  }
  EXPECT_TRUE(memory_.failed(kCore));
  EXPECT_FALSE(memory_.failed(CoreId(1)));
  EXPECT_TRUE(refused(1, BankRole::kActivations));
}

TEST_F(MemoryTest, OnlyABankThatHoldsNothingFailsAndOnlyAFailedOneRecovers) {
  const test::ThrowingContracts throwing;
  weights(10);
  EXPECT_THROW(memory_.fail(BankId(0)), std::logic_error);
  EXPECT_THROW(memory_.recover(BankId(1)), std::logic_error);
  memory_.fail(BankId(1));
  EXPECT_THROW(memory_.fail(BankId(1)), std::logic_error);
}

}  // namespace
}  // namespace gatefold
