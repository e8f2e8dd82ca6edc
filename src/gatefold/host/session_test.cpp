#include "gatefold/host/session.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "host/spin_program.h"

namespace gatefold {
namespace {

using namespace std::chrono_literals;
using test::spin_program;
using test::SpinLayer;
using test::SpinProgram;

HostSession opened(HostOptions options = {}) {
  auto session = HostSession::open(options);
  EXPECT_TRUE(session);
  return std::move(session).value();
}

HostNetworkId loaded(HostSession& session, const std::shared_ptr<const HostProgram>& program) {
  const auto network = session.load(program, "spin");
  EXPECT_TRUE(network);
  return network.value();
}

std::vector<std::int64_t> values_of(const HostCompletion& completion) {
  if (completion.outputs.size() != 1) return {};
  const auto values = completion.outputs[0].values<std::int64_t>();
  return {values.begin(), values.end()};
}

TEST(HostSession, ARequestGivesWhatOneThreadComputes) {
  for (const HostPolicy policy : {HostPolicy::kFewestCores, HostPolicy::kAllCores, HostPolicy::kOneCore}) {
    HostSession session = opened({.policy = policy});
    const auto program = spin_program();
    const HostNetworkId network = loaded(session, program);
    for (std::int64_t seed = 0; seed < 20; ++seed) {
      const InputSet inputs = program->inputs(seed);
      auto request = session.submit(network, inputs);
      ASSERT_TRUE(request);
      const HostCompletion submitted = request.value().wait();
      EXPECT_FALSE(submitted.cancelled);
      EXPECT_EQ(values_of(submitted), program->expected(inputs));
      const auto led = session.run(network, inputs);
      ASSERT_TRUE(led);
      EXPECT_EQ(values_of(led.value()), program->expected(inputs));
    }
  }
}

TEST(HostSession, ANetworkWithoutLayersHandsItsInputsThrough) {
  HostSession session = opened();
  const auto program = std::make_shared<SpinProgram>(4, std::vector<SpinLayer>{});
  const auto done = session.run(loaded(session, program), program->inputs(3));
  ASSERT_TRUE(done);
  EXPECT_EQ(values_of(done.value()), program->expected(program->inputs(3)));
}

TEST(HostSession, InputsThatDoNotFitAndDeadlinesOfNothingAreRefused) {
  HostSession session = opened();
  const auto program = spin_program();
  const HostNetworkId network = loaded(session, program);
  EXPECT_EQ(session.submit(network, {}).error().message, "0 inputs; the network wants 1");
  const auto wrong = session.run(network, {Tensor::splat<float>(Shape{3}, 0).dense()});
  EXPECT_EQ(wrong.error().message, "input 'a0': found float32 [3], wanted int64 [512]");
  const auto late = session.run(network, program->inputs(1), {.deadline = 0ns});
  EXPECT_EQ(late.error().message, "a deadline of 0 ns; wanted more than nothing");
  EXPECT_EQ(session.confine(network, 0).error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(HostSession::open({.cores_max = 0}).error().message, "0 cores; wanted at least 1");
}

TEST(HostSession, CoresMaxLimitsTheWorkersAndThePlans) {
  HostSession session = opened({.cores_max = 1});
  EXPECT_EQ(session.topology().cores.size(), 1U);
  const HostNetworkId network = loaded(session, spin_program());
  for (const std::int32_t parts : session.facts(network).parts) EXPECT_EQ(parts, 1);
}

TEST(HostSession, AWaitingRequestIsCancelledAtOnceAndARunningOneAtItsNextBoundary) {
  HostSession session = opened({.cores_max = 1});
  const auto slow = spin_program(20000, 40, 100);
  const HostNetworkId network = loaded(session, slow);
  auto running = session.submit(network, slow->inputs(1));
  auto waiting = session.submit(network, slow->inputs(2));
  waiting.value().cancel();
  running.value().cancel();
  EXPECT_TRUE(waiting.value().wait().cancelled);
  const HostCompletion first = running.value().wait();
  EXPECT_TRUE(first.cancelled);
  EXPECT_TRUE(first.outputs.empty());
  const auto after = session.run(network, slow->inputs(3));
  EXPECT_EQ(values_of(after.value()), slow->expected(slow->inputs(3)));
}

TEST(HostSession, ADeadlineThatCannotBeMetIsMissedAndSaidSo) {
  HostSession session = opened();
  const auto program = spin_program();
  const HostNetworkId network = loaded(session, program);
  const auto late = session.run(network, program->inputs(1), {.deadline = 1ns});
  ASSERT_TRUE(late);
  EXPECT_TRUE(late.value().deadline_missed);
  EXPECT_EQ(values_of(late.value()), program->expected(program->inputs(1)));
  EXPECT_FALSE(session.run(network, program->inputs(1), {.deadline = 100s}).value().deadline_missed);
  const auto early = std::chrono::steady_clock::now() - 5s;
  EXPECT_GE(session.run(network, program->inputs(1), {.arrival = early}).value().latency, 5s);
}

TEST(HostSession, TheEarliestDeadlineIsTakenFirst) {
  HostSession session = opened({.cores_max = 1});
  const auto program = spin_program(5000, 12, 100);
  const HostNetworkId network = loaded(session, program);
  const auto arrival = std::chrono::steady_clock::now();
  std::vector<HostRequest> requests;
  for (const auto deadline : {1000s, 900s, 100s, 500s}) {
    auto request = session.submit(network, program->inputs(1), {.deadline = deadline, .arrival = arrival});
    requests.push_back(std::move(request).value());
  }
  std::vector<std::chrono::nanoseconds> latency;
  for (HostRequest& request : requests) latency.push_back(request.wait().latency);
  // The first may have begun before the others came.
  EXPECT_LT(latency[2], latency[3]);
  EXPECT_LT(latency[3], latency[1]);
}

TEST(HostSession, RequestsOfTwoNetworksFromManyThreadsComplete) {
  HostSession session = opened();
  const std::vector<std::shared_ptr<SpinProgram>> programs{spin_program(300, 9, 20), spin_program(700, 5, 40)};
  const std::vector<HostNetworkId> networks{loaded(session, programs[0]), loaded(session, programs[1])};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const SpinProgram& program = *programs[t % 2];
      for (std::int64_t i = 0; i < 40; ++i) {
        const InputSet inputs = program.inputs(i + static_cast<std::int64_t>(t) * 1000);
        if (i % 3 == 0) {
          wrong += values_of(session.run(networks[t % 2], inputs).value()) != program.expected(inputs);
          continue;
        }
        HostRequest request = std::move(session.submit(networks[t % 2], inputs, {.deadline = 1ms})).value();
        if (i % 5 == 0) request.cancel();
        const HostCompletion done = request.wait();
        wrong += !done.cancelled && values_of(done) != program.expected(inputs);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(HostSession, MovingBetweenCoresUnderLoadLosesAndCorruptsNothing) {
  HostSession session = opened();
  if (session.topology().cores.size() < 2) GTEST_SKIP() << "one core: nothing to move to";
  const auto program = spin_program(2000, 16, 40);
  const HostNetworkId network = loaded(session, program);
  std::atomic<bool> stop{false};
  std::thread mover([&] {
    for (int i = 0; !stop; ++i) {
      ASSERT_TRUE(session.confine(network, i % 3 == 0 ? 0b11 : i % 3 == 1 ? 0b10 : 0b01));
      std::this_thread::sleep_for(50us);
    }
  });
  const InputSet inputs = program->inputs(7);
  const auto expected = program->expected(inputs);
  int completed = 0;
  for (int i = 0; i < 200 || (session.counters().hand_overs < 50 && i < 20000); ++i) {
    auto first = session.submit(network, inputs);
    auto second = session.submit(network, inputs);
    completed += values_of(session.run(network, inputs).value()) == expected;
    completed += values_of(first.value().wait()) == expected;
    completed += values_of(second.value().wait()) == expected;
    if (completed != 3 * (i + 1)) break;
  }
  stop = true;
  mover.join();
  EXPECT_EQ(completed % 3, 0);
  EXPECT_GE(completed, 600);
  EXPECT_GE(session.counters().hand_overs, 50);
}

TEST(HostSession, AfterARequestEveryCoreSleeps) {
  HostSession session = opened();
  const auto program = spin_program();
  const HostNetworkId network = loaded(session, program);
  ASSERT_TRUE(session.run(network, program->inputs(1)));
  std::this_thread::sleep_for(20ms);
  const HostCounters before = session.counters();
  std::this_thread::sleep_for(50ms);
  const HostCounters after = session.counters();
  EXPECT_EQ(after.busy_s, before.busy_s);
  EXPECT_EQ(after.spin_s, before.spin_s);
  EXPECT_EQ(after.wakes, before.wakes);
  EXPECT_GT(after.asleep_s, before.asleep_s + 0.04);
}

TEST(HostSession, ARequestOutlivesTheSessionObject) {
  const auto program = spin_program();
  std::optional<HostRequest> request;
  {
    HostSession session = opened();
    request = std::move(session.submit(loaded(session, program), program->inputs(5))).value();
  }
  EXPECT_EQ(values_of(request->wait()), program->expected(program->inputs(5)));
}

}  // namespace
}  // namespace gatefold
