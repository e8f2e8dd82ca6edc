#include "gatefold/host/profile.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "host/machine_folder.h"

namespace gatefold {
namespace {

using test::MachineFolder;

constexpr std::int64_t kMs = 1'000'000;

HostTopology two_cores() {
  HostTopology topology;
  topology.cores = {{ClusterId(0), 0}, {ClusterId(0), 2}};  // processor 1 is not ours
  topology.cluster_count = 1;
  return topology;
}

/// Ticks of 10 ms: processors 0 and 2 busy for `first` and `second`.
std::string stat_text(std::int64_t first, std::int64_t second) {
  return fmt::format("cpu 9 9 9 9 9 9 9 9 0 0\ncpu0 {} 0 0 500 7 0 0 0 0 0\ncpu1 77 0 0 0 0 0 0 0 0 0\ncpu2 {} 1 0 3 0 0 0 2 0 0\nintr 1\n",
                     first, second);
}

class Profile : public testing::Test {
 protected:
  Profile() : machine_("profile") {
    machine_.write("proc/stat", stat_text(0, 0));
    machine_.write("proc/self/task/41/schedstat", "0 0 1\n");
  }
  bool sample(HostProfile& profile, std::int64_t ms, std::int64_t on0_ms, std::int64_t on1_ms) {
    const std::array<std::int64_t, 2> on{on0_ms * kMs, on1_ms * kMs};
    return profile.sample({ms * kMs, on, std::nullopt, std::nullopt});
  }
  MachineFolder machine_;
};

TEST_F(Profile, ACoreThatWeDoNotUseIsJudgedByItsBusyTime) {
  HostProfile profile(two_cores(), machine_.root());
  EXPECT_FALSE(sample(profile, 1000, 0, 0));
  machine_.write("proc/stat", stat_text(9, 0));
  EXPECT_FALSE(sample(profile, 1020, 0, 0)) << "the window of ten ticks is not over";
  machine_.write("proc/stat", stat_text(9, 1));
  EXPECT_TRUE(sample(profile, 1100, 0, 0));
  EXPECT_FLOAT_EQ(profile.others(0), 0.9F);
  EXPECT_FLOAT_EQ(profile.others(1), 0.1F);
  machine_.write("proc/stat", stat_text(11, 1));
  EXPECT_FALSE(sample(profile, 1200, 0, 0)) << "0.2: neither taken nor free, so it stays what it was";
  machine_.write("proc/stat", stat_text(11, 1));
  EXPECT_TRUE(sample(profile, 1300, 0, 0)) << "free again";
  EXPECT_FLOAT_EQ(profile.others(0), 0);
}

TEST_F(Profile, OurOwnTimeIsNotOthers) {
  HostProfile profile(two_cores(), machine_.root());
  sample(profile, 1000, 0, 0);
  machine_.write("proc/stat", stat_text(2, 10));
  EXPECT_TRUE(sample(profile, 1100, 20, 0));
  EXPECT_FLOAT_EQ(profile.others(0), 0);
  EXPECT_FLOAT_EQ(profile.others(1), 1);
}

TEST_F(Profile, ACoreOnWhichAWorkerRunsIsJudgedByTheWorkersWaits) {
  HostProfile profile(two_cores(), machine_.root());
  profile.watch_worker(0, 41);
  sample(profile, 1000, 0, 0);
  machine_.write("proc/self/task/41/schedstat", "12000000 8000000 5\n");
  EXPECT_TRUE(sample(profile, 1020, 20, 0)) << "within one period: on for 20 ms, 8 of them waiting";
  EXPECT_FLOAT_EQ(profile.others(0), 0.4F);
  machine_.write("proc/self/task/41/schedstat", "32000000 8000000 5\n");
  EXPECT_TRUE(sample(profile, 1040, 40, 0));
  EXPECT_FLOAT_EQ(profile.others(0), 0);
}

TEST_F(Profile, ACoreLedByACallersThreadIsJudgedByThatThread) {
  HostProfile profile(two_cores(), machine_.root());
  profile.watch_worker(1, 41);
  std::array<std::int64_t, 2> on{0, 0};
  profile.sample({1000 * kMs, on, 1, ThreadWaits{500 * kMs, 500 * kMs}});
  on[1] = 20 * kMs;
  EXPECT_TRUE(profile.sample({1020 * kMs, on, 1, ThreadWaits{510 * kMs, 510 * kMs}}));
  EXPECT_FLOAT_EQ(profile.others(1), 0.5F);
}

TEST_F(Profile, ThrottlingTakesCoresAwayOneByOneAndGivesThemBack) {
  machine_.write("proc/self/cgroup", "0::/\n");
  machine_.write("sys/fs/cgroup/cpu.stat", "usage_usec 5\nthrottled_usec 0\n");
  machine_.write("proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0 total=0\n");
  HostProfile profile(two_cores(), machine_.root());
  sample(profile, 1000, 0, 0);
  EXPECT_EQ(profile.cores_granted(), 2);
  machine_.write("sys/fs/cgroup/cpu.stat", "usage_usec 5\nthrottled_usec 300000\n");
  machine_.write("proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=500000\nfull avg10=0 total=0\n");
  EXPECT_TRUE(sample(profile, 2000, 0, 0));
  EXPECT_EQ(profile.cores_granted(), 1);
  EXPECT_FLOAT_EQ(static_cast<float>(profile.machine().throttled), 0.3F);
  EXPECT_FLOAT_EQ(static_cast<float>(profile.machine().pressure), 0.5F);
  EXPECT_TRUE(sample(profile, 3000, 0, 0));
  EXPECT_EQ(profile.cores_granted(), 2);
}

TEST_F(Profile, ConditionsSayWhatIsFree) {
  machine_.write("proc/cpuinfo", "processor : 0\ncpu MHz\t\t: 2000.000\n");
  machine_.write("sys/devices/system/cpu/cpu2/cpufreq/scaling_cur_freq", "1000000\n");
  HostProfile profile(two_cores(), machine_.root());
  profile.note_rate(32e9);
  profile.note_rate(16e9);
  sample(profile, 1000, 0, 0);
  machine_.write("proc/stat", stat_text(5, 0));
  sample(profile, 1100, 0, 0);
  EXPECT_EQ(profile.core(0).frequency_hz, 2'000'000'000);
  EXPECT_EQ(profile.core(1).frequency_hz, 1'000'000'000);
  EXPECT_DOUBLE_EQ(profile.core(0).dot_products_per_cycle, 16);
  EXPECT_DOUBLE_EQ(profile.core(0).free_dot_products_per_cycle(), 8);
}

TEST_F(Profile, AMachineThatPublishesNothingIsFree) {
  const MachineFolder silent("silent");
  HostProfile profile(two_cores(), silent.root());
  EXPECT_FALSE(sample(profile, 1000, 0, 0));
  EXPECT_FALSE(sample(profile, 3000, 0, 0));
  EXPECT_EQ(profile.others(0), 0);
  EXPECT_EQ(profile.core(0).frequency_hz, 0);
  EXPECT_EQ(profile.cores_granted(), 2);
}

}  // namespace
}  // namespace gatefold
