// The table of transitions: what is legal for which class, and what it costs on a chip of round numbers.
#include "gatefold/device/power_states.h"

#include <gtest/gtest.h>

#include <string>

#include "device/small_chip.h"

namespace gatefold {
namespace {

std::string legal(const PowerStates& states) {
  std::string text;
  for (const PowerState from : kPowerStates) {
    for (const PowerState to : kPowerStates) {
      if (states.transition(from, to).legal) text += std::string(text.empty() ? "" : ", ") + name(from) + " > " + name(to);
    }
  }
  return text;
}

TEST(PowerStates, EveryClassHasItsTransitionsAndNoOthers) {
  DeviceSpec spec = test::small_chip();
  spec.uncore.push_back({"chip", {}, UncoreUse::kRequests});
  const auto table = power_states(spec);
  ASSERT_EQ(table.size(), 5U);
  const char* clocked = "on > clock_gated, on > off, clock_gated > on, off > on";
  const char* switched = "on > off, off > on";
  EXPECT_EQ(legal(table[0]), clocked);
  EXPECT_EQ(legal(table[1]), clocked);
  EXPECT_EQ(legal(table[2]), "on > retention, on > off, retention > on, off > on");
  EXPECT_EQ(legal(table[3]), switched);
  EXPECT_EQ(legal(table[4]), switched);
}

TEST(PowerStates, GoingDownIsFreeAndComingBackCostsWhatTheFileSays) {
  DeviceSpec spec = test::small_chip();
  spec.cluster.clock = EnergyPerCycle(8);
  spec.bank.sleep_after = Cycles(9);
  const auto table = power_states(spec);
  for (const PowerStates& states : table) {
    for (const PowerState to : kPowerStates) {
      EXPECT_EQ(states.down(to).latency, Cycles(0));
      EXPECT_EQ(states.down(to).energy, Energy(0));
    }
  }
  const PowerStates& cluster = table[0];
  EXPECT_EQ(cluster.leakage[index(PowerState::kClockGated)], EnergyPerCycle(20 - 8));
  EXPECT_EQ(cluster.wake(PowerState::kClockGated).latency, Cycles(0));
  EXPECT_EQ(cluster.wake(PowerState::kClockGated).energy, Energy(0));
  EXPECT_EQ(cluster.wake(PowerState::kOff).latency, Cycles(4));
  EXPECT_EQ(cluster.wake(PowerState::kOff).energy, Energy(200));
  const PowerStates& bank = table[2];
  EXPECT_EQ(bank.down(PowerState::kRetention).after, Cycles(9));
  EXPECT_FALSE(bank.down(PowerState::kRetention).loses_data);
  EXPECT_TRUE(bank.down(PowerState::kOff).loses_data);
  EXPECT_EQ(bank.wake(PowerState::kRetention).energy, Energy(30));
  EXPECT_EQ(bank.wake(PowerState::kOff).latency, Cycles(5));
}

}  // namespace
}  // namespace gatefold
