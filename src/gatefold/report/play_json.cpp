// One object per play, with the keys that runs have wherever they mean the same; README.md, "Results as JSON", lists them.
#include "gatefold/report/json_parts.h"
#include "gatefold/report/play_report.h"

namespace gatefold {
namespace {

/// Of at least one request; null otherwise.
Json latency_json(const LatencyHistogram& latency, std::int64_t clock_hz) {
  if (latency.count() == 0) return {{"p50", nullptr}, {"p99", nullptr}, {"max", nullptr}};
  return {{"p50", seconds(latency.quantile(0.5), clock_hz)},
          {"p99", seconds(latency.quantile(0.99), clock_hz)},
          {"max", seconds(latency.max(), clock_hz)}};
}

std::int64_t shed_of(const StreamResult& stream) {
  std::int64_t shed = 0;
  for (const std::int64_t count : stream.shed) shed += count;
  return shed;
}

Json shed_json(const PlayResult& result) {
  Json list = Json::array();
  for (std::size_t reason = 0; reason < kShedReasonCount; ++reason) {
    std::int64_t requests = 0;
    for (const StreamResult& stream : result.streams) requests += stream.shed[reason];
    if (requests == 0) continue;
    Json examples = Json::array();
    for (const ShedExample& example : result.shed_examples) {
      if (example.reason != static_cast<ShedReason>(reason)) continue;
      examples.push_back({{"stream", example.stream},
                          {"request", example.request},
                          {"at_s", seconds(example.at, result.clock_hz)},
                          {"reason", example.text}});
    }
    list.push_back({{"reason", name(static_cast<ShedReason>(reason))}, {"requests", requests}, {"examples", std::move(examples)}});
  }
  return list;
}

Json streams_json(const ReportedPlay& play) {
  Json list = Json::array();
  for (std::size_t i = 0; i < play.result.streams.size(); ++i) {
    const StreamResult& stream = play.result.streams[i];
    const bool any = stream.completed > 0;
    list.push_back({{"name", stream.name},
                    {"network", play.scenario.networks[play.scenario.streams[i].network.at()].source},
                    {"requests", stream.requests},
                    {"completed", stream.completed},
                    {"met", stream.met},
                    {"shed", shed_of(stream)},
                    {"latency_s", latency_json(stream.latency, play.result.clock_hz)},
                    {"slowdown", any ? Json(stream.slowdown_sum / static_cast<double>(stream.completed)) : Json(nullptr)},
                    {"energy_j", stream.energy.joules()}});
  }
  return list;
}

Json play_object(const ReportedPlay& play) {
  const PlayContext& context = play.context;
  const PlayResult& result = play.result;
  const PlayTotals all = totals(result);
  Json json{{"gatefold", context.version},
            {"command", context.command},
            {"scenario", play.scenario.name},
            {"device", {{"name", context.device}, {"hash", context.device_hash}}},
            {"policy", result.policy}};
  if (!context.alias.empty() && context.alias != result.policy) json["alias"] = context.alias;
  json["numerics"] = "none";
  json["seed"] = result.seed;
  json["duration_s"] = static_cast<double>(play.scenario.duration_ps) / 1e12;
  json["horizon_s"] = seconds(result.horizon, result.clock_hz);
  json["requests"] = all.requests;
  json["completed"] = all.completed;
  json["shed"] = all.shed;
  json["shed_reasons"] = shed_json(result);
  json["latency_s"] = latency_json(all.latency, result.clock_hz);
  json["deadline_misses"] = all.completed - all.met;
  json["energy_j"] = energy_json(result.energy, false);
  json["energy_fj"] = energy_json(result.energy, true);
  json["energy_per_request_j"] =
      all.completed > 0 ? Json(result.energy.total().joules() / static_cast<double>(all.completed)) : Json(nullptr);
  json["between_layers_energy_fj"] = result.energy_between.femtojoules();
  json["clusters"] = {
      {"count", result.cluster_count}, {"mean_active", result.mean_active}, {"active_cluster_seconds", result.active_cluster_seconds}};
  json["gating"] = {{"wakes", result.wakes},
                    {"stall_s", seconds(result.stall, result.clock_hz)},
                    {"stalls", result.stalls},
                    {"misgates", result.misgates}};
  const EnergyBound& bound = result.bound;
  json["bound"] = {{"energy_j", bound.total().joules()}, {"dynamic_j", bound.dynamic.joules()}, {"external_j", bound.external.joules()},
                   {"uncore_j", bound.uncore.joules()},  {"leakage_j", bound.leakage.joules()}, {"floor_j", bound.floor.joules()}};
  const Coalesced& coalesced = result.coalesced;
  json["coalescing"] = {{"waited", coalesced.waited},
                        {"wakes_saved", coalesced.saved},
                        {"wait_s", seconds(coalesced.total, result.clock_hz)},
                        {"wait_most_s", seconds(coalesced.longest, result.clock_hz)}};
  json["shifts"] = {{"voluntary", result.shifts_voluntary},
                    {"forced", result.shifts_forced},
                    {"bytes", result.shift_bytes.count()},
                    {"energy_j", result.shift_energy.joules()},
                    {"refused", result.shifts_refused}};
  json["networks"] = {{"loads", result.loads}, {"evictions", result.evictions}, {"reloaded_bytes", result.reloaded.count()}};
  json["faults"] = {
      {"events", result.faults}, {"interrupted", result.interrupted}, {"recomputed", result.recomputed}, {"restarted", result.restarted}};
  json["power_cap"] = {{"capped_s", seconds(result.capped, result.clock_hz)},
                       {"violated_s", seconds(result.cap_violated, result.clock_hz)},
                       {"violated_most_s", seconds(result.cap_violated_most, result.clock_hz)},
                       {"layer_most_s", seconds(result.cap_layer_most, result.clock_hz)}};
  json["streams"] = streams_json(play);
  json["qos"] = {{"met", result.qos.met}, {"stp", result.qos.stp}, {"antt", result.qos.antt}, {"fairness", result.qos.fairness}};
  json["residency"] = residency_json(result.residency);
  json["layer_executions"] = result.executions;
  json["notes"] = context.notes;
  if (context.timings) json["wall_s"] = {{"load", context.load_seconds}, {"simulate", result.simulate_seconds}};
  return json;
}

}  // namespace

std::string play_json(const ReportedPlay& play) { return dumped(play_object(play)); }

std::string play_compare_json(const std::vector<ReportedPlay>& plays) {
  GATEFOLD_REQUIRE(!plays.empty());
  const ReportedPlay& first = plays.front();
  Json json{{"gatefold", first.context.version},
            {"command", first.context.command},
            {"scenario", first.scenario.name},
            {"device", {{"name", first.context.device}, {"hash", first.context.device_hash}}},
            {"policies", Json::array()}};
  for (const ReportedPlay& play : plays) json["policies"].push_back(play_object(play));
  return dumped(json);
}

}  // namespace gatefold
