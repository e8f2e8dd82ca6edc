#include "gatefold/report/json.h"

#include <fmt/format.h>

#include <algorithm>

#include "gatefold/base/text.h"
#include "gatefold/report/figures.h"
#include "gatefold/report/json_parts.h"
#include "gatefold/report/why_json.h"
#include "gatefold/runtime/conformance.h"

namespace gatefold {
namespace {

constexpr std::size_t kTopCount = 5;

Json bound_json(const std::optional<BoundRecord>& bound, const std::optional<LiveRatio>& live) {
  if (!bound) return nullptr;
  return {{"kind", bound->kind},
          {"energy_j", bound->energy.joules()},
          {"reached_j", bound->reached.joules()},
          {"gap", or_null(gap(*bound))},
          {"live_ratio", live ? Json(live->ratio()) : Json(nullptr)}};
}

Json live_json(const std::optional<LiveRatio>& live) {
  if (!live) return nullptr;
  return {{"paid_j", live->paid.joules()}, {"hindsight_j", live->least.joules()}, {"configurations", live->configurations}};
}

/// One row of the ledger's tables, exactly.
Json row_json(const PartSums& parts) {
  Json json{{"total", total_of(parts).femtojoules()}};
  for (const auto& [part, energy] : named_parts(parts)) json[std::string(part)] = energy.femtojoules();
  return json;
}

Json layers_json(const std::vector<LayerRecord>& layers) {
  Json list = Json::array();
  for (const LayerRecord& layer : layers) {
    Json json{{"name", layer.name},
              {"op", layer.op},
              {"placement", layer.placement},
              {"cycles", layer.cycles.count()},
              {"energy_j", layer.energy.joules()},
              {"energy_fj", row_json(layer.parts)},
              {"row_blocks", layer.row_blocks},
              {"shifts", layer.shifts}};
    if (layer.density) {
      json["density"] = *layer.density;
      json["skipped_dot_products"] = layer.skipped.count();
    }
    list.push_back(std::move(json));
  }
  return list;
}

/// What belongs to no cluster in particular, then every cluster.
Json clusters_energy_json(const RunResult& result) {
  Json list = Json::array();
  for (std::size_t k = 1; k < result.energy_clusters.size(); ++k) list.push_back(row_json(result.energy_clusters[k]));
  return list;
}

/// Per kind of element: wake-ups, and the idle times from 2^b cycles on, up to twice that, that occurred.
Json idle_json(const RunResult& result) {
  Json json = Json::object();
  for (std::size_t kind = 0; kind < kElementClassCount; ++kind) {
    const IdleTimes& times = result.idle_times[kind];
    Json buckets = Json::array();
    for (std::size_t b = 0; b < times.gaps.size(); ++b) {
      if (times.gaps[b] > 0) buckets.push_back({{"cycles_from", std::int64_t{1} << b}, {"gaps", times.gaps[b]}});
    }
    json[std::string(name(static_cast<ElementClass>(kind)))] = {{"wakes", times.wakes}, {"idle", std::move(buckets)}};
  }
  return json;
}

/// Gaps of unknown length of all elements: what they cost, by the rule, by the 2-competitive time-out and had they been known.
Json unknown_gaps_json(const RunResult& result) {
  UnknownGaps sum;
  for (const UnknownGaps& of : result.unknown_gaps) {
    sum.count += of.count;
    sum.paid += of.paid;
    sum.competitive += of.competitive;
    sum.offline += of.offline;
  }
  const EnergyTotal &paid = sum.paid, &timed = sum.competitive, &offline = sum.offline;
  return {{"count", sum.count}, {"energy_j", paid.joules()}, {"competitive_j", timed.joules()}, {"offline_j", offline.joules()}};
}

Json phases_json(const RunResult& result) {
  Json list = Json::array();
  for (const Phase& phase : result.phases) {
    list.push_back({{"name", phase.name},
                    {"begin_s", seconds(phase.begin, result.clock_hz)},
                    {"end_s", seconds(phase.end, result.clock_hz)},
                    {"mean_active", phase.mean_active}});
  }
  return list;
}

Json output_json(const OutputRecord& output) {
  const Tensor tensor = output.tensor.dense();
  const auto size = static_cast<std::size_t>(tensor.shape().elements() * element_size(tensor.type()));
  Json top = Json::array();
  for (const RankedValue& ranked : largest(tensor, kTopCount)) {
    const Json value = is_float(tensor.type()) ? Json(ranked.value) : Json(tensor.integer_at(ranked.index));
    top.push_back({{"index", ranked.index}, {"value", value}});
  }
  Json shape = Json::array();
  for (const std::int64_t extent : tensor.shape().dims()) shape.push_back(extent);
  return {{"name", output.name},
          {"dtype", name(tensor.type())},
          {"shape", shape},
          {"sha256", sha256(std::span(tensor.view().bytes, size))},
          {"top", top}};
}

/// Of the last request that completed; none of a run without numerics.
Json outputs_json(const std::vector<std::vector<OutputRecord>>& outputs, bool timing_only) {
  Json list = Json::array();
  if (timing_only) return list;
  for (const OutputRecord& output : last_outputs(outputs)) list.push_back(output_json(output));
  return list;
}

Json shed_json(const RunResult& result) {
  Json list = Json::array();
  for (const auto& [reason, requests] : shed_reasons(result)) list.push_back({{"reason", reason}, {"requests", requests}});
  return list;
}

Json spilled_json(const RunResult& result) {
  Json list = Json::array();
  for (const SpillRecord& spilled : result.spilled) list.push_back({{"name", spilled.name}, {"bytes", spilled.bytes.count()}});
  return list;
}

void add_timings(Json& json, const ReportedRun& run) {
  json["wall_s"] = {{"load", run.context.load_seconds}, {"simulate", run.result.simulate_seconds}};
  json["decision_ns"] = {{"p50", or_null(percentile(run.result.decision_ns, 50))},
                         {"p99", or_null(percentile(run.result.decision_ns, 99))}};
}

/// What every run's object begins with.
/// `shed_reasons`: on devices that shed requests.
Json context_json(const RunContext& context, const std::string& policy, std::int64_t requests, std::int64_t completed,
                  std::optional<Json> shed_reasons = std::nullopt) {
  Json json;
  json["gatefold"] = context.version;
  json["command"] = context.command;
  json["model"] = context.model;
  json["device"] = {{"name", context.device}, {"hash", context.device_hash}};
  json["policy"] = policy;
  if (!context.alias.empty() && context.alias != policy) json["alias"] = context.alias;
  json["numerics"] = context.numerics;
  json["seed"] = context.seed;
  json["requests"] = requests;
  json["completed"] = completed;
  json["shed"] = requests - completed;
  if (shed_reasons) json["shed_reasons"] = *std::move(shed_reasons);
  json["accuracy"] = or_null(context.accuracy);
  return json;
}

Json run_object(const ReportedRun& run) {
  const RunContext& context = run.context;
  const RunResult& result = run.result;
  const LatencyFigures latency = latency_figures(result);
  Json json = context_json(context, result.policy, result.requests, result.completed, shed_json(result));
  json["latency_s"] = {{"p50", or_null(latency.p50)}, {"p99", or_null(latency.p99)}, {"max", or_null(latency.max)}};
  json["deadline_misses"] = result.deadline_misses;
  json["energy_j"] = energy_json(result.energy, false);
  json["energy_fj"] = energy_json(result.energy, true);
  json["energy_per_request_j"] = or_null(energy_per_request(result));
  json["clusters"] = {{"count", result.cluster_count},
                      {"mean_active", result.mean_active},
                      {"active_cluster_seconds", result.active_cluster_seconds},
                      {"utilisation", result.utilisation},
                      {"energy_fj", clusters_energy_json(result)}};
  json["chip_energy_fj"] = row_json(result.energy_clusters.empty() ? PartSums{} : result.energy_clusters.front());
  json["between_layers_energy_fj"] = row_json(result.energy_between);
  json["phases"] = phases_json(result);
  json["gating"] = {{"wakes", result.wakes},        {"stall_s", seconds(result.stall, result.clock_hz)}, {"stalls", result.stalls},
                    {"misgates", result.misgates},  {"unknown_gaps", unknown_gaps_json(result)},         {"refills", result.refills},
                    {"elements", idle_json(result)}};
  json["shifts"] = {{"voluntary", result.shifts_voluntary},
                    {"forced", result.shifts_forced},
                    {"bytes", result.shift_bytes.count()},
                    {"energy_j", result.shift_energy.joules()},
                    {"voluntary_energy_j", result.shift_energy_voluntary.joules()},
                    {"refused", result.shifts_refused}};
  json["spilled"] = spilled_json(result);
  json["faults"] = {{"interrupted", result.interrupted}, {"recomputed", result.recomputed}, {"reloaded_bytes", result.reloaded.count()}};
  json["bound"] = bound_json(result.bound, result.live_ratio);
  json["live"] = live_json(result.live_ratio);
  json["layers"] = layers_json(result.layers);
  json["residency"] = residency_json(result.residency);
  json["outputs"] = outputs_json(result.outputs, context.timing_only);
  json["input"] = context.input;
  json["notes"] = context.notes;
  if (context.explained) json["why"] = why_json(result.why, result.clock_hz);
  if (context.timings) add_timings(json, run);
  return json;
}

}  // namespace

std::string run_json(const ReportedRun& run) { return dumped(run_object(run)); }

std::string profile_json(const ReportedRun& run) {
  Json json{{"gatefold", run.context.version},
            {"device", {{"name", run.context.device}, {"hash", run.context.device_hash}}},
            {"policy", run.result.policy},
            {"clock_hz", run.result.clock_hz},
            {"deltas", Json::array()}};
  for (const ProfileDelta& delta : run.result.profile) {
    Json object{{"version", delta.version}, {"at_cycles", delta.at.count()}};
    if (delta.change) {
      object["cluster"] = delta.change->cluster.index();
      object["occupied"] = delta.change->condition.occupied;
      object["percent"] = delta.change->condition.percent;
      Json failed = Json::array();
      for (int core = 0; core < 16; ++core) {
        if ((delta.change->condition.failed_cores >> core & 1U) != 0) failed.push_back(core);
      }
      object["failed_cores"] = std::move(failed);
    }
    if (delta.use) {
      object["placement"] = delta.use->placement.text();
      object["useful_dot_products"] = delta.use->useful.count();
      object["skipped_dot_products"] = delta.use->skipped.count();
    }
    json["deltas"].push_back(std::move(object));
  }
  return dumped(json);
}

std::string compare_json(const std::vector<ReportedRun>& runs) {
  GATEFOLD_REQUIRE(!runs.empty());
  const RunContext& context = runs.front().context;
  Json json{{"gatefold", context.version},
            {"command", context.command},
            {"model", context.model},
            {"device", {{"name", context.device}, {"hash", context.device_hash}}},
            {"policies", Json::array()}};
  for (const ReportedRun& run : runs) {
    Json object = run_object(run);
    object["outputs_identical"] = context.timing_only ? Json(nullptr) : Json(same_outputs(run.result, runs.front().result));
    json["policies"].push_back(std::move(object));
  }
  return dumped(json);
}

namespace {

Json host_energy_json(const std::optional<HostEnergy>& energy) {
  if (!energy) return nullptr;
  return {{"total", energy->total_j},
          {"busy", or_null(energy->busy_j)},
          {"spin", or_null(energy->spin_j)},
          {"asleep", or_null(energy->asleep_j)}};
}

Json host_cores_json(const HostRunResult& result) {
  Json list = Json::array();
  for (const CoreConditions& core : result.cores) {
    list.push_back({{"others", core.others},
                    {"frequency_hz", core.frequency_hz > 0 ? Json(core.frequency_hz) : Json(nullptr)},
                    {"dot_products_per_cycle", core.dot_products_per_cycle},
                    {"free_dot_products_per_cycle", core.free_dot_products_per_cycle()}});
  }
  return list;
}

Json seconds_json(const std::vector<std::int64_t>& ns, int percent) {
  const auto value = percentile(ns, percent);
  return value ? Json(static_cast<double>(*value) / 1e9) : Json(nullptr);
}

Json host_run_object(const ReportedHostRun& run) {
  const RunContext& context = run.context;
  const HostRunResult& result = run.result;
  const std::vector<std::int64_t>& latency = result.latency_ns;
  Json json = context_json(context, result.policy, result.requests, result.completed);
  json["latency_s"] = {{"p50", seconds_json(latency, 50)}, {"p99", seconds_json(latency, 99)}, {"max", seconds_json(latency, 100)}};
  json["deadline_misses"] = result.deadline_misses;
  json["energy_j"] = host_energy_json(result.energy);
  json["energy_per_request_j"] = nullptr;
  if (result.energy && result.completed > 0) json["energy_per_request_j"] = result.energy->total_j / static_cast<double>(result.completed);
  json["energy_source"] = result.energy ? Json(result.energy->source) : Json(nullptr);
  json["core_s"] = {{"busy", result.used.busy_s}, {"spin", result.used.spin_s}, {"asleep", result.used.asleep_s}};
  json["elapsed_s"] = result.elapsed_s;
  json["clusters"] = {{"count", result.cluster_count}, {"cores", result.core_count}};
  json["gating"] = {{"wakes", result.used.wakes},
                    {"wake_s", static_cast<double>(result.wake_ns) / 1e9},
                    {"break_even_s", static_cast<double>(result.break_even_ns) / 1e9}};
  json["moves"] = {{"count", result.used.moves}, {"hand_overs", result.used.hand_overs}, {"p99_s", seconds_json(result.move_ns, 99)}};
  json["profile"] = {{"cpu", result.cpu},
                     {"pressure", result.machine.pressure},
                     {"throttled", result.machine.throttled},
                     {"cores", host_cores_json(result)}};
  json["calibration"] = result.calibration;
  json["layers"] = Json::array();
  for (const HostLayerRecord& layer : result.layers) {
    json["layers"].push_back({{"name", layer.name}, {"op", layer.op}, {"parts", layer.parts}, {"time_s", layer.seconds}});
  }
  json["outputs"] = outputs_json(result.outputs, false);
  json["input"] = context.input;
  json["notes"] = context.notes;
  if (context.timings) json["wall_s"] = {{"load", context.load_seconds + result.load_s}, {"run", result.elapsed_s}};
  return json;
}

}  // namespace

std::string host_run_json(const ReportedHostRun& run) { return dumped(host_run_object(run)); }

std::string host_compare_json(const std::vector<ReportedHostRun>& runs) {
  GATEFOLD_REQUIRE(!runs.empty());
  const RunContext& context = runs.front().context;
  Json json{{"gatefold", context.version},
            {"command", context.command},
            {"model", context.model},
            {"device", {{"name", context.device}, {"hash", context.device_hash}}},
            {"policies", Json::array()}};
  for (const ReportedHostRun& run : runs) {
    Json object = host_run_object(run);
    object["outputs_identical"] = same_outputs(run.result.outputs, runs.front().result.outputs);
    json["policies"].push_back(std::move(object));
  }
  return dumped(json);
}

std::string inspection_json(const Inspection& inspection, const std::string& version) {
  Json json{{"gatefold", version},
            {"command", "inspect"},
            {"model", inspection.model},
            {"quantised", inspection.quantised},
            {"macs", inspection.macs},
            {"weight_bytes", inspection.weights.count()},
            {"live_bytes_peak", inspection.live_peak.count()},
            {"notes", inspection.notes},
            {"layers", Json::array()},
            {"cheapest_shifts", Json::array()}};
  for (const LayerInspection& layer : inspection.layers) {
    Json producers = Json::array();
    for (const LayerId producer : layer.producers) producers.push_back(producer.index());
    json["layers"].push_back({{"name", layer.name},
                              {"op", layer.op},
                              {"kind", name(layer.kind)},
                              {"macs", layer.macs},
                              {"weight_bytes", layer.weights.count()},
                              {"input_bytes", layer.inputs.count()},
                              {"output_bytes", layer.outputs.count()},
                              {"live_bytes", layer.live.count()},
                              {"producers", producers},
                              {"reads_network_input", layer.reads_network_input},
                              {"shift_bytes", layer.shift_bytes().count()},
                              {"shift_routes", layer.routes}});
  }
  for (const LayerId layer : inspection.by_shift_price) json["cheapest_shifts"].push_back(layer.index());
  return dumped(json);
}

namespace {

Json shape_json(const Footprint& shape) { return {{"clusters", shape.clusters}, {"cores", shape.cores}, {"split", name(shape.split)}}; }

Json option_json(const OptionInspection& row) {
  const Option& option = row.option;
  Json json = shape_json(option.footprint);
  json["cycles"] = option.cycles.count();
  json["time_s"] = row.seconds;
  json["dynamic_j"] = {{"compute", EnergyTotal(option.dynamic.compute).joules()},
                       {"memory", EnergyTotal(option.dynamic.memory).joules()},
                       {"crossbar", EnergyTotal(option.dynamic.crossbar).joules()}};
  json["held_w"] = row.held_watts;
  json["alone_j"] = option.alone.joules();
  json["weight_bytes_per_core"] = option.weights_per_core.count();
  json["dominated"] = nullptr;
  if (row.dominated) {
    json["dominated"] = {
        {"by", shape_json(row.dominated->by)}, {"cycles", row.dominated->cycles.count()}, {"energy_j", row.dominated->energy.joules()}};
  }
  json["chosen"] = row.chosen;
  json["streamed"] = row.streamed;
  json["row_blocks"] = row.row_blocks;
  return json;
}

}  // namespace

std::string options_json(const LayerOptionsInspection& inspection, const std::string& version) {
  Json json{{"gatefold", version},
            {"command", "inspect"},
            {"model", inspection.model},
            {"layer", {{"index", inspection.layer.index()}, {"name", inspection.layer_name}, {"op", inspection.op}}},
            {"device", {{"name", inspection.device}, {"hash", inspection.device_hash}}},
            {"options", Json::array()},
            {"rejected", Json::array()}};
  for (const OptionInspection& row : inspection.options) json["options"].push_back(option_json(row));
  for (const RejectedShapes& group : inspection.rejected) {
    Json shapes = Json::array();
    for (const Footprint& shape : group.shapes) shapes.push_back(shape_json(shape));
    json["rejected"].push_back({{"reason", group.reason}, {"shapes", shapes}});
  }
  return dumped(json);
}

std::string zoo_json(const std::string& version) {
  Json json{{"gatefold", version}, {"command", "zoo"}, {"networks", Json::array()}};
  for (const ZooNetwork& network : zoo_networks()) {
    json["networks"].push_back({{"name", network.name},
                                {"task", network.task},
                                {"input", std::vector<std::int64_t>(network.input.dims().begin(), network.input.dims().end())},
                                {"parameters", network.parameters},
                                {"macs", network.macs},
                                {"source", network.source}});
  }
  return dumped(json);
}

std::string devices_json(const std::vector<DeviceSpec>& devices, const std::string& version) {
  Json json{{"gatefold", version}, {"command", "devices"}, {"devices", Json::array()}};
  for (const DeviceSpec& device : devices) {
    json["devices"].push_back({{"name", device.name},
                               {"hash", device.hash},
                               {"description", device.description},
                               {"clock_hz", device.clock_hz},
                               {"clusters", device.cluster_count},
                               {"cores", device.core_count()},
                               {"banks", device.bank_count()},
                               {"memory_bytes", device.memory().count()},
                               {"compute_type", device.compute_type}});
  }
  return dumped(json);
}

std::string device_json(const DeviceSpec& device, const std::string& version) {
  Json json{
      {"gatefold", version},     {"command", "devices"}, {"name", device.name}, {"hash", device.hash}, {"description", device.description},
      {"entries", Json::array()}};
  for (const SpecEntry& entry : device.entries) {
    json["entries"].push_back(
        {{"key", entry.key}, {"value", entry.value}, {"resolved", entry.resolved}, {"source", entry.source}, {"trust", entry.trust}});
  }
  return dumped(json);
}

std::string conformance_json(const std::vector<ConformanceRecord>& records, const std::string& numerics, const std::string& version) {
  Json json{{"gatefold", version}, {"command", "conformance"}, {"numerics", numerics}};
  for (const char* verdict : {"pass", "fail", "unsupported"}) {
    json[verdict] = std::count_if(records.begin(), records.end(), [&](const auto& record) { return record.verdict == verdict; });
  }
  json["cases"] = Json::array();
  for (const ConformanceRecord& record : records) {
    Json object{{"name", record.name}, {"verdict", record.verdict}};
    if (!record.unit.empty()) object.update({{"worst", record.worst}, {"unit", record.unit}, {"equal_bits", record.equal_bits}});
    if (!record.reason.empty()) object["reason"] = record.reason;
    json["cases"].push_back(std::move(object));
  }
  return dumped(json);
}

Result<CaseNotes> parse_case_notes(std::string_view text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Error{ErrorCode::kInvalidInput, "want a JSON object"};
  CaseNotes notes;
  if (const auto sets = json.find("sets"); sets != json.end() && sets->is_array()) {
    for (const nlohmann::json& set : *sets) {
      if (!set.is_object()) continue;
      const auto number = set.find("set");
      const auto kind = set.find("kind");
      if (number == set.end() || !number->is_number_integer() || kind == set.end() || !kind->is_string()) continue;
      if (kind->get<std::string>().starts_with("VENDOR")) notes.vendor_sets.push_back(number->get<std::int64_t>());
    }
  }
  if (const auto ops = json.find("ops"); ops != json.end() && ops->is_object()) {
    for (const auto& op : ops->items()) notes.operator_quantised |= op.key().find("QLinear") != std::string::npos;
  }
  return notes;
}

}  // namespace gatefold
