#include "gatefold/host/topology.h"

#include <gtest/gtest.h>

#include <set>

#include "host/machine_folder.h"

namespace gatefold {
namespace {

using test::MachineFolder;

TEST(HostTopology, ThisMachineHasCoresInClustersAndLimitsAreRespected) {
  const auto all = read_topology(std::nullopt);
  ASSERT_TRUE(all);
  const HostTopology& topology = all.value();
  ASSERT_FALSE(topology.cores.empty());
  std::set<std::int32_t> cpus;
  ClusterId last(0);
  for (const HostCore& core : topology.cores) {
    EXPECT_TRUE(cpus.insert(core.cpu).second) << "two cores on processor " << core.cpu;
    EXPECT_GE(core.cluster, last);
    last = core.cluster;
  }
  EXPECT_EQ(topology.cluster_count, last.index() + 1);
  EXPECT_EQ(read_topology(1).value().cores.size(), 1U);
  EXPECT_EQ(read_topology(1000).value().cores.size(), topology.cores.size());
  EXPECT_EQ(read_topology(0).error().message, "0 cores; wanted at least 1");
}

TEST(HostTopology, TheTightestQuotaOfAllLevelsCounts) {
  MachineFolder second("quota2");
  second.write("proc/self/cgroup", "0::/outer/inner\n");
  second.write("sys/fs/cgroup/cpu.max", "max 100000\n");
  second.write("sys/fs/cgroup/outer/cpu.max", "150000 100000\n");
  second.write("sys/fs/cgroup/outer/inner/cpu.max", "400000 100000\n");
  EXPECT_EQ(cgroup_quota(second.root()), 1.5);
  EXPECT_EQ(cgroup_cpu_folder(second.root()), second.root() / "sys/fs/cgroup/outer/inner");

  MachineFolder first("quota1");
  first.write("proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/group\n0::/\n");
  first.write("sys/fs/cgroup/cpu/group/cpu.cfs_quota_us", "200000\n");
  first.write("sys/fs/cgroup/cpu/group/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_quota(first.root()), 2.0);
}

TEST(HostTopology, WithoutAQuotaOrCgroupsThereIsNoLimit) {
  MachineFolder machine("free");
  EXPECT_EQ(cgroup_quota(machine.root()), std::nullopt);
  machine.write("proc/self/cgroup", "0::/\n");
  machine.write("sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_quota(machine.root()), std::nullopt);
}

TEST(HostTopology, ACoreMaskHoldsUpTo64Cores) {
  EXPECT_EQ(first_cores(0), 0U);
  EXPECT_EQ(first_cores(3), 0b111U);
  EXPECT_EQ(first_cores(64), ~CoreMask{0});
}

}  // namespace
}  // namespace gatefold
