// Two measurements of the host, for docs/claims.md:
//
//     gatefold_host_measure moves [--scale S]          a network is moved from cores {0, 1} to {1} and back 10,000 times while it
//                                                      serves requests: no result may be lost or wrong; what a move costs
//     gatefold_host_measure interference [--scale S]   latency with another process busy on core 0, against that on core 1
//                                                      alone; both in turn, several times
//
// At --scale 1 times are judged; below that (in tests) only that nothing is lost or wrong.
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>

#include "gatefold/host/kernel_files.h"
#include "gatefold/host/session.h"
#include "graph/model_builder.h"

namespace gatefold {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kMoves = 10'000;
constexpr double kMoveNsMax = 50'000;
constexpr int kRounds = 9;
constexpr int kRequestsPerRound = 1000;
constexpr double kInterferenceMax = 1.2;

/// Convolutions worth splitting, some 0.2 ms in all.
LayerGraph conv_chain() {
  test::ModelBuilder builder;
  ValueId x = builder.input("x", Shape{1, 32, 28, 28});
  for (int i = 0; i < 6; ++i) {
    Conv conv;
    conv.window.kernel = {3, 3};
    conv.window.pads = {1, 1, 1, 1};
    x = builder.relu("relu" + std::to_string(i), builder.node("conv" + std::to_string(i), conv, {x, builder.weights(Shape{32, 32, 3, 3})}));
  }
  builder.output(x);
  return build_layer_graph(builder.model()).value();
}

InputSet inputs_of(const LayerGraph& graph) {
  const Activation& input = graph.activation(graph.inputs[0]);
  std::vector<float> values(static_cast<std::size_t>(input.shape.elements()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 97) / 97;
  return {Tensor::of<float>(input.shape, std::span<const float>(values))};
}

bool same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  if (a.size() != b.size() || a.empty()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].shape() != b[i].shape()) return false;
    const auto size = static_cast<std::size_t>(a[i].shape().elements() * element_size(a[i].type()));
    if (std::memcmp(a[i].view().bytes, b[i].view().bytes, size) != 0) return false;
  }
  return true;
}

std::int64_t percentile(std::vector<std::int64_t>& ns, double share) {
  if (ns.empty()) return 0;
  std::sort(ns.begin(), ns.end());
  return ns[static_cast<std::size_t>(share * static_cast<double>(ns.size() - 1))];
}

struct Serving {
  HostSession session;
  HostNetworkId network;
  InputSet inputs;
  std::vector<Tensor> expected;
};

std::optional<Serving> start_serving(HostPolicy policy) {
  HostOptions options;
  options.policy = policy;
  auto session = HostSession::open(options);
  const auto graph = std::make_shared<const LayerGraph>(conv_chain());
  if (!session) return std::nullopt;
  if (session.value().topology().cores.size() < 2) {
    fmt::print("figure: one core, nothing to measure\n");
    return std::nullopt;
  }
  const auto network = session.value().load(graph, Numerics::kInteger);
  if (!network) return std::nullopt;
  Serving serving{std::move(session).value(), network.value(), inputs_of(*graph), {}};
  serving.expected = serving.session.run(serving.network, serving.inputs).value().outputs;
  return serving;
}

int moves(double scale) {
  // With this policy every core that is permitted is used, so every change is a move.
  auto serving = start_serving(HostPolicy::kAllCores);
  if (!serving) return 1;
  HostSession& session = serving->session;
  const auto wanted = static_cast<std::int64_t>(kMoves * scale);
  std::int64_t requests = 0;
  std::int64_t wrong = 0;
  bool both = true;
  const std::int64_t until = now_ns() + 300'000'000'000;
  for (; session.counters().moves < wanted && now_ns() < until; ++requests) {
    auto request = session.submit(serving->network, serving->inputs);
    // Two changes while the request runs.
    for (int change = 0; change < 2; ++change) {
      std::this_thread::sleep_for(60us);
      both = !both;
      (void)session.confine(serving->network, both ? 0b11 : 0b10);
    }
    wrong += !same(request.value().wait().outputs, serving->expected);
  }
  const HostCounters counters = session.counters();
  std::vector<std::int64_t> ns = session.move_times();
  const double p50 = static_cast<double>(percentile(ns, 0.5));
  const double p99 = static_cast<double>(percentile(ns, 0.99));
  fmt::print("figure: {} moves ({} of the leading core) in {} requests, {} lost or wrong; a move costs p50 {:.1f} us, p99 {:.1f} us\n",
             counters.moves, counters.hand_overs, requests, wrong, p50 / 1000, p99 / 1000);
  const bool quick = scale < 1 || p99 <= kMoveNsMax;
  return wrong != 0 || counters.moves < wanted || !quick;
}

/// A process that keeps one processor busy until it is ended.
pid_t busy_process(std::int32_t cpu) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)pin_this_thread(cpu);
  while (true) pause_briefly();
}

void end(pid_t process) {
  ::kill(process, SIGKILL);
  int status = 0;
  ::waitpid(process, &status, 0);
}

/// Latencies of requests one after another, without the first tenth: a profile needs some periods to see a process that has
/// just begun.
bool serve_round(Serving& serving, int requests, std::vector<std::int64_t>& ns) {
  for (int i = 0; i < requests; ++i) {
    const auto done = serving.session.run(serving.network, serving.inputs);
    if (!done || !same(done.value().outputs, serving.expected)) return false;
    if (i >= requests / 10) ns.push_back(done.value().latency.count());
  }
  return true;
}

int interference(double scale) {
  const auto topology = read_topology(std::nullopt);
  if (!topology) return 1;
  auto serving = start_serving(HostPolicy::kFewestCores);
  if (!serving) return 1;
  const int requests = std::max(20, static_cast<int>(kRequestsPerRound * scale));
  std::vector<std::int64_t> alone;
  std::vector<std::int64_t> beside;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::int64_t> ns;
    (void)serving->session.confine(serving->network, 0b10);
    if (!serve_round(*serving, requests, ns)) return 1;
    alone.push_back(percentile(ns, 0.99));
    ns.clear();
    (void)serving->session.confine(serving->network, 0b11);
    const pid_t process = busy_process(topology.value().cores[0].cpu);
    const bool sound = serve_round(*serving, requests, ns);
    end(process);
    if (!sound) return 1;
    beside.push_back(percentile(ns, 0.99));
  }
  // The median over the rounds: a machine that others use as well has rounds in which neither is what it would be.
  const auto beside_ns = static_cast<double>(percentile(beside, 0.5));
  const auto alone_ns = static_cast<double>(percentile(alone, 0.5));
  const double ratio = beside_ns / alone_ns;
  fmt::print("figure: p99 {:.3f} ms beside a busy process, {:.3f} ms alone on core 1: {:.3f} x (medians of {} rounds)\n", beside_ns / 1e6,
             alone_ns / 1e6, ratio, kRounds);
  return scale >= 1 && ratio > kInterferenceMax;
}

}  // namespace
}  // namespace gatefold

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  double scale = 1;
  for (int i = 2; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--scale") scale = std::strtod(argv[i + 1], nullptr);
  }
  if (what == "moves") return gatefold::moves(scale);
  if (what == "interference") return gatefold::interference(scale);
  fmt::print(stderr, "usage: gatefold_host_measure moves|interference [--scale S]\n");
  return 2;
}
