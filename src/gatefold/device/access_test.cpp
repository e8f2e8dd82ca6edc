// What is not ON cannot be used, and what is in use cannot be used twice: banks refuse accesses that no hold covers, and a
// bus segment carries as many reductions at a time as the device file says.
#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "gatefold/device/chip.h"
#include "gatefold/device/shipped.h"

namespace gatefold {
namespace {

DeviceSpec edge() {
  auto spec = find_device("edge-nnic");
  EXPECT_TRUE(spec) << spec.error().message;
  return std::move(spec).value();
}

class Access : public ::testing::Test {
 protected:
  DeviceSpec spec_ = edge();
  Chip chip_{spec_, GatingScope::kAll};
  Payload payload_ = std::make_shared<const int>(7);

  BlockId stored(Bytes size) {
    auto block = chip_.memory().store(CoreId(5), size, BankRole::kActivations, {}, payload_);
    EXPECT_TRUE(block) << block.error().message;
    return block.value();
  }
};

TEST_F(Access, ABlockIsReadOnlyWhileAllItsBanksAreOn) {
  const BlockId block = stored(Bytes(20'000));  // two banks
  const auto pieces = chip_.memory().pieces(block);
  ASSERT_EQ(pieces.size(), 2U);
  chip_.gating().hold(chip_.gating().bank(pieces[0].bank), Cycles(100), Cycles(200));
  EXPECT_FALSE(chip_.memory().read(block, chip_.gating(), Cycles(100), Cycles(200)));
  chip_.gating().hold(chip_.gating().bank(pieces[1].bank), Cycles(100), Cycles(200));
  const auto read = chip_.memory().read(block, chip_.gating(), Cycles(100), Cycles(200));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read.value(), payload_);
}

TEST_F(Access, OneCycleBeforeOrAfterAHoldIsAnError) {
  const BlockId block = stored(Bytes(1000));
  chip_.hold(std::array{block}, Cycles(100), Cycles(200));
  EXPECT_TRUE(chip_.memory().write(block, payload_, chip_.gating(), Cycles(100), Cycles(200)));
  EXPECT_FALSE(chip_.memory().write(block, payload_, chip_.gating(), Cycles(99), Cycles(200)));
  const auto late = chip_.memory().read(block, chip_.gating(), Cycles(100), Cycles(201));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kInvalidInput);
  EXPECT_NE(late.error().message.find("bank 40"), std::string::npos) << late.error().message;
}

TEST(Segments, CarryOneReductionAtATime) {
  const DeviceSpec spec = edge();
  Crossbar crossbar(spec);
  crossbar.book_dot({0, 2, 1}, Cycles(100));
  EXPECT_EQ(crossbar.dot_free({1, 1, 0b10}, Cycles(10)), Cycles(100));  // another core, the same segment
  EXPECT_EQ(crossbar.dot_free({2, 1, 1}, Cycles(10)), Cycles(10));
  EXPECT_EQ(crossbar.vector_free({0, 1, 1}, Cycles(10)), Cycles(10));  // post-processors are apart
}

TEST(Segments, CarryAsManyAsTheFileSays) {
  DeviceSpec spec = edge();
  spec.segment_layers = 2;
  Crossbar crossbar(spec);
  crossbar.book_dot({0, 1, 1}, Cycles(100));
  EXPECT_EQ(crossbar.dot_free({0, 1, 0b10}, Cycles(10)), Cycles(10));
  crossbar.book_dot({0, 1, 0b10}, Cycles(70));
  EXPECT_EQ(crossbar.dot_free({0, 1, 0b100}, Cycles(10)), Cycles(70));
}

TEST(Segments, ArraysAreBookedOneByOne) {
  auto spec = find_device("mobile-npu");
  ASSERT_TRUE(spec) << spec.error().message;
  Crossbar crossbar(spec.value());
  crossbar.book_dot({0, 1, 0b01}, Cycles(100));
  EXPECT_EQ(crossbar.dot_free({0, 1, 0b10}, Cycles(10)), Cycles(10));
  EXPECT_EQ(crossbar.dot_free({0, 1, 0b11}, Cycles(10)), Cycles(100));
}

}  // namespace
}  // namespace gatefold
