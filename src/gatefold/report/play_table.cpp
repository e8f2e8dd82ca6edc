// Tables of plays, and the figures over all streams and the notes that both reports print.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "gatefold/report/chip_rows.h"
#include "gatefold/report/figures.h"
#include "gatefold/report/grid.h"
#include "gatefold/report/play_report.h"

namespace gatefold {
namespace {

std::string latency_text(const LatencyHistogram& latency, double share, std::int64_t clock_hz) {
  if (latency.count() == 0) return "-";
  return seconds_text(seconds(share < 1 ? latency.quantile(share) : latency.max(), clock_hz));
}

std::string deadline_text(const Deadline& deadline) {
  std::vector<std::string> levels;
  for (const RelativeTime& level : deadline.levels) levels.push_back(seconds_text(static_cast<double>(level.ps) / 1e12));
  return levels.empty() ? "none" : fmt::format("{}", fmt::join(levels, ", "));
}

std::string policy_text(const ReportedPlay& play) {
  const std::string& alias = play.context.alias;
  return alias.empty() || alias == play.result.policy ? play.result.policy : fmt::format("{} (asked for as {})", play.result.policy, alias);
}

void add_head(Grid& grid, const ReportedPlay& play) {
  grid.add({"scenario", play.scenario.name + (play.scenario.description.empty() ? "" : fmt::format(": {}", play.scenario.description))});
  grid.add({"device", play.context.device});
  grid.add({"time", fmt::format("{} of virtual time, seed {}; timing only",
                                seconds_text(static_cast<double>(play.scenario.duration_ps) / 1e12), play.result.seed)});
  for (const std::string& note : play.context.notes) grid.add({"resolved", note});
}

std::string streams_text(const ReportedPlay& play) {
  Grid grid({"stream", ">requests", ">met", ">shed", ">deadline", ">p50", ">p99", ">max", ">energy/request"});
  for (std::size_t i = 0; i < play.result.streams.size(); ++i) {
    const StreamResult& stream = play.result.streams[i];
    std::int64_t shed = 0;
    for (const std::int64_t count : stream.shed) shed += count;
    const std::int64_t clock = play.result.clock_hz;
    grid.add({stream.name, fmt::format("{}", stream.requests), fmt::format("{}", stream.met), fmt::format("{}", shed),
              deadline_text(play.scenario.streams[i].deadline), latency_text(stream.latency, 0.5, clock),
              latency_text(stream.latency, 0.99, clock), latency_text(stream.latency, 1, clock),
              stream.completed > 0 ? joules_text(stream.energy.joules() / static_cast<double>(stream.completed)) : "-"});
  }
  return grid.text();
}

void add_energy(Grid& grid, const PlayResult& result, const PlayTotals& all) {
  const double total = result.energy.total().joules();
  const double mean_power = total / std::max(seconds(result.horizon, result.clock_hz), 1e-12);
  grid.add(
      {"energy",
       fmt::format("{} in all, {} on average{}, of which", joules_text(total), watts_text(mean_power),
                   all.completed > 0 ? fmt::format(", {} per request", joules_text(total / static_cast<double>(all.completed))) : "")});
  std::vector<std::string> parts;
  for (const auto& [part, energy] : named_parts(result.energy)) {
    if (energy != EnergyTotal()) parts.push_back(fmt::format("{} {}", part, percent_text(energy.joules() / total)));
  }
  grid.add({"", fmt::format("{}", fmt::join(parts, ", "))});
}

/// Requests that waited for others, and for how long on average.
std::string waited_text(const PlayResult& result) {
  const Coalesced& coalesced = result.coalesced;
  if (coalesced.waited == 0) return "0";
  const double mean = seconds(coalesced.total, result.clock_hz) / static_cast<double>(coalesced.waited);
  return fmt::format("{}, {}", coalesced.waited, seconds_text(mean));
}

void add_coalesced(Grid& grid, const PlayResult& result) {
  const Coalesced& coalesced = result.coalesced;
  if (coalesced.waited == 0) return;
  const double total = seconds(coalesced.total, result.clock_hz);
  grid.add({"coalescing", fmt::format("{} requests waited to share a wake, {} on average, {} at most; {} wakes saved", coalesced.waited,
                                      seconds_text(total / static_cast<double>(coalesced.waited)),
                                      seconds_text(seconds(coalesced.longest, result.clock_hz)), coalesced.saved)});
}

void add_events(Grid& grid, const PlayResult& result) {
  if (result.loads + result.evictions > 0 || result.reloaded > Bytes(0)) {
    grid.add({"networks", fmt::format("{} loaded on demand, {} made room; {} of weights loaded again", result.loads, result.evictions,
                                      bytes_text(result.reloaded.count()))});
  }
  if (result.faults > 0) {
    grid.add({"faults", fmt::format("{} events, {} executions interrupted, {} computed again, {} requests begun again", result.faults,
                                    result.interrupted, result.recomputed, result.restarted)});
  }
  if (result.capped > Cycles(0)) {
    const auto text = [&](Cycles cycles) { return seconds_text(seconds(cycles, result.clock_hz)); };
    grid.add(
        {"power cap", fmt::format("in force for {}, exceeded for {}, at most {} at a time; the longest layer took {}", text(result.capped),
                                  text(result.cap_violated), text(result.cap_violated_most), text(result.cap_layer_most))});
  }
  for (const ShedExample& example : result.shed_examples) {
    grid.add({"shed", fmt::format("{}: {} {} at {}: {}", name(example.reason), example.stream, example.request,
                                  seconds_text(seconds(example.at, result.clock_hz)), example.text)});
  }
}

}  // namespace

PlayTotals totals(const PlayResult& result) {
  PlayTotals all;
  for (const StreamResult& stream : result.streams) {
    all.requests += stream.requests;
    all.completed += stream.completed;
    all.met += stream.met;
    for (const std::int64_t count : stream.shed) all.shed += count;
    all.latency.add(stream.latency);
  }
  return all;
}

std::vector<std::string> resolved_notes(const Scenario& asked, const Scenario& resolved) {
  std::vector<std::string> notes;
  const auto rate = [&](const std::string& stream, const Rate& before, const Rate& after) {
    if (before.utilisation)
      notes.push_back(fmt::format("stream '{}': {} utilisation is {:.4g} Hz", stream, percent_text(*before.utilisation), after.hz));
  };
  const auto deadline = [&](const std::string& stream, const Deadline& before, const Deadline& after) {
    for (std::size_t i = 0; i < before.levels.size(); ++i) {
      if (!before.levels[i].of_reference) continue;
      notes.push_back(fmt::format("stream '{}': a deadline of {:g} T_ref is {}", stream, *before.levels[i].of_reference,
                                  seconds_text(static_cast<double>(after.levels[i].ps) / 1e12)));
    }
  };
  for (std::size_t s = 0; s < asked.streams.size(); ++s) {
    const Stream& before = asked.streams[s];
    const Stream& after = resolved.streams[s];
    rate(before.name, before.arrivals.rate, after.arrivals.rate);
    for (std::size_t i = 0; i < before.arrivals.steps.size(); ++i)
      rate(before.name, before.arrivals.steps[i].rate, after.arrivals.steps[i].rate);
    if (before.declared.rate) rate(before.name, *before.declared.rate, *after.declared.rate);
    deadline(before.name, before.deadline, after.deadline);
  }
  for (std::size_t e = 0; e < asked.events.size(); ++e) {
    const auto& before = asked.events[e].what;
    const auto& after = resolved.events[e].what;
    if (const auto* change = std::get_if<RateChange>(&before); change != nullptr && change->rate) {
      rate(asked.stream(change->stream).name, *change->rate, *std::get<RateChange>(after).rate);
    }
    if (const auto* change = std::get_if<DeadlineChange>(&before)) {
      deadline(asked.stream(change->stream).name, change->deadline, std::get<DeadlineChange>(after).deadline);
    }
    if (const auto* cap = std::get_if<PowerCap>(&before); cap != nullptr && cap->of_static) {
      notes.push_back(fmt::format("a cap of {:g} of static is {}", *cap->of_static,
                                  watts_text(static_cast<double>(std::get<PowerCap>(after).watts->count()) / 1e12)));
    }
  }
  return notes;
}

std::string play_table(const ReportedPlay& play) {
  const PlayResult& result = play.result;
  const PlayTotals all = totals(result);
  Grid head({"", ""});
  add_head(head, play);
  head.add({"policy", policy_text(play)});

  Grid grid({"", ""});
  grid.add(
      {"requests", fmt::format("{} arrived, {} completed, {} of them in time, {} shed", all.requests, all.completed, all.met, all.shed)});
  grid.add({"quality", fmt::format("{} met; throughput {:.3g} networks, turnaround {:.3g} x alone, fairness {:.3g}",
                                   percent_text(result.qos.met), result.qos.stp, result.qos.antt, result.qos.fairness)});
  add_energy(grid, result, all);
  grid.add({"clusters", fmt::format("{:.3g} of {} powered on average", result.mean_active, result.cluster_count)});
  add_chip_rows(grid, result);
  if (const double least = result.bound.total().joules(); least > 0) {
    grid.add({"bound", fmt::format("{}: nobody serves the same requests for less, even with everything known in advance; {:.3f} x that",
                                   joules_text(least), result.energy.total().joules() / least)});
  }
  add_coalesced(grid, result);
  add_events(grid, result);
  if (play.context.timings) {
    grid.add({"wall clock", fmt::format("{} to load, {} to simulate {} layers", seconds_text(play.context.load_seconds),
                                        seconds_text(result.simulate_seconds), count_text(result.executions))});
  }
  return fmt::format("{}\n{}\n{}", head.text(), streams_text(play), grid.text());
}

std::string play_compare_table(const std::vector<ReportedPlay>& plays) {
  GATEFOLD_REQUIRE(!plays.empty());
  const auto named = std::find_if(plays.begin(), plays.end(), [](const ReportedPlay& play) { return play.result.policy == "static"; });
  const PlayResult& base = (named == plays.end() ? plays.front() : *named).result;
  const auto without_floor = [](const PlayResult& result) { return (result.energy.total() - result.energy.floor).joules(); };
  const auto ratio = [](double part, double whole) { return whole > 0 ? fmt::format("{:.3f}", part / whole) : std::string("-"); };
  Grid head({"", ""});
  add_head(head, plays.front());

  Grid grid({"policy", ">energy", ">to " + base.policy, ">to bound", ">without floor", ">requests", ">missed", ">shed", ">p50", ">p99",
             ">turnaround", ">waited", ">shifts", ">wakes"});
  for (const ReportedPlay& play : plays) {
    const PlayResult& result = play.result;
    const PlayTotals all = totals(result);
    grid.add({play.context.alias.empty() ? result.policy : play.context.alias, joules_text(result.energy.total().joules()),
              ratio(result.energy.total().joules(), base.energy.total().joules()),
              ratio(result.energy.total().joules(), result.bound.total().joules()), ratio(without_floor(result), without_floor(base)),
              fmt::format("{}", all.requests), fmt::format("{}", all.missed()), fmt::format("{}", all.shed),
              latency_text(all.latency, 0.5, result.clock_hz), latency_text(all.latency, 0.99, result.clock_hz),
              fmt::format("{:.3f}", result.qos.antt), waited_text(result),
              fmt::format("{}", result.shifts_voluntary + result.shifts_forced), fmt::format("{}", result.wakes)});
  }
  return fmt::format(
      "{}\n{}\nto bound: to what nobody could serve the same requests for less than. missed: completed late or shed. without floor: energy "
      "without the power that nothing gates, to {}'s. turnaround: "
      "latency to that of the network alone, mean over streams. waited: requests that waited to share a wake, and how long on average.\n",
      head.text(), grid.text(), base.policy);
}

}  // namespace gatefold
