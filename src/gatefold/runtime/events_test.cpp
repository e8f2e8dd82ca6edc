// The grammar of events: every form, every way to get it wrong with the message that a user sees, and the checks of
// events against each other.
#include "gatefold/runtime/events.h"

#include <gtest/gtest.h>

namespace gatefold {
namespace {

DeviceSpec chip() {
  DeviceSpec device;
  device.name = "chip";
  device.clock_hz = 100'000'000;
  device.cluster_count = 4;
  device.cores_per_cluster = 2;
  device.banks_per_core = 8;
  return device;
}

TEST(Events, EveryFormParsesAndPrintsAsItIsWritten) {
  const struct {
    const char* time;
    const char* text;
    std::int64_t at;
    EventKind kind;
    std::int32_t cluster;
    std::int32_t percent;
    std::int32_t core = -1;
    std::int32_t bank = -1;
  } cases[] = {
      {"12ms", "occupy cluster 0", 1'200'000, EventKind::kOccupy, 0, 100},
      {"1s", "release cluster 3", 100'000'000, EventKind::kRelease, 3, 100},
      {"20us", "throttle cluster 1 50%", 2'000, EventKind::kThrottle, 1, 50},
      {"0ms", "recover cluster 2", 0, EventKind::kRecover, 2, 100},
      {"3us", "fail cluster 3", 300, EventKind::kFail, 3, 100},
      {"3us", "fail core 3.1", 300, EventKind::kFail, 3, 100, 1},
      {"3us", "recover bank 2.0.7", 300, EventKind::kRecover, 2, 100, 0, 7},
      {"1.5 us", "throttle cluster 2 1%", 150, EventKind::kThrottle, 2, 1},
  };
  for (const auto& c : cases) {
    const auto event = parse_event(c.time, c.text, chip());
    ASSERT_TRUE(event) << c.text << ": " << event.error().message;
    EXPECT_EQ(event.value().at, Cycles(c.at));
    EXPECT_EQ(event.value().event.kind, c.kind);
    EXPECT_EQ(event.value().event.cluster, ClusterId(c.cluster));
    EXPECT_EQ(event.value().event.percent, c.percent);
    EXPECT_EQ(event.value().event.core, c.core);
    EXPECT_EQ(event.value().event.bank, c.bank);
    EXPECT_EQ(text(event.value().event), c.text);
  }
}

TEST(Events, BlanksBetweenWordsDoNotMatter) {
  const auto event = parse_event("1ms", "  throttle\tcluster   1  7% ", chip());
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(text(event.value().event), "throttle cluster 1 7%");
}

TEST(Events, MalformedEventsAreRefusedInTheUsersTerms) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "event '': found nothing, want occupy, release, throttle, fail or recover"},
      {"   ", "event '   ': found nothing, want occupy, release, throttle, fail or recover"},
      {"ocupy cluster 0", "event 'ocupy cluster 0': found 'ocupy', want occupy, release, throttle, fail or recover (did you mean occupy?)"},
      {"Occupy cluster 0",
       "event 'Occupy cluster 0': found 'Occupy', want occupy, release, throttle, fail or recover (did you mean occupy?)"},
      {"explode", "event 'explode': found 'explode', want occupy, release, throttle, fail or recover"},
      {"occupy", "event 'occupy': found nothing, want 'cluster'"},
      {"occupy 0", "event 'occupy 0': found '0', want 'cluster'"},
      {"occupy core 0.2", "event 'occupy core 0.2': found 'core', want 'cluster': only fail and recover take a core or a bank"},
      {"occupy bank 3", "event 'occupy bank 3': found 'bank', want 'cluster': only fail and recover take a core or a bank"},
      {"release clusters 0", "event 'release clusters 0': found 'clusters', want 'cluster'"},
      {"occupy cluster", "event 'occupy cluster': found nothing after 'cluster', want a cluster's number from 0 to 3"},
      {"occupy cluster x", "event 'occupy cluster x': found 'x' after 'cluster', want a cluster's number from 0 to 3"},
      {"occupy cluster -1", "event 'occupy cluster -1': found '-1' after 'cluster', want a cluster's number from 0 to 3"},
      {"occupy cluster -0", "event 'occupy cluster -0': found '-0' after 'cluster', want a cluster's number from 0 to 3"},
      {"occupy cluster 1.5", "event 'occupy cluster 1.5': found '1.5' after 'cluster', want a cluster's number from 0 to 3"},
      {"occupy cluster 99999999999",
       "event 'occupy cluster 99999999999': found '99999999999' after 'cluster', want a cluster's number from 0 to 3"},
      {"occupy cluster 4", "event 'occupy cluster 4': there is no cluster 4: chip has clusters 0 to 3"},
      {"occupy cluster 0 now", "event 'occupy cluster 0 now': found 'now' after the event, want nothing"},
      {"throttle cluster 1", "event 'throttle cluster 1': found nothing after the cluster, want the speed that is left, 1% to 100%"},
      {"throttle cluster 1 50", "event 'throttle cluster 1 50': found '50' after the cluster, want the speed that is left, 1% to 100%"},
      {"throttle cluster 1 0%", "event 'throttle cluster 1 0%': found '0%' after the cluster, want the speed that is left, 1% to 100%"},
      {"throttle cluster 1 101%",
       "event 'throttle cluster 1 101%': found '101%' after the cluster, want the speed that is left, 1% to 100%"},
      {"throttle cluster 1 %", "event 'throttle cluster 1 %': found '%' after the cluster, want the speed that is left, 1% to 100%"},
      {"throttle cluster 1 5e1%",
       "event 'throttle cluster 1 5e1%': found '5e1%' after the cluster, want the speed that is left, 1% to 100%"},
      {"recover cluster 3 50%", "event 'recover cluster 3 50%': found '50%' after the event, want nothing"},
      {"fail", "event 'fail': found nothing, want 'cluster', 'core' or 'bank'"},
      {"fail lane 3", "event 'fail lane 3': found 'lane', want 'cluster', 'core' or 'bank'"},
      {"fail core 0", "event 'fail core 0': found '0' after 'core', want a core's number, CLUSTER.CORE, from 0.0 to 3.1"},
      {"fail core 0.1.2", "event 'fail core 0.1.2': found '0.1.2' after 'core', want a core's number, CLUSTER.CORE, from 0.0 to 3.1"},
      {"fail core .1", "event 'fail core .1': found '.1' after 'core', want a core's number, CLUSTER.CORE, from 0.0 to 3.1"},
      {"fail core 0.2", "event 'fail core 0.2': there is no core 0.2: chip has cores 0.0 to 3.1"},
      {"fail bank 0.1", "event 'fail bank 0.1': found '0.1' after 'bank', want a bank's number, CLUSTER.CORE.BANK, from 0.0.0 to 3.1.7"},
      {"recover bank 4.0.0", "event 'recover bank 4.0.0': there is no bank 4.0.0: chip has banks 0.0.0 to 3.1.7"},
      {"fail cluster 0.1", "event 'fail cluster 0.1': found '0.1' after 'cluster', want a cluster's number from 0 to 3"},
      {"fail cluster 3 50%", "event 'fail cluster 3 50%': found '50%' after the event, want nothing"},
      {"cap power 1.5W", "event 'cap power 1.5W': 'cap power' is not built; events are occupy, release, throttle, fail and recover"},
  };
  for (const auto& [text, message] : cases) {
    const auto event = parse_event("1ms", text, chip());
    ASSERT_FALSE(event) << text;
    EXPECT_EQ(event.error().message, message);
  }
}

