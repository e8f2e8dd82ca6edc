// Figures relative to `static` become absolute ones; and what a compiler is told of a stream.
#include "gatefold/runtime/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "gatefold/base/contract.h"

namespace gatefold {
namespace {

constexpr double kPicosecondsPerSecond = 1e12;
constexpr double kRateMin = 1e-6;  // Hz: a request in twelve days
constexpr double kRateMax = 1e6;

double seconds(std::int64_t ps) { return static_cast<double>(ps) / kPicosecondsPerSecond; }

/// Calls `visit` with every rate and every deadline of the scenario, with the stream that they belong to.
template <class S, class VisitRate, class VisitDeadline>
void visit_figures(S& scenario, const VisitRate& visit_rate, const VisitDeadline& visit_deadline) {
  for (std::size_t i = 0; i < scenario.streams.size(); ++i) {
    auto& stream = scenario.streams[i];
    visit_rate(StreamId(i), stream.arrivals.rate);
    for (auto& step : stream.arrivals.steps) visit_rate(StreamId(i), step.rate);
    if (stream.declared.rate) visit_rate(StreamId(i), *stream.declared.rate);
    visit_deadline(StreamId(i), stream.deadline);
  }
  for (auto& event : scenario.events) {
    if (auto* change = std::get_if<RateChange>(&event.what); change != nullptr && change->rate) visit_rate(change->stream, *change->rate);
    if (auto* change = std::get_if<DeadlineChange>(&event.what)) visit_deadline(change->stream, change->deadline);
  }
}

/// Windows per second, overlapping ones as one, and the share of time that they cover. Starts of a Poisson process with
/// windows of length d find nobody in with probability exp(-d / every): the M/G/infinity queue.
struct WindowShares {
  double starts_hz;
  double covered;
};
WindowShares shares(const ActivityWindows& windows) {
  const double every = seconds(windows.every_ps);
  const double on = seconds(windows.on_ps);
  if (windows.kind != ActivityWindows::Kind::kPoisson) return {1 / every, on / every};
  return {std::exp(-on / every) / every, 1 - std::exp(-on / every)};
}

/// Windows or bursts of a stream per second.
double bursts_hz(const Scenario& scenario, StreamId id) {
  const ArrivalProcess& arrivals = scenario.stream(id).arrivals;
  if (arrivals.windows) return shares(scenario.windows[arrivals.windows->at()]).starts_hz;
  GATEFOLD_REQUIRE(arrivals.trigger.has_value());
  return mean_rate_hz(scenario, id) / static_cast<double>(arrivals.trigger->count);
}

}  // namespace

bool is_resolved(const Scenario& scenario) {
  bool resolved = !wants_static_power(scenario);
  visit_figures(
      scenario, [&](StreamId, const Rate& rate) { resolved = resolved && !rate.utilisation; },
      [&](StreamId, const Deadline& deadline) {
        for (const RelativeTime& level : deadline.levels) resolved = resolved && !level.of_reference;
      });
  return resolved;
}

bool wants_static_power(const Scenario& scenario) {
  return std::any_of(scenario.events.begin(), scenario.events.end(), [](const ScenarioEvent& event) {
    const auto* cap = std::get_if<PowerCap>(&event.what);
    return cap != nullptr && cap->of_static;
  });
}

Status resolve_latencies(Scenario& scenario, const StaticReference& reference) {
  GATEFOLD_REQUIRE(reference.latency_ps.size() == scenario.networks.size());
  std::optional<Error> first;
  const auto latency = [&](StreamId id) { return static_cast<double>(reference.latency_ps[scenario.stream(id).network.at()]); };
  const auto refuse = [&](StreamId id, const std::string& what) {
    if (!first) first = Error{ErrorCode::kInvalidInput, fmt::format("stream '{}': {}", scenario.stream(id).name, what)};
  };
  visit_figures(
      scenario,
      [&](StreamId id, Rate& rate) {
        if (!rate.utilisation) return;
        rate.hz = *rate.utilisation / latency(id) * kPicosecondsPerSecond;
        if (!(rate.hz >= kRateMin && rate.hz <= kRateMax)) {
          refuse(id,
                 fmt::format("a utilisation of {} is {:.4g} requests/s, want {} to {}", *rate.utilisation, rate.hz, kRateMin, kRateMax));
        }
        rate.utilisation.reset();
      },
      [&](StreamId id, Deadline& deadline) {
        for (RelativeTime& level : deadline.levels) {
          if (!level.of_reference) continue;
          const double ps = std::ceil(*level.of_reference * latency(id));
          if (ps >= 1 && ps <= static_cast<double>(kScenarioTimeMax)) level.ps = static_cast<std::int64_t>(ps);
          else
            refuse(id, fmt::format("a deadline of {} T_ref is {:.4g} s, want more than 0 and at most 1e6", *level.of_reference, ps / 1e12));
          level.of_reference.reset();
        }
      });
  if (first) return *std::move(first);
  return Done{};
}

Status resolve_caps(Scenario& scenario, const StaticReference& reference) {
  for (std::size_t i = 0; i < scenario.events.size(); ++i) {
    auto* cap = std::get_if<PowerCap>(&scenario.events[i].what);
    if (cap == nullptr || !cap->of_static) continue;
    GATEFOLD_REQUIRE(i < reference.power.size());
    const double picowatts = *cap->of_static * static_cast<double>(reference.power[i].count());
    if (!(picowatts >= 1 && picowatts < 9e18)) {
      return Error{ErrorCode::kInvalidInput,
                   fmt::format("a cap of {} of static is {:.4g} W, want more than 0 and at most 9e6", *cap->of_static, picowatts / 1e12)};
    }
    cap->watts = Power(static_cast<std::int64_t>(picowatts));
    cap->of_static.reset();
  }
  return Done{};
}

double mean_rate_hz(const Scenario& scenario, StreamId id) {
  const ArrivalProcess& arrivals = scenario.stream(id).arrivals;
  switch (arrivals.kind) {
    case ArrivalProcess::Kind::kTrace: return static_cast<double>(arrivals.trace->size()) / seconds(scenario.duration_ps);
    case ArrivalProcess::Kind::kTriggered: {
      const Trigger& trigger = *arrivals.trigger;
      const double rolls_hz = trigger.each_window ? bursts_hz(scenario, trigger.after) : mean_rate_hz(scenario, trigger.after);
      return rolls_hz * trigger.probability * static_cast<double>(trigger.count);
    }
    case ArrivalProcess::Kind::kPeriodic:
    case ArrivalProcess::Kind::kPoisson: break;
  }
  double rate = arrivals.rate.hz;
  if (!arrivals.steps.empty()) {
    double requests = 0;
    double time = 0;
    for (const RateStep& step : arrivals.steps) {
      requests += step.rate.hz * seconds(step.for_ps);
      time += seconds(step.for_ps);
    }
    rate = requests / time;
  }
  return arrivals.windows ? rate * shares(scenario.windows[arrivals.windows->at()]).covered : rate;
}

double declared_rate_hz(const Scenario& scenario, StreamId id) {
  const std::optional<Rate>& declared = scenario.stream(id).declared.rate;
  return declared ? declared->hz : mean_rate_hz(scenario, id);
}

std::optional<std::int64_t> declared_deadline_ps(const Scenario& scenario, StreamId id) {
  const std::vector<RelativeTime>& levels = scenario.stream(id).deadline.levels;
  if (levels.empty()) return std::nullopt;
  return std::min_element(levels.begin(), levels.end(), [](const RelativeTime& a, const RelativeTime& b) { return a.ps < b.ps; })->ps;
}

}  // namespace gatefold
