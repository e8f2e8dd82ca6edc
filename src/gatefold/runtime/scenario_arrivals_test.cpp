// Do arrivals have the rates and distributions that a scenario asks for?
#include "gatefold/runtime/scenario_arrivals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace gatefold {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000'000;
constexpr std::int64_t kClock = 100'000'000;

Stream periodic(const std::string& name, double hz, double jitter = 0.05) {
  Stream stream;
  stream.name = name;
  stream.arrivals.rate.hz = hz;
  stream.arrivals.jitter = jitter;
  return stream;
}

Stream poisson(const std::string& name, double hz) {
  Stream stream = periodic(name, hz);
  stream.arrivals.kind = ArrivalProcess::Kind::kPoisson;
  return stream;
}

Scenario scenario_of(std::vector<Stream> streams, std::int64_t duration_s) {
  Scenario scenario;
  scenario.networks = {{"net", "zoo:ds-cnn"}};
  scenario.streams = std::move(streams);
  scenario.duration_ps = duration_s * kSecond;
  return scenario;
}

/// All arrivals, each complete as soon as it is there.
std::vector<Arrival> all(const Scenario& scenario, std::uint64_t seed = 1) {
  ScenarioArrivals arrivals(scenario, kClock, seed);
  std::vector<Arrival> taken;
  while (arrivals.next_at()) {
    const Cycles at = *arrivals.next_at();
    taken.push_back(arrivals.take());
    EXPECT_EQ(taken.back().at, at);
    if (taken.size() > 1) {
      EXPECT_GE(taken.back().at, taken[taken.size() - 2].at);
    }
    arrivals.completed(taken.back(), at);
  }
  return taken;
}

std::vector<double> times(const std::vector<Arrival>& arrivals, std::size_t stream = 0) {
  std::vector<double> at;
  for (const Arrival& arrival : arrivals) {
    if (arrival.stream.at() == stream) at.push_back(static_cast<double>(arrival.at.count()) / kClock);
  }
  return at;
}

std::vector<double> gaps(const std::vector<double>& at) {
  std::vector<double> all;
  for (std::size_t i = 1; i < at.size(); ++i) all.push_back(at[i] - at[i - 1]);
  return all;
}

double share(const std::vector<double>& values, double least, double most) {
  const auto inside = std::count_if(values.begin(), values.end(), [&](double v) { return v >= least && v < most; });
  return static_cast<double>(inside) / static_cast<double>(values.size());
}

/// Variance over mean of the counts in pieces of a second: 1 for a Poisson process.
double dispersion(const std::vector<double>& at, std::int64_t duration_s) {
  std::vector<double> counts(static_cast<std::size_t>(duration_s));
  for (const double t : at) ++counts[static_cast<std::size_t>(t)];
  double sum = 0;
  double squares = 0;
  for (const double count : counts) {
    sum += count;
    squares += count * count;
  }
  const double n = static_cast<double>(duration_s);
  return (squares / n - sum / n * sum / n) / (sum / n);
}

TEST(ScenarioArrivals, PeriodicRequestsStayOnTheirGrid) {
  const auto at = times(all(scenario_of({periodic("a", 10)}, 300)));
  EXPECT_EQ(at.size(), 3000U);
  const auto between = gaps(at);
  EXPECT_EQ(share(between, 0.0949, 0.1051), 1);
  EXPECT_GT(share(between, 0.0949, 0.0999), 0.3);
  // The jitter does not accumulate.
  for (std::size_t i = 0; i < at.size(); ++i) EXPECT_NEAR(at[i], at[0] + 0.1 * static_cast<double>(i), 0.00501) << i;
}

TEST(ScenarioArrivals, PoissonGapsAreExponential) {
  const auto at = times(all(scenario_of({poisson("a", 20)}, 1000)));
  EXPECT_NEAR(static_cast<double>(at.size()), 20'000, 4 * std::sqrt(20'000.0));
  const auto between = gaps(at);
  for (const double x : {0.1, 0.5, 1.0, 2.0, 3.0}) EXPECT_NEAR(share(between, x / 20, 1e9), std::exp(-x), 0.02) << x;
  EXPECT_NEAR(dispersion(at, 1000), 1, 0.2);
}

