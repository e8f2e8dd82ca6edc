#include "gatefold/host/wake.h"

#include <gtest/gtest.h>

#include "gatefold/host/topology.h"
#include "host/machine_folder.h"

namespace gatefold {
namespace {

using test::MachineFolder;

void write_state(const MachineFolder& machine, int index, const std::string& name, int latency_us, int residency_us, int disabled) {
  const std::string folder = "sys/devices/system/cpu/cpu3/cpuidle/state" + std::to_string(index) + "/";
  machine.write(folder + "name", name + "\n");
  machine.write(folder + "latency", std::to_string(latency_us) + "\n");
  machine.write(folder + "residency", std::to_string(residency_us) + "\n");
  machine.write(folder + "disable", std::to_string(disabled) + "\n");
}

TEST(Wake, PublishedIdleStatesAreReadWithoutPollingAndDisabledOnes) {
  MachineFolder machine("idle");
  write_state(machine, 0, "POLL", 0, 0, 0);
  write_state(machine, 1, "C1", 2, 5, 0);
  write_state(machine, 2, "C3", 50, 100, 1);
  write_state(machine, 3, "C6", 133, 400, 0);
  const std::vector<WakeTier> states = read_idle_states(3, machine.root());
  ASSERT_EQ(states.size(), 2U);
  EXPECT_EQ(states[0].name, "C1");
  EXPECT_EQ(states[0].residency_ns, 5000);
  EXPECT_EQ(states[1].latency_ns, 133000);
  EXPECT_TRUE(read_idle_states(0, machine.root()).empty());
}

TEST(Wake, TheBreakEvenIsTheLargerOfAWakeAndTheShallowestResidency) {
  const WakeCost cost{27000, 4000};
  EXPECT_EQ(wake_model({}, cost).break_even_ns, 27000);
  EXPECT_EQ(wake_model({{"C1", 2000, 5000}}, cost).break_even_ns, 27000);
  EXPECT_EQ(wake_model({{"C2", 18000, 90000}, {"C6", 133000, 400000}}, cost).break_even_ns, 90000);
}

TEST(Wake, TiersAreOrderedFromSpinningToTheDeepestState) {
  const WakeModel silent = wake_model({}, {27000, 4000});
  ASSERT_EQ(silent.tiers.size(), 2U);
  EXPECT_EQ(silent.tiers[1].name, "sleep");
  EXPECT_EQ(silent.tiers[1].latency_ns, 27000);
  const WakeModel published = wake_model({{"C1", 2000, 5000}, {"C6", 133000, 400000}}, {27000, 4000});
  ASSERT_EQ(published.tiers.size(), 3U);
  for (std::size_t i = 1; i < 3; ++i) {
    EXPECT_GE(published.tiers[i].latency_ns, published.tiers[i - 1].latency_ns);
    EXPECT_GE(published.tiers[i].residency_ns, published.tiers[i - 1].residency_ns);
  }
  EXPECT_EQ(published.tiers[2].latency_ns, 133000) << "a deep state adds to what the kernel's wake takes";
}

TEST(Wake, AWakeOfThisMachineTakesSomeTime) {
  const HostTopology topology = read_topology(std::nullopt).value();
  const WakeCost cost = measure_wake(topology.cores.front().cpu, topology.cores.back().cpu);
  EXPECT_GE(cost.latency_ns, 100);
  EXPECT_GE(cost.signal_ns, 100);
}

}  // namespace
}  // namespace gatefold
