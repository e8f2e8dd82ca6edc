#include "gatefold/base/quantity.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

#include "gatefold/base/id.h"

namespace gatefold {
namespace {

using namespace literals;

template <class A, class B>
concept Addable = requires(A a, B b) {
  a + b;
};
template <class A, class B>
concept Dividable = requires(A a, B b) {
  a / b;
};

static_assert(Addable<Cycles, Cycles>);
static_assert(!Addable<Cycles, Bytes>);
static_assert(!Addable<Cycles, int>);
static_assert(!Dividable<Bytes, BytesPerCycle>);
static_assert(!std::is_convertible_v<std::int64_t, Cycles>);
static_assert(!std::is_convertible_v<LayerId, ClusterId>);
static_assert(ceil_div(1000_B, BytesPerCycle(64)) == 16_cycles);
static_assert(300_MAC * EnergyPerMac(230) == 69000_aJ);
static_assert(ceil_div(10_B, 4_B) == 3);

TEST(Quantity, PowerOverClockRoundsHalfToEven) {
  EXPECT_EQ(energy_per_cycle(Power(50'000'000), 100'000'000), EnergyPerCycle(500'000));  // 50 uW at 100 MHz
  EXPECT_EQ(energy_per_cycle(Power(5), 2'000'000), EnergyPerCycle(2));                   // 2.5 -> 2
  EXPECT_EQ(energy_per_cycle(Power(7), 2'000'000), EnergyPerCycle(4));                   // 3.5 -> 4
}

TEST(EnergyTotal, SplittingAnIntervalNeverChangesTheSum) {
  const EnergyPerCycle power(26'352'941'176);  // 44.8 W at 1.7 GHz
  const Cycles day(146'880'000'000'000);
  EnergyTotal pieces;
  for (int i = 0; i < 7; ++i) pieces += EnergyTotal::over(power, Cycles(day.count() / 7));
  pieces += EnergyTotal::over(power, Cycles(day.count() % 7));
  EXPECT_EQ(pieces, EnergyTotal::over(power, day));
}

TEST(EnergyTotal, PrintsFemtojoulesExactly) {
  EXPECT_EQ(EnergyTotal(1_aJ).femtojoules(), "0.001");
  EXPECT_EQ(EnergyTotal(Energy(-1234567)).femtojoules(), "-1234.567");
  EXPECT_EQ(EnergyTotal().femtojoules(), "0.000");
  EXPECT_EQ(EnergyTotal::over(EnergyPerCycle(1'000'000'000'000), Cycles(1'000'000'000'000)).femtojoules(), "1000000000000000000000.000");
}

TEST(EnergyTotal, JoulesAreTheNearestDouble) {
  for (std::int64_t mantissa = 1; mantissa < 1000; ++mantissa) {
    EXPECT_EQ(EnergyTotal(Energy(mantissa)).joules(), std::stod(std::to_string(mantissa) + "e-18"));
    EXPECT_EQ(EnergyTotal(Energy(mantissa * 1'000'000'000)).joules(), std::stod(std::to_string(mantissa) + "e-9"));
  }
}

TEST(QuantityDeathTest, OverflowIsAViolatedContract) {
  EXPECT_DEATH((void)(Cycles(INT64_MAX) + 1_cycles), "");
  EXPECT_DEATH((void)ceil_div(-1, 2), "");
}

}  // namespace
}  // namespace gatefold