TEST(ScenarioArrivals, TwoStatesKeepTheMeanAndAreBursty) {
  Stream stream = poisson("a", 10);
  stream.arrivals.states = TwoStates{10, 5 * kSecond};
  const Scenario scenario = scenario_of({stream}, 40'000);
  const auto at = times(all(scenario));
  EXPECT_NEAR(static_cast<double>(at.size()) / 40'000, 10, 0.5);
  EXPECT_EQ(mean_rate_hz(scenario, StreamId(0)), 10);
  // The rate is 10 +- 90/11 with autocorrelation exp(-2 t / 5 s); over a second its integral varies by
  // (90/11)^2 * 2 / 0.4^2 * (0.4 - 1 + exp(-0.4)), on top of the Poisson counts' own mean.
  const double variance = std::pow(90.0 / 11, 2) * 12.5 * (0.4 - 1 + std::exp(-0.4));
  EXPECT_NEAR(dispersion(at, 40'000), 1 + variance / 10, 0.4);
}

TEST(ScenarioArrivals, SwitchedWindowsAreOnForTheirShareOfTime) {
  Stream stream = periodic("a", 20);
  stream.arrivals.windows = WindowsId(0);
  Scenario scenario = scenario_of({stream}, 100'000);
  scenario.windows = {{"bursts", ActivityWindows::Kind::kSwitched, 20 * kSecond, 2 * kSecond, {}, 0}};
  const auto taken = all(scenario);
  const auto at = times(taken);
  EXPECT_NEAR(static_cast<double>(at.size()) / 100'000, 2, 0.15);
  EXPECT_NEAR(mean_rate_hz(scenario, StreamId(0)), 2, 1e-9);
  const auto between = gaps(at);
  // One gap in forty leaves the window: 40 requests in a window of two seconds.
  EXPECT_NEAR(share(between, 0, 0.0526), 1 - 1.0 / 40, 0.005);
  const auto ends = std::count_if(taken.begin(), taken.end(), [](const Arrival& a) { return a.ends_window; });
  EXPECT_NEAR(static_cast<double>(ends), 100'000 / 20.0, 300);
}

TEST(ScenarioArrivals, StreamsOfTheSameWindowsAreActiveTogether) {
  Stream a = periodic("a", 15);
  Stream b = periodic("b", 1);
  a.arrivals.windows = b.arrivals.windows = WindowsId(0);
  Scenario scenario = scenario_of({a, b}, 3600);
  scenario.windows = {{"visits", ActivityWindows::Kind::kRegular, 180 * kSecond, 20 * kSecond, {}, 0.2}};
  const auto taken = all(scenario);
  EXPECT_EQ(times(taken, 0).size() / 300, times(taken, 1).size() / 20);
  for (const double at : times(taken, 1)) {
    const auto first = times(taken, 0);
    EXPECT_TRUE(std::any_of(first.begin(), first.end(), [&](double t) { return std::abs(t - at) < 0.1; })) << at;
  }
  std::vector<double> begins = {times(taken, 0).front()};
  for (const double at : times(taken, 0)) {
    if (at - begins.back() > 21) begins.push_back(at);
  }
  EXPECT_NEAR(static_cast<double>(begins.size()), 20, 1);
  for (const double gap : gaps(begins)) EXPECT_NEAR(gap, 180, 37);
}

TEST(ScenarioArrivals, AWindowOfFiveHertzForASecondHasFiveRequests) {
  Stream stream = periodic("a", 5);
  stream.arrivals.windows = WindowsId(0);
  Scenario scenario = scenario_of({stream}, 1000);
  scenario.windows = {{"phase", ActivityWindows::Kind::kRegular, 80 * kSecond, kSecond, 20 * kSecond, 0}};
  const auto taken = all(scenario);
  ASSERT_EQ(taken.size(), 13U * 5);
  for (std::size_t i = 0; i < taken.size(); ++i) {
    const double start = 20.0 + 80.0 * static_cast<double>(i / 5) + 0.2 * static_cast<double>(i % 5);
    EXPECT_NEAR(times(taken)[i], start + 0.005, 0.00501);
    EXPECT_EQ(taken[i].ends_window, i % 5 == 4);
  }
}

TEST(ScenarioArrivals, PoissonWindowsThatOverlapAreOne) {
  Stream stream = periodic("a", 5);
  stream.arrivals.windows = WindowsId(0);
  Scenario scenario = scenario_of({stream}, 100'000);
  scenario.windows = {{"w", ActivityWindows::Kind::kPoisson, 10 * kSecond, 5 * kSecond, {}, 0}};
  const auto taken = all(scenario);
  const double ends = static_cast<double>(std::count_if(taken.begin(), taken.end(), [](const Arrival& a) { return a.ends_window; }));
  EXPECT_NEAR(ends / 100'000, std::exp(-0.5) / 10, 0.003);
  EXPECT_NEAR(static_cast<double>(taken.size()) / 100'000, 5 * (1 - std::exp(-0.5)), 0.1);
}

TEST(ScenarioArrivals, StepsFollowEachOtherAndStartAgain) {
  Stream stream = periodic("a", 0);
  stream.arrivals.steps = {{{60, {}}, 10 * kSecond}, {{3, {}}, 30 * kSecond}};
  const Scenario scenario = scenario_of({stream}, 80);
  const auto at = times(all(scenario));
  EXPECT_NEAR(share(at, 0, 10) * static_cast<double>(at.size()), 600, 1);
  EXPECT_NEAR(share(at, 10, 40) * static_cast<double>(at.size()), 90, 1);
  EXPECT_NEAR(share(at, 40, 50) * static_cast<double>(at.size()), 600, 1);
  EXPECT_NEAR(mean_rate_hz(scenario, StreamId(0)), 690 / 40.0, 1e-9);
}

TEST(ScenarioArrivals, TracesAreRepeatedToTheCycle) {
  Stream stream;
  stream.name = "a";
  stream.arrivals.kind = ArrivalProcess::Kind::kTrace;
  stream.arrivals.trace =
      std::make_shared<const std::vector<std::int64_t>>(std::vector<std::int64_t>{0, kSecond / 2, kSecond / 2, kSecond, 5 * kSecond});
  const Scenario scenario = scenario_of({stream}, 5);
  EXPECT_EQ(times(all(scenario)), (std::vector<double>{0, 0.5, 0.5, 1}));
  EXPECT_EQ(mean_rate_hz(scenario, StreamId(0)), 1);
}

TEST(ScenarioArrivals, CompletionsTriggerWithTheirProbability) {
  Stream follower;
  follower.name = "b";
  follower.arrivals.kind = ArrivalProcess::Kind::kTriggered;
  follower.arrivals.trigger = Trigger{StreamId(0), false, 0.25, 3, kSecond / 100};
  const Scenario scenario = scenario_of({periodic("a", 10), follower}, 2000);
  const auto taken = all(scenario);
  const auto bursts = times(taken, 1);
  EXPECT_NEAR(static_cast<double>(bursts.size()) / 3, 5000, 4 * std::sqrt(20'000 * 0.25 * 0.75));
  EXPECT_NEAR(mean_rate_hz(scenario, StreamId(1)), 7.5, 1e-9);
  const auto started = times(taken, 0);
  for (std::size_t i = 0; i + 2 < 300; i += 3) {
    EXPECT_TRUE(std::binary_search(started.begin(), started.end(), bursts[i])) << i;
    EXPECT_NEAR(bursts[i + 1] - bursts[i], 0.01, 1e-6);
    EXPECT_NEAR(bursts[i + 2] - bursts[i], 0.02, 1e-6);
  }
}

TEST(ScenarioArrivals, TheEndOfAWindowTriggersABurstAtOnce) {
  Stream leader = periodic("a", 5);
  leader.arrivals.windows = WindowsId(0);
  Stream follower;
  follower.name = "b";
  follower.arrivals.kind = ArrivalProcess::Kind::kTriggered;
  follower.arrivals.trigger = Trigger{StreamId(0), true, 1, 3, 0};
  Scenario scenario = scenario_of({leader, follower}, 100);
  scenario.windows = {{"w", ActivityWindows::Kind::kRegular, 10 * kSecond, kSecond, 0, 0}};
  const auto taken = all(scenario);
  EXPECT_EQ(times(taken, 0).size(), 50U);
  ASSERT_EQ(times(taken, 1).size(), 30U);
  EXPECT_EQ(times(taken, 1)[0], times(taken, 1)[2]);
  EXPECT_EQ(times(taken, 1)[0], times(taken, 0)[4]);
  EXPECT_NEAR(mean_rate_hz(scenario, StreamId(1)), 0.3, 1e-9);
}

TEST(ScenarioArrivals, ATriggerDependsOnTheRequestAndNotOnWhenItCompletes) {
  Stream follower;
  follower.name = "b";
  follower.arrivals.kind = ArrivalProcess::Kind::kTriggered;
  follower.arrivals.trigger = Trigger{StreamId(0), false, 0.5, 1, 0};
  const Scenario scenario = scenario_of({periodic("a", 10), follower}, 10);
  const auto count_with = [&](bool backwards) {
    ScenarioArrivals arrivals(scenario, kClock, 1);
    std::vector<Arrival> requests;
    for (int i = 0; i < 50; ++i) requests.push_back(arrivals.take());
    if (backwards) std::reverse(requests.begin(), requests.end());
    for (const Arrival& request : requests) arrivals.completed(request, Cycles(7 * kClock));
    int triggered = 0;
    while (arrivals.next_at()) triggered += arrivals.take().stream == StreamId(1);
    return triggered;
  };
  EXPECT_EQ(count_with(false), count_with(true));
  EXPECT_GT(count_with(false), 10);
}

TEST(ScenarioArrivals, EventsChangeRatesAndPresence) {
  Stream late = periodic("late", 10);
  late.present = false;
  Scenario scenario = scenario_of({poisson("a", 100), late}, 300);
  scenario.events = {{100 * kSecond, RateChange{StreamId(0), {}, 3}},
                     {100 * kSecond, StreamArrives{StreamId(1)}},
                     {200 * kSecond, RateChange{StreamId(0), Rate{10, {}}, 1}},
                     {200 * kSecond, StreamLeaves{StreamId(1)}}};
  const auto taken = all(scenario);
  const auto at = times(taken, 0);
  const auto count = [&](double from, double to) { return share(at, from, to) * static_cast<double>(at.size()); };
  EXPECT_NEAR(count(0, 100), 10'000, 400);
  EXPECT_NEAR(count(100, 200), 30'000, 700);
  EXPECT_NEAR(count(200, 300), 1000, 130);
  EXPECT_NEAR(static_cast<double>(times(taken, 1).size()), 1000, 1);
  EXPECT_EQ(share(times(taken, 1), 100, 200), 1);
}

TEST(ScenarioArrivals, DeadlinesTakeTurnsAndEventsReplaceThem) {
  Stream stream = periodic("a", 1);
  stream.deadline = {{{kSecond / 10, {}}, {kSecond, {}}}, 10 * kSecond};
  Scenario scenario = scenario_of({stream}, 60);
  scenario.events = {{40 * kSecond, DeadlineChange{StreamId(0), {{{2 * kSecond, {}}}, 0}}},
                     {50 * kSecond, DeadlineChange{StreamId(0), {}}}};
  for (const Arrival& arrival : all(scenario)) {
    const std::int64_t s = arrival.at.count() / kClock;
    if (s >= 50) {
      EXPECT_FALSE(arrival.deadline);
      continue;
    }
    EXPECT_EQ(arrival.deadline, Cycles(s >= 40 ? 2 * kClock : s / 10 % 2 == 0 ? kClock / 10 : kClock)) << s;
  }
  EXPECT_EQ(declared_deadline_ps(scenario, StreamId(0)), kSecond / 10);
}

TEST(ScenarioArrivals, DensityWalksBetweenItsBounds) {
  Stream stream = periodic("a", 10);
  stream.density = DensityProfile{0.6, 0.2, 1, 0.05};
  double before = -1;
  double least = 1;
  double most = 0;
  for (const Arrival& arrival : all(scenario_of({stream}, 1000))) {
    EXPECT_LE(std::abs(arrival.density - (before < 0 ? 0.6 : before)), before < 0 ? 0 : 0.05 + 1e-9);
    before = arrival.density;
    least = std::min(least, before);
    most = std::max(most, before);
  }
  EXPECT_GE(least, 0.2 - 1e-9);
  EXPECT_LT(least, 0.3);
  EXPECT_LE(most, 1 + 1e-9);
  EXPECT_GT(most, 0.9);
}

TEST(ScenarioArrivals, SomeRequestsExitEarly) {
  Stream stream = periodic("a", 100);
  stream.early_exit = EarlyExit{0.5, 0.3};
  const auto taken = all(scenario_of({stream}, 100));
  const auto early = std::count_if(taken.begin(), taken.end(), [](const Arrival& a) { return a.exits_early; });
  EXPECT_NEAR(static_cast<double>(early), 3000, 4 * std::sqrt(10'000 * 0.3 * 0.7));
}

TEST(ScenarioArrivals, TheSeedFixesAStreamWhateverElseTheScenarioHolds) {
  const auto alone = times(all(scenario_of({poisson("a", 5)}, 100), 3));
  EXPECT_EQ(times(all(scenario_of({poisson("b", 50), poisson("a", 5)}, 100), 3), 1), alone);
  EXPECT_NE(times(all(scenario_of({poisson("a", 5)}, 100), 4)), alone);
  EXPECT_NE(times(all(scenario_of({poisson("b", 5)}, 100), 3)), alone);
}

TEST(Scenario, RelativeFiguresAreResolvedByTheLatencyOfTheirNetwork) {
  Stream stream = poisson("a", 0);
  stream.arrivals.rate.utilisation = 0.4;
  stream.deadline = {{{0, 1.2}, {0, 10.0}}, 10 * kSecond};
  Scenario scenario = scenario_of({stream}, 100);
  scenario.events = {{50 * kSecond, PowerCap{{}, 0.8}}, {60 * kSecond, PowerCap{}}};
  EXPECT_FALSE(is_resolved(scenario));
  ASSERT_TRUE(resolve_latencies(scenario, {{kSecond / 50}, {}}));
  EXPECT_NEAR(scenario.streams[0].arrivals.rate.hz, 20, 1e-9);
  EXPECT_EQ(scenario.streams[0].deadline.levels[0].ps, kSecond * 12 / 500);
  EXPECT_EQ(scenario.streams[0].deadline.levels[1].ps, kSecond / 5);
  EXPECT_TRUE(wants_static_power(scenario));
  ASSERT_TRUE(resolve_caps(scenario, {{}, {Power(1'000'000), Power(0)}}));
  EXPECT_TRUE(is_resolved(scenario));
  EXPECT_EQ(std::get<PowerCap>(scenario.events[0].what).watts, Power(800'000));
  EXPECT_FALSE(std::get<PowerCap>(scenario.events[1].what).watts);
}

TEST(Scenario, RefusesARateThatItsLatencyMakesImpossible) {
  Stream stream = poisson("camera", 0);
  stream.arrivals.rate.utilisation = 1;
  Scenario scenario = scenario_of({stream}, 100);
  const Status status = resolve_latencies(scenario, {{1000}, {}});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "stream 'camera': a utilisation of 1 is 1e+09 requests/s, want 1e-06 to 1000000");
}

TEST(Scenario, ACompilerIsToldTheMeanRateUnlessTheScenarioSaysOtherwise) {
  Scenario scenario = scenario_of({poisson("a", 7)}, 100);
  EXPECT_EQ(declared_rate_hz(scenario, StreamId(0)), 7);
  scenario.streams[0].declared.rate = Rate{0.14, {}};
  EXPECT_EQ(declared_rate_hz(scenario, StreamId(0)), 0.14);
  EXPECT_FALSE(declared_deadline_ps(scenario, StreamId(0)));
}

}  // namespace
}  // namespace gatefold