TEST(Events, MalformedTimesNameTheEvent) {
  for (const char* time : {"", "12", "ms", "-1ms", "12 parsecs", "1e99s", "nan", "2000000s"}) {
    const auto event = parse_event(time, "occupy cluster 0", chip());
    ASSERT_FALSE(event) << time;
    EXPECT_EQ(event.error().message.rfind("time of event 'occupy cluster 0': ", 0), 0U) << event.error().message;
  }
}

TEST(Events, TimesBecomeCyclesRoundedUp) {
  EXPECT_EQ(cycles_of(0, 1'700'000'000), Cycles(0));
  EXPECT_EQ(cycles_of(1, 1'700'000'000), Cycles(1));
  EXPECT_EQ(cycles_of(10'000, 100'000'000), Cycles(1));
  EXPECT_EQ(cycles_of(10'001, 100'000'000), Cycles(2));
  EXPECT_EQ(cycles_of(1'000'000'000'000'000'000, 1'700'000'000), Cycles(1'700'000'000'000'000));
}

TimedEvent at(std::int64_t cycle, EventKind kind, std::int32_t cluster) { return {Cycles(cycle), {kind, ClusterId(cluster), 50}}; }

TEST(Events, AreSortedByTimeAndKeepTheirOrderWithinACycle) {
  const auto events = check_events(
      {at(9, EventKind::kRelease, 0), at(5, EventKind::kThrottle, 1), at(5, EventKind::kOccupy, 0), at(9, EventKind::kOccupy, 0)});
  ASSERT_TRUE(events) << events.error().message;
  ASSERT_EQ(events.value().size(), 4U);
  EXPECT_EQ(events.value()[0].event.kind, EventKind::kThrottle);
  EXPECT_EQ(events.value()[1].event.kind, EventKind::kOccupy);
  EXPECT_EQ(events.value()[2].event.kind, EventKind::kRelease);
  EXPECT_EQ(events.value()[3].event.kind, EventKind::kOccupy);
}

TEST(Events, ThrottlingTwiceChangesTheSpeedAndOneRecoverEndsIt) {
  EXPECT_TRUE(check_events({at(1, EventKind::kThrottle, 0), at(2, EventKind::kThrottle, 0), at(3, EventKind::kRecover, 0)}));
}

TEST(Events, ContradictionsAreReportedAllAtOnce) {
  const auto events = check_events(
      {at(1, EventKind::kRelease, 0), at(2, EventKind::kOccupy, 1), at(3, EventKind::kOccupy, 1), at(4, EventKind::kRecover, 1)});
  ASSERT_FALSE(events);
  EXPECT_EQ(events.error().message,
            "event 'release cluster 0' at cycle 1: the cluster is not occupied\n"
            "event 'occupy cluster 1' at cycle 3: the cluster is occupied already\n"
            "event 'recover cluster 1' at cycle 4: the cluster is neither throttled nor failed");
}

TEST(Events, FailuresAreCheckedElementByElement) {
  const auto element = [](std::int64_t cycle, EventKind kind, std::int32_t core, std::int32_t bank) {
    return TimedEvent{Cycles(cycle), {kind, ClusterId(1), 100, core, bank}};
  };
  const auto fine =
      check_events({element(1, EventKind::kFail, -1, -1), element(2, EventKind::kFail, 0, -1), element(3, EventKind::kThrottle, -1, -1),
                    element(4, EventKind::kRecover, -1, -1), element(5, EventKind::kRecover, 0, -1)});
  EXPECT_TRUE(fine) << fine.error().message;
  const auto refused = check_events({element(1, EventKind::kFail, 0, -1), element(2, EventKind::kFail, 0, -1),
                                     element(3, EventKind::kRecover, -1, -1), element(4, EventKind::kRecover, 1, 2)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "event 'fail core 1.0' at cycle 2: the core is failed already\n"
            "event 'recover cluster 1' at cycle 3: the cluster is neither throttled nor failed\n"
            "event 'recover bank 1.1.2' at cycle 4: the bank is not failed");
}

}  // namespace
}  // namespace gatefold
