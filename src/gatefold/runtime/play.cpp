// The loop of a played scenario: whatever comes first of the next arrival, the next event and the next layer that could start.
#include "gatefold/runtime/play.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>

#include "gatefold/runtime/play_engine.h"
#include "gatefold/runtime/play_trace.h"

namespace gatefold {
namespace {

Error invalid(std::string message) { return Error{ErrorCode::kInvalidInput, std::move(message)}; }

Status check(const Scenario& scenario, const std::vector<std::shared_ptr<const PreparedNetwork>>& networks, const PlayOptions& options,
             const std::vector<InputSet>& inputs) {
  GATEFOLD_REQUIRE(networks.size() == scenario.networks.size() && !networks.empty());
  if (!is_resolved(scenario)) return invalid("the scenario has figures relative to `static` that are not resolved yet");
  if (options.policy == kHindsight) return invalid("policy 'hindsight': for runs of one network; a scenario is played once");
  if (options.timing_only) return Done{};
  if (options.policy == kStaticTrace) return invalid("`static(trace)` plays the requests several times and computes nothing");
  if (inputs.size() != networks.size()) return invalid(fmt::format("{} input sets for {} networks", inputs.size(), networks.size()));
  for (std::size_t n = 0; n < networks.size(); ++n) GATEFOLD_CHECK(check_input_set(networks[n]->graph(), inputs[n]));
  return Done{};
}

/// Whoever decides begins with what costs less at the nominal rates: the whole chip, or a partition of it.
Result<PlayResult> play_policy(const Scenario& scenario, const std::vector<std::shared_ptr<const PreparedNetwork>>& networks,
                               const PlayOptions& options, const std::vector<InputSet>& inputs, const Progress& progress,
                               PlayObserver* observer) {
  auto engine = std::make_unique<PlayEngine>(scenario, networks, options, observer);
  GATEFOLD_CHECK(engine->boot(inputs));
  if (const auto partition = engine->partition(false)) {
    engine = std::make_unique<PlayEngine>(scenario, networks, options, observer);
    GATEFOLD_CHECK(engine->boot(inputs, &*partition));
  }
  GATEFOLD_CHECK(engine->run(progress));
  return engine->finish();
}

}  // namespace

const std::vector<std::string>& play_policy_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all = policy_names();
    all.insert(std::find(all.begin(), all.end(), "static+same") + 1, kStaticTrace);
    return all;
  }();
  return names;
}

const char* name(ShedReason reason) {
  switch (reason) {
    case ShedReason::kTooLate: return "too late";
    case ShedReason::kQueueFull: return "queue full";
    case ShedReason::kNoRoom: return "no room";
  }
  GATEFOLD_REQUIRE(false);
}

Result<PlayResult> play(const Scenario& scenario, const std::vector<std::shared_ptr<const PreparedNetwork>>& networks,
                        const PlayOptions& options, const std::vector<InputSet>& inputs, const Progress& progress, PlayObserver* observer) {
  GATEFOLD_CHECK(check(scenario, networks, options, inputs));
  const auto begin = std::chrono::steady_clock::now();
  GATEFOLD_TRY(PlayResult result, options.policy == kStaticTrace ? play_best_fixed(scenario, networks, options, progress)
                                                                 : play_policy(scenario, networks, options, inputs, progress, observer));
  result.simulate_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

Result<Scenario> resolve(Scenario scenario, const std::vector<std::shared_ptr<const PreparedNetwork>>& networks, std::uint64_t seed) {
  StaticReference reference;
  for (const auto& network : networks) {
    RunOptions alone;
    alone.timing_only = true;
    GATEFOLD_TRY(const RunResult result, run(*network, alone, {}));
    const double seconds = static_cast<double>(result.request_records.front().completion.count()) / static_cast<double>(result.clock_hz);
    reference.latency_ps.push_back(std::llround(seconds * 1e12));
  }
  GATEFOLD_CHECK(resolve_latencies(scenario, reference));
  if (!wants_static_power(scenario)) return scenario;
  reference.power.resize(scenario.events.size());
  for (std::size_t e = 0; e < scenario.events.size(); ++e) {
    const auto* cap = std::get_if<PowerCap>(&scenario.events[e].what);
    if (cap == nullptr || !cap->of_static) continue;
    Scenario before = scenario;
    before.duration_ps = scenario.events[e].at_ps;
    before.events.clear();
    std::copy_if(scenario.events.begin(), scenario.events.end(), std::back_inserter(before.events), [&](const ScenarioEvent& event) {
      return event.at_ps < before.duration_ps && !std::holds_alternative<PowerCap>(event.what);
    });
    GATEFOLD_TRY(const PlayResult result, play(before, networks, {.policy = "static", .seed = seed}));
    const double seconds = static_cast<double>(result.horizon.count()) / static_cast<double>(result.clock_hz);
    reference.power[e] = Power(std::llround(result.energy.total().joules() / seconds * 1e12));
  }
  GATEFOLD_CHECK(resolve_caps(scenario, reference));
  return scenario;
}

}  // namespace gatefold
