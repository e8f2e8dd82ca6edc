#include "gatefold/host/energy.h"

#include <gtest/gtest.h>

#include "host/machine_folder.h"

namespace gatefold {
namespace {

TEST(HostEnergy, APowerProfileTurnsCoreTimeIntoJoules) {
  const auto profile = parse_power_profile("# a laptop\nbusy: 4 W\nspin: 2500 mW # half a core\n\nasleep: 0.1W\n", "laptop.txt");
  ASSERT_TRUE(profile);
  HostCounters used;
  used.busy_s = 2;
  used.spin_s = 1;
  used.asleep_s = 10;
  const HostEnergy energy = energy_of(profile.value(), used);
  EXPECT_EQ(energy.source, "laptop.txt");
  EXPECT_DOUBLE_EQ(energy.total_j, 8 + 2.5 + 1);
  EXPECT_DOUBLE_EQ(energy.spin_j.value(), 2.5);
}

TEST(HostEnergy, AMalformedPowerProfileIsRefusedByName) {
  const auto message = [](std::string_view text) { return parse_power_profile(text, "p").error().message; };
  EXPECT_EQ(message("busy: 4 W\nspin: 1 W\n"), "p: state 'asleep' is missing");
  EXPECT_EQ(message("idle: 4 W\n"), "p: state 'idle': unknown; wanted busy, spin and asleep");
  EXPECT_EQ(message("busy: 4 W\nbusy: 4 W\n"), "p: state 'busy' is given twice");
  EXPECT_EQ(message("busy: 4\n"), "p: found 'busy: 4', wanted a power such as 'busy: 1.5 W'");
  EXPECT_EQ(message("busy: -4 W\n"), "p: found 'busy: -4 W', wanted a power such as 'busy: 1.5 W'");
  EXPECT_EQ(message("busy\n"), "p: found 'busy', wanted a power such as 'busy: 1.5 W'");
}

TEST(HostEnergy, PackageCountersAreSummedAndMayWrapAround) {
  const test::MachineFolder machine("rapl");
  EXPECT_FALSE(RaplMeter(machine.root()).available());
  const auto write = [&](int package, int uj) {
    machine.write("sys/class/powercap/intel-rapl:" + std::to_string(package) + "/energy_uj", std::to_string(uj) + "\n");
    machine.write("sys/class/powercap/intel-rapl:" + std::to_string(package) + "/max_energy_range_uj", "5000000\n");
  };
  write(0, 1'000'000);
  write(1, 4'000'000);
  RaplMeter meter(machine.root());
  ASSERT_TRUE(meter.available());
  write(0, 1'500'000);
  write(1, 500'000);
  EXPECT_DOUBLE_EQ(meter.joules(), 0.5 + 1.5);
  EXPECT_DOUBLE_EQ(meter.joules(), 0);
}

}  // namespace
}  // namespace gatefold
