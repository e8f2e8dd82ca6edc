#include "gatefold/runtime/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "gatefold/base/random.h"
#include "gatefold/runtime/session.h"

namespace gatefold {
namespace {

Error invalid(std::string message) { return Error{ErrorCode::kInvalidInput, std::move(message)}; }

Status check_inputs(const LayerGraph& graph, const RunOptions& options, const std::vector<InputSet>& inputs) {
  if (options.timing_only) return Done{};
  if (inputs.size() != 1 && static_cast<std::int64_t>(inputs.size()) != options.arrivals.count) {
    return invalid(fmt::format("{} input sets for {} requests; wanted one, or one per request", inputs.size(), options.arrivals.count));
  }
  for (const InputSet& set : inputs) GATEFOLD_CHECK(check_input_set(graph, set));
  return Done{};
}

}  // namespace

Status check_input_set(const LayerGraph& graph, const InputSet& set) {
  if (set.size() != graph.inputs.size()) return invalid(fmt::format("{} inputs; the network wants {}", set.size(), graph.inputs.size()));
  for (std::size_t i = 0; i < set.size(); ++i) {
    const Activation& wanted = graph.activation(graph.inputs[i]);
    if (set[i].type() == wanted.type && set[i].shape() == wanted.shape) continue;
    return invalid(fmt::format("input '{}': found {} {}, wanted {} {}", wanted.name, name(set[i].type()), set[i].shape().text(),
                               name(wanted.type), wanted.shape.text()));
  }
  return Done{};
}

const std::vector<std::string>& policy_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> made;
    for (const PolicyEntry& entry : policy_table()) made.emplace_back(entry.name);
    return made;
  }();
  return names;
}

Result<std::unique_ptr<Policy>> make_policy(const std::string& wanted) {
  for (const PolicyEntry& entry : policy_table()) {
    if (entry.name == wanted) return entry.make();
  }
  return invalid(fmt::format("policy '{}': unknown; wanted one of {}", wanted, fmt::join(policy_names(), ", ")));
}

DeclaredStream declared_stream(const PreparedNetwork& network, const StaticPlan& plan, const RunOptions& options) {
  DeclaredStream declared{std::nullopt, plan.reference_total};
  if (options.arrivals.rate_hz) {
    declared.period = Cycles(static_cast<std::int64_t>(static_cast<double>(network.spec().clock_hz) / *options.arrivals.rate_hz));
  }
  return declared;
}

namespace {

/// Serves all requests once.
Result<RunResult> serve_all(const PreparedNetwork& network, const StaticPlan& plan, Policy& policy, const RunOptions& options,
                            const std::vector<InputSet>& inputs, Executor* executor, const Progress& progress) {
  const auto gap_rules = make_gap_rules(policy.gap_rule(), network.spec(), {declared_stream(network, plan, options)});
  SharedChip chip(network.spec(), policy.scope(), options.events, options.record_profile);
  chip.chip().gating().follow(gap_rules.get());
  Session session(network, plan, policy, options, executor, chip);
  GATEFOLD_CHECK(session.boot());

  const auto begin = std::chrono::steady_clock::now();
  SplitMix64 random(options.seed);
  double poisson_seconds = 0;
  Cycles horizon;
  for (std::int64_t r = 0; r < options.arrivals.count; ++r) {
    Cycles arrival = session.last_completion();
    if (options.arrivals.every) arrival = *options.arrivals.every * r;
    if (options.arrivals.rate_hz) {
      poisson_seconds += -std::log(random.uniform()) / *options.arrivals.rate_hz;
      arrival = Cycles(static_cast<std::int64_t>(poisson_seconds * static_cast<double>(network.spec().clock_hz)));
    }
    const InputSet* set = options.timing_only ? nullptr : &inputs[inputs.size() == 1 ? 0 : static_cast<std::size_t>(r)];
    GATEFOLD_CHECK(session.serve(arrival, !options.arrivals.rate_hz, set));
    if (progress) progress(r + 1, options.arrivals.count);
  }
  horizon = session.last_completion();
  if (options.arrivals.every) horizon = std::max(horizon, *options.arrivals.every * options.arrivals.count);
  RunResult result = session.finish(horizon);
  result.requests = options.arrivals.count;
  result.simulate_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (plan.bound) result.bound = BoundRecord{plan.bound_kind, *plan.bound, plan.reached};
  result.live_ratio = policy.live_ratio();
  return result;
}

}  // namespace

Result<RunResult> run(const PreparedNetwork& network, const RunOptions& options, const std::vector<InputSet>& inputs,
                      const Progress& progress) {
  GATEFOLD_TRY(const std::unique_ptr<Policy> policy, make_policy(options.policy));
  GATEFOLD_CHECK(check_inputs(network.graph(), options, inputs));
  if (options.arrivals.count < 1) return invalid(fmt::format("{} requests; wanted at least 1", options.arrivals.count));
  StaticPlan with_deadline;
  const StaticPlan* plan = &network.plan();
  if (options.deadline && plan->reference_total > *options.deadline) {
    GATEFOLD_TRY(with_deadline, plan_static(network.table(), options.deadline));
    plan = &with_deadline;
  }
  std::optional<Executor> executor;
  if (!options.timing_only) {
    GATEFOLD_TRY(executor, Executor::make(network, options.numerics));
  }
  for (;;) {
    auto result = serve_all(network, *plan, *policy, options, inputs, executor ? &*executor : nullptr, progress);
    if (!result || !policy->rewind()) return result;
  }
}

}  // namespace gatefold
