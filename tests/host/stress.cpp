// Everything that workers do at once, for a sanitizer to watch: two networks served from three threads, some requests led by
// the caller, some with deadlines, some cancelled, while a fourth thread moves both networks between the cores all the time.
// Every result is compared with one thread's. Prints how much happened; exits 1 if a result is wrong or nothing moved.
#include <fmt/format.h>

#include <cstdlib>
#include <string>
#include <thread>

#include "gatefold/base/random.h"
#include "gatefold/host/kernel_files.h"
#include "gatefold/host/workers.h"
#include "host/spin_program.h"

namespace gatefold {
namespace {

constexpr std::int32_t kCores = 2;
constexpr int kThreads = 3;
constexpr int kRequestsPerThread = 4000;

/// Two workers, on two processors where there are two.
HostTopology two_cores() {
  HostTopology topology = read_topology(kCores).value();
  while (topology.cores.size() < kCores) topology.cores.push_back(topology.cores.front());
  return topology;
}

std::unique_ptr<HostNetwork> network_of(Workers& workers, const std::shared_ptr<const HostProgram>& program) {
  auto network = std::make_unique<HostNetwork>();
  std::vector<std::int32_t> parts_max;
  for (std::size_t layer = 0; layer < program->layer_count(); ++layer) parts_max.push_back(program->parts_max(layer));
  network->table = std::make_unique<HostOptionTable>(core_counts(kCores), parts_max);
  for (std::size_t layer = 0; layer < parts_max.size(); ++layer) {
    // As if layers took long enough for every kind of plan to exist.
    for (std::size_t option = 0; option < network->table->options(layer); ++option) {
      network->table->set(layer, option, option == 0 ? 200000.0F : 110000.0F);
    }
  }
  network->allowed = first_cores(kCores);
  for (std::int32_t core = 0; core < kCores; ++core) network->helper_scratch.emplace_back(program->scratch_bytes());
  network->program = program;
  workers.replan(*network);
  return network;
}

struct Tally {
  std::atomic<std::int64_t> completed{0}, cancelled{0}, wrong{0};
};

void serve(Workers& workers, HostNetwork& network, const test::SpinProgram& program, int requests, std::uint64_t seed, Tally& tally) {
  SplitMix64 random(seed);
  // On a busy machine the mover may not get to run before a small number of requests is served.
  const auto moved = [&] { return workers.counters().hand_overs > 0; };
  for (int i = 0; i < requests || (!moved() && i < 100 * requests); ++i) {
    const InputSet inputs = program.inputs(static_cast<std::int64_t>(random.next() % 8));
    HostRequestState* request = workers.acquire();
    request->network = &network;
    request->inputs = inputs;
    request->arrival_ns = now_ns();
    if (random.next() % 2 == 0) request->deadline_ns = request->arrival_ns + static_cast<std::int64_t>(random.next() % 2'000'000);
    if (random.next() % 3 == 0) {
      workers.run(request);
    } else {
      workers.start(request);
      if (random.next() % 4 == 0) workers.cancel(request);
      workers.wait(request);
    }
    ++(request->cancelled ? tally.cancelled : tally.completed);
    if (!request->cancelled) {
      const auto values = request->outputs.at(0).values<std::int64_t>();
      const std::vector<std::int64_t> expected = program.expected(inputs);
      tally.wrong += !std::equal(values.begin(), values.end(), expected.begin(), expected.end());
    }
    workers.recycle(request);
  }
}

int stress(double scale, std::uint64_t seed) {
  Tally tally;
  HostCounters counters;
  {
    Workers workers(two_cores(), wake_model({}, {20000, 2000}));
    const std::vector<std::shared_ptr<test::SpinProgram>> programs{test::spin_program(96, 8, 12), test::spin_program(160, 5, 20)};
    std::vector<std::unique_ptr<HostNetwork>> networks;
    for (const auto& program : programs) networks.push_back(network_of(workers, program));
    std::atomic<bool> stop{false};
    std::thread mover([&] {
      SplitMix64 random(seed + 1);
      while (!stop) {
        workers.confine(*networks[random.next() % 2], 1 + random.next() % 3);
        std::this_thread::sleep_for(std::chrono::microseconds(20));
      }
    });
    std::vector<std::thread> threads;
    const int requests = std::max(20, static_cast<int>(kRequestsPerThread * scale));
    for (int t = 0; t < kThreads; ++t) {
      const auto which = static_cast<std::size_t>(t % 2);
      threads.emplace_back([&, t, which] {
        serve(workers, *networks[which], *programs[which], requests, seed * 100 + static_cast<std::uint64_t>(t), tally);
      });
    }
    for (std::thread& thread : threads) thread.join();
    stop = true;
    mover.join();
    counters = workers.counters();
  }
  fmt::print("figure: {} requests completed, {} cancelled, {} moves, {} hand-overs, {} wakes, {} wrong\n", tally.completed.load(),
             tally.cancelled.load(), counters.moves, counters.hand_overs, counters.wakes, tally.wrong.load());
  return tally.wrong != 0 || tally.completed == 0 || counters.hand_overs == 0;
}

}  // namespace
}  // namespace gatefold

int main(int argc, char** argv) {
  double scale = 1;
  std::uint64_t seed = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--scale") scale = std::strtod(argv[i + 1], nullptr);
    if (std::string(argv[i]) == "--seed") seed = std::strtoull(argv[i + 1], nullptr, 10);
  }
  return gatefold::stress(scale, seed);
}
