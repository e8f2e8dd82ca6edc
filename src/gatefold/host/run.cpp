#include "gatefold/host/run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <thread>

#include "gatefold/base/random.h"

namespace gatefold {
namespace {

using Clock = std::chrono::steady_clock;

struct NamedPolicy {
  const char* name;
  HostPolicy policy;
};
constexpr std::array<NamedPolicy, 3> kPolicies{
    {{"fewest-cores", HostPolicy::kFewestCores}, {"all-cores", HostPolicy::kAllCores}, {"one-core", HostPolicy::kOneCore}}};

Result<HostPolicy> policy_named(const std::string& wanted) {
  for (const NamedPolicy& entry : kPolicies) {
    if (entry.name == wanted) return entry.policy;
  }
  return Error{ErrorCode::kInvalidInput,
               fmt::format("policy '{}': unknown on the host; wanted one of {}", wanted, fmt::join(host_policy_names(), ", "))};
}

HostCounters difference(const HostCounters& after, const HostCounters& before) {
  return {after.busy_s - before.busy_s, after.spin_s - before.spin_s, after.asleep_s - before.asleep_s,
          after.wakes - before.wakes,   after.moves - before.moves,   after.hand_overs - before.hand_overs};
}

/// The instants at which requests are due, in nanoseconds from the first; empty: closed loop.
std::vector<std::int64_t> due_times(const HostRunOptions& options) {
  std::vector<std::int64_t> due;
  const HostArrivals& arrivals = options.arrivals;
  if (!arrivals.every_ns && !arrivals.rate_hz) return due;
  SplitMix64 random(options.seed);
  double seconds = 0;
  for (std::int64_t r = 0; r < arrivals.count; ++r) {
    if (arrivals.rate_hz) seconds += -std::log(random.uniform()) / *arrivals.rate_hz;
    due.push_back(arrivals.every_ns ? *arrivals.every_ns * r : static_cast<std::int64_t>(seconds * 1e9));
  }
  return due;
}

std::vector<HostLayerRecord> layer_records(const LayerGraph& graph, const HostNetworkFacts& facts) {
  std::vector<HostLayerRecord> records;
  for (std::size_t layer = 0; layer < facts.ns.size(); ++layer) {
    records.push_back({graph.layers[layer].name, std::string(name(graph.layers[layer].op)), facts.parts[layer],
                       static_cast<double>(facts.ns[layer]) / 1e9});
  }
  return records;
}

Status serve(HostSession& session, HostNetworkId network, const LayerGraph& graph, const HostRunOptions& options,
             const std::vector<InputSet>& inputs, const Progress& progress, HostRunResult& result) {
  const std::vector<std::int64_t> due = due_times(options);
  const Clock::time_point begin = Clock::now();
  for (std::int64_t r = 0; r < options.arrivals.count; ++r) {
    const auto index = static_cast<std::size_t>(r);
    HostRequestOptions request;
    if (options.deadline_ns) request.deadline = std::chrono::nanoseconds(*options.deadline_ns);
    if (!due.empty()) {
      request.arrival = begin + std::chrono::nanoseconds(due[index]);
      std::this_thread::sleep_until(*request.arrival);
    }
    GATEFOLD_TRY(HostCompletion done, session.run(network, inputs[inputs.size() == 1 ? 0 : index], request));
    ++result.completed;
    result.deadline_misses += done.deadline_missed ? 1 : 0;
    result.latency_ns.push_back(done.latency.count());
    std::vector<OutputRecord> outputs;
    for (std::size_t i = 0; i < done.outputs.size(); ++i) outputs.push_back({graph.outputs[i].name, std::move(done.outputs[i])});
    result.outputs.push_back(std::move(outputs));
    if (progress) progress(r + 1, options.arrivals.count);
  }
  result.elapsed_s = std::chrono::duration<double>(Clock::now() - begin).count();
  return Done{};
}

}  // namespace

const std::vector<std::string>& host_policy_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> made;
    for (const NamedPolicy& entry : kPolicies) made.emplace_back(entry.name);
    return made;
  }();
  return names;
}

Result<HostRunResult> host_run(std::shared_ptr<const LayerGraph> graph, const HostRunOptions& options, const std::vector<InputSet>& inputs,
                               const Progress& progress) {
  const std::int64_t count = options.arrivals.count;
  GATEFOLD_TRY(const HostPolicy policy, policy_named(options.policy));
  if (count < 1) return Error{ErrorCode::kInvalidInput, fmt::format("{} requests; wanted at least 1", count)};
  if (inputs.size() != 1 && static_cast<std::int64_t>(inputs.size()) != count) {
    return Error{ErrorCode::kInvalidInput,
                 fmt::format("{} input sets for {} requests; wanted one, or one per request", inputs.size(), count)};
  }
  const Clock::time_point begin = Clock::now();
  GATEFOLD_TRY(HostSession session, HostSession::open({options.cores_max, policy, options.calibration_folder}));
  GATEFOLD_TRY(const HostNetworkId network, session.load(graph, options.numerics));
  HostRunResult result;
  result.load_s = std::chrono::duration<double>(Clock::now() - begin).count();
  result.policy = options.policy;
  result.requests = count;
  result.cpu = session.topology().cpu_name;
  result.cluster_count = session.topology().cluster_count;
  result.core_count = static_cast<std::int32_t>(session.topology().cores.size());
  result.wake_ns = session.wake().cost.latency_ns;
  result.break_even_ns = session.wake().break_even_ns;

  RaplMeter meter;
  const HostCounters before = session.counters();
  GATEFOLD_CHECK(serve(session, network, *graph, options, inputs, progress, result));
  result.used = difference(session.counters(), before);
  if (options.power) result.energy = energy_of(*options.power, result.used);
  else if (meter.available()) result.energy = HostEnergy{"rapl", meter.joules(), {}, {}, {}};
  for (std::int32_t core = 0; core < result.core_count; ++core) result.cores.push_back(session.profile().core(core));
  result.machine = session.profile().machine();
  result.move_ns = session.move_times();
  const HostNetworkFacts facts = session.facts(network);
  result.calibration = facts.calibration;
  result.layers = layer_records(*graph, facts);
  GATEFOLD_CHECK(session.keep_calibration());
  return result;
}

}  // namespace gatefold
