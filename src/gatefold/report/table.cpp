#include "gatefold/report/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>

#include "gatefold/report/chip_rows.h"
#include "gatefold/report/figures.h"
#include "gatefold/report/grid.h"
#include "gatefold/runtime/conformance.h"

namespace gatefold {
namespace {

constexpr std::size_t kShiftsShown = 10;

template <class Text>
std::string or_none(const std::optional<double>& value, Text text) {
  return value ? text(*value) : "-";
}

std::string number_text(const Tensor& tensor, const RankedValue& ranked) {
  return is_float(tensor.type()) ? fmt::format("{:.4g}", ranked.value) : fmt::format("{}", tensor.integer_at(ranked.index));
}

std::string output_text(const OutputRecord& output) {
  constexpr std::size_t kShown = 3;
  std::vector<std::string> top;
  for (const RankedValue& ranked : largest(output.tensor, kShown)) {
    top.push_back(fmt::format("[{}] = {}", ranked.index, number_text(output.tensor, ranked)));
  }
  return fmt::format("{} {} {}: largest {}", output.name, name(output.tensor.type()), output.tensor.shape().text(), fmt::join(top, ", "));
}

std::string policy_text(const RunContext& context, const RunResult& result) {
  if (context.alias.empty() || context.alias == result.policy) return result.policy;
  return fmt::format("{} (asked for as {})", result.policy, context.alias);
}

std::string numerics_text(const RunContext& context) {
  if (context.timing_only) return "none (timing only)";
  if (context.numerics == "integer") return "integer: sums in int32, rounded half to even";
  if (context.numerics == "qdq-float") return "qdq-float: dequantise, compute in float32, quantise";
  return context.numerics;
}

void add_energy(Grid& grid, const RunResult& result) {
  const double total = result.energy.total().joules();
  grid.add(
      {"energy", fmt::format("{} per request, {} in all, of which", or_none(energy_per_request(result), joules_text), joules_text(total))});
  Grid parts({"", ">", ">"});
  for (const auto& [part, energy] : named_parts(result.energy)) {
    if (energy == EnergyTotal()) continue;
    parts.add({std::string(part), joules_text(energy.joules()), percent_text(energy.joules() / total)});
  }
  const std::string text = parts.text();
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    grid.add({"", "  " + text.substr(begin, end - begin)});
    begin = end + 1;
  }
}

void add_clusters(Grid& grid, const RunResult& result) {
  grid.add({"clusters", fmt::format("{:.3g} of {} powered on average; {} of what was powered did useful work", result.mean_active,
                                    result.cluster_count, percent_text(result.utilisation))});
  if (result.phases.size() > 1) {
    for (const Phase& phase : result.phases) {
      grid.add({"", fmt::format("  {:.3g} powered {} the events ({} to {})", phase.mean_active, phase.name,
                                seconds_text(seconds(phase.begin, result.clock_hz)), seconds_text(seconds(phase.end, result.clock_hz)))});
    }
  }
  add_chip_rows(grid, result);
  if (result.interrupted + result.recomputed > 0 || result.reloaded > Bytes(0)) {
    grid.add({"faults", fmt::format("{} executions interrupted, {} computed again, {} of lost weights loaded again", result.interrupted,
                                    result.recomputed, bytes_text(result.reloaded.count()))});
  }
  if (result.spilled.empty()) return;
  std::int64_t bytes = 0;
  for (const SpillRecord& spilled : result.spilled) bytes += spilled.bytes.count();
  const auto in_blocks = std::count_if(result.layers.begin(), result.layers.end(), [](const LayerRecord& l) { return l.row_blocks > 0; });
  grid.add({"spilled", fmt::format("{} activations of {} in external memory, {} layers in row blocks", result.spilled.size(),
                                   bytes_text(bytes), in_blocks)});
}

std::string wall_text(const ReportedRun& run) {
  std::string text =
      fmt::format("{} to load, {} to simulate", seconds_text(run.context.load_seconds), seconds_text(run.result.simulate_seconds));
  const auto p50 = percentile(run.result.decision_ns, 50);
  const auto p99 = percentile(run.result.decision_ns, 99);
  if (p50 && p99) text += fmt::format("; a decision takes p50 {} ns, p99 {} ns", *p50, *p99);
  return text;
}

}  // namespace

std::string run_table(const ReportedRun& run) {
  const RunContext& context = run.context;
  const RunResult& result = run.result;
  const LatencyFigures latency = latency_figures(result);
  Grid grid({"", ""});
  grid.add({"model", context.model});
  grid.add({"device", context.device + (context.device_reason.empty() ? "" : " (" + context.device_reason + ")")});
  grid.add({"policy", policy_text(context, result)});
  grid.add({"numerics", numerics_text(context)});
  grid.add({"input", fmt::format("{}; seed {}", context.input, context.seed)});
  grid.add({"requests", fmt::format("{} completed, {} shed", result.completed, result.shed.size())});
  for (const auto& [reason, requests] : shed_reasons(result)) grid.add({"shed", fmt::format("{} because {}", requests, reason)});
  if (context.accuracy) grid.add({"accuracy", fmt::format("{} of the labels", percent_text(*context.accuracy))});
  grid.add({"latency", fmt::format("p50 {}, p99 {}, max {} on the device's clock", or_none(latency.p50, seconds_text),
                                   or_none(latency.p99, seconds_text), or_none(latency.max, seconds_text))});
  if (context.has_deadline) grid.add({"deadline", fmt::format("missed by {} requests", result.deadline_misses)});
  add_energy(grid, result);
  add_clusters(grid, result);
  if (result.bound) {
    grid.add({"bound", fmt::format("{}: at least {} per request can be shown, the plan takes {} ({} above)", result.bound->kind,
                                   joules_text(result.bound->energy.joules()), joules_text(result.bound->reached.joules()),
                                   or_none(gap(*result.bound), percent_text))});
  }
  if (result.live_ratio) {
    grid.add({"live", fmt::format("{:.4f} x hindsight: shifts and requests were priced at {}, the best over {} configurations at {}",
                                  result.live_ratio->ratio(), joules_text(result.live_ratio->paid.joules()),
                                  result.live_ratio->configurations, joules_text(result.live_ratio->least.joules()))});
  }
  if (!context.timing_only) {
    for (const OutputRecord& output : last_outputs(result.outputs)) grid.add({"output", output_text(output)});
  }
  if (context.timings) grid.add({"wall clock", wall_text(run)});
  for (const std::string& note : context.notes) grid.add({"note", note});
  return grid.text();
}

namespace {

/// Rows of the ledger with the parts that any of them has; the last is their sum.
std::string ledger_rows(const std::string& title, const std::vector<std::pair<std::string, PartSums>>& rows) {
  PartSums sum{};
  for (const auto& [row, parts] : rows) {
    for (std::size_t p = 0; p < parts.size(); ++p) sum[p] += parts[p];
  }
  std::vector<std::string> titles{title, ">total"};
  for (const auto& [part, energy] : named_parts(sum)) {
    if (energy != EnergyTotal()) titles.push_back(">" + std::string(part));
  }
  Grid grid(titles);
  const auto add = [&](const std::string& row, const PartSums& parts) {
    std::vector<std::string> cells{row, joules_text(total_of(parts).joules())};
    for (std::size_t p = 0; p < parts.size(); ++p) {
      if (sum[p] != EnergyTotal()) cells.push_back(joules_text(parts[p].joules()));
    }
    grid.add(std::move(cells));
  };
  for (const auto& [row, parts] : rows) add(row, parts);
  add("sum", sum);
  return grid.text();
}

}  // namespace

std::string breakdown_table(const ReportedRun& run) {
  const RunResult& result = run.result;
  std::vector<std::pair<std::string, PartSums>> layers;
  for (const LayerRecord& layer : result.layers) layers.emplace_back(layer.name, layer.parts);
  layers.emplace_back("between layers", result.energy_between);
  std::vector<std::pair<std::string, PartSums>> clusters;
  for (std::size_t row = 1; row < result.energy_clusters.size(); ++row) {
    clusters.emplace_back(fmt::format("{}", row - 1), result.energy_clusters[row]);
  }
  if (!result.energy_clusters.empty()) clusters.emplace_back("no cluster", result.energy_clusters.front());
  return "\n" + ledger_rows("layer", layers) + "\n" + ledger_rows("cluster", clusters);
}

namespace {

/// "1.00", or "1.00 / 1.00 / 1.00" before, during and after events; "-" for a phase in which nothing ran.
std::string clusters_text(const RunResult& result) {
  std::vector<std::string> phases;
  for (const Phase& phase : result.phases) phases.push_back(phase.mean_active > 0 ? fmt::format("{:.2f}", phase.mean_active) : "-");
  return fmt::format("{}", fmt::join(phases, " / "));
}

}  // namespace

std::string compare_table(const std::vector<ReportedRun>& runs) {
  GATEFOLD_REQUIRE(!runs.empty());
  const RunContext& context = runs.front().context;
  const auto named = std::find_if(runs.begin(), runs.end(), [](const ReportedRun& run) { return run.result.policy == "static"; });
  const RunResult& base = (named == runs.end() ? runs.front() : *named).result;
  Grid head({"", ""});
  head.add({"model", context.model});
  head.add({"device", context.device + (context.device_reason.empty() ? "" : " (" + context.device_reason + ")")});
  head.add({"numerics", numerics_text(context)});
  head.add({"input", fmt::format("{}; seed {}", context.input, context.seed)});
  for (const std::string& note : context.notes) head.add({"note", note});

  Grid grid({"policy", ">energy/request", ">to " + base.policy, ">p50", ">p99", ">misses", ">shed", ">clusters", ">shifts", ">moved",
             ">wakes", "same outputs"});
  for (const ReportedRun& run : runs) {
    const RunResult& result = run.result;
    const LatencyFigures latency = latency_figures(result);
    const std::optional<double> energy = energy_per_request(result);
    const std::optional<double> reference = energy_per_request(base);
    const bool comparable = energy && reference && *reference > 0;
    grid.add({run.context.alias.empty() ? result.policy : run.context.alias, or_none(energy, joules_text),
              comparable ? fmt::format("{:.3f}", *energy / *reference) : "-", or_none(latency.p50, seconds_text),
              or_none(latency.p99, seconds_text), fmt::format("{}", result.deadline_misses), fmt::format("{}", result.shed.size()),
              clusters_text(result), fmt::format("{}", result.shifts_voluntary + result.shifts_forced),
              bytes_text(result.shift_bytes.count()), fmt::format("{}", result.wakes),
              context.timing_only ? "-" : (same_outputs(result, runs.front().result) ? "yes" : "NO")});
  }
  std::string shed;
  for (const ReportedRun& run : runs) {
    for (const auto& [reason, requests] : shed_reasons(run.result)) {
      shed += fmt::format("{} shed {} because {}\n", run.context.alias.empty() ? run.result.policy : run.context.alias, requests, reason);
    }
  }
  return fmt::format(
      "{}\n{}\nclusters: powered while layers execute, of {}{}. moved: bytes that shifts carried. same outputs: every byte equal to the "
      "first row's{}.\n{}",
      head.text(), grid.text(), base.cluster_count, base.phases.size() > 1 ? ", before / during / after the events" : "",
      shed.empty() ? "" : ", where both completed the request", shed);
}

namespace {

std::string latency_text(const std::vector<std::int64_t>& ns, int percent) {
  const auto value = percentile(ns, percent);
  return value ? seconds_text(static_cast<double>(*value) / 1e9) : "-";
}

std::string per_request(double amount, const HostRunResult& result) {
  return result.completed > 0 ? seconds_text(amount / static_cast<double>(result.completed)) : "-";
}

std::string machine_text(const HostRunResult& result) {
  return fmt::format("{}; {} cores in {} clusters; a wake takes {}, waiting cores spin for {} at most", result.cpu, result.core_count,
                     result.cluster_count, seconds_text(static_cast<double>(result.wake_ns) / 1e9),
                     seconds_text(static_cast<double>(result.break_even_ns) / 1e9));
}

void add_host_context(Grid& grid, const RunContext& context, const HostRunResult& result) {
  grid.add({"model", context.model});
  grid.add({"device", "host: " + machine_text(result)});
  grid.add({"numerics", numerics_text(context)});
  grid.add({"input", fmt::format("{}; seed {}", context.input, context.seed)});
}

}  // namespace

std::string host_run_table(const ReportedHostRun& run) {
  const RunContext& context = run.context;
  const HostRunResult& result = run.result;
  const HostCounters& used = result.used;
  Grid grid({"", ""});
  add_host_context(grid, context, result);
  grid.add({"policy", result.policy});
  grid.add({"requests", fmt::format("{} completed in {}", result.completed, seconds_text(result.elapsed_s))});
  if (context.accuracy) grid.add({"accuracy", fmt::format("{} of the labels", percent_text(*context.accuracy))});
  grid.add({"latency", fmt::format("p50 {}, p99 {}, max {} of real time", latency_text(result.latency_ns, 50),
                                   latency_text(result.latency_ns, 99), latency_text(result.latency_ns, 100))});
  if (context.has_deadline) grid.add({"deadline", fmt::format("missed by {} requests", result.deadline_misses)});
  grid.add({"core time", fmt::format("{} busy, {} spinning, {} asleep; {} ON per request; {} wakes", seconds_text(used.busy_s),
                                     seconds_text(used.spin_s), seconds_text(used.asleep_s), per_request(used.busy_s + used.spin_s, result),
                                     used.wakes)});
  grid.add({"moves", fmt::format("{} changes of cores while a request ran, {} of them of the leading core; p99 {}", used.moves,
                                 used.hand_overs, latency_text(result.move_ns, 99))});
  if (result.energy) grid.add({"energy", fmt::format("{} in all, says {}", joules_text(result.energy->total_j), result.energy->source)});
  else grid.add({"energy", "nobody measures it here: core time speaks"});
  for (std::size_t core = 0; core < result.cores.size(); ++core) {
    const CoreConditions& conditions = result.cores[core];
    grid.add({core == 0 ? "profile" : "",
              fmt::format("core {}: others take {}; {:.1f} of {:.1f} dot products per cycle free", core, percent_text(conditions.others),
                          conditions.free_dot_products_per_cycle(), conditions.dot_products_per_cycle)});
  }
  grid.add({"layer times", result.calibration});
  if (!result.outputs.empty()) {
    for (const OutputRecord& output : result.outputs.back()) grid.add({"output", output_text(output)});
  }
  if (context.timings)
    grid.add({"wall clock", fmt::format("{} to load and calibrate", seconds_text(context.load_seconds + result.load_s))});
  for (const std::string& note : context.notes) grid.add({"note", note});
  return grid.text();
}

std::string host_compare_table(const std::vector<ReportedHostRun>& runs) {
  GATEFOLD_REQUIRE(!runs.empty());
  const RunContext& context = runs.front().context;
  Grid head({"", ""});
  add_host_context(head, context, runs.front().result);
  for (const std::string& note : context.notes) head.add({"note", note});
  Grid grid({"policy", ">p50", ">p99", ">misses", ">busy/request", ">ON/request", ">asleep", ">wakes", ">moves", "same outputs"});
  for (const ReportedHostRun& run : runs) {
    const HostRunResult& result = run.result;
    grid.add({run.context.alias.empty() ? result.policy : run.context.alias, latency_text(result.latency_ns, 50),
              latency_text(result.latency_ns, 99), fmt::format("{}", result.deadline_misses), per_request(result.used.busy_s, result),
              per_request(result.used.busy_s + result.used.spin_s, result), seconds_text(result.used.asleep_s),
              fmt::format("{}", result.used.wakes), fmt::format("{}", result.used.moves),
              same_outputs(result.outputs, runs.front().result.outputs) ? "yes" : "NO"});
  }
  return fmt::format("{}\n{}\nON: core time busy or spinning. same outputs: every byte equal to the first row's.\n", head.text(),
                     grid.text());
}

std::string inspection_table(const Inspection& inspection) {
  Grid layers({">", "layer", "operator", "kind", ">MACs", ">weights", ">in", ">out", ">live", "producers"});
  for (std::size_t i = 0; i < inspection.layers.size(); ++i) {
    const LayerInspection& layer = inspection.layers[i];
    std::vector<std::string> producers;
    if (layer.reads_network_input) producers.emplace_back("input");
    for (const LayerId producer : layer.producers) producers.push_back(fmt::format("{}", producer.index()));
    layers.add({fmt::format("{}", i), layer.name, layer.op, std::string(name(layer.kind)), count_text(layer.macs),
                bytes_text(layer.weights.count()), bytes_text(layer.inputs.count()), bytes_text(layer.outputs.count()),
                bytes_text(layer.live.count()), fmt::format("{}", fmt::join(producers, ", "))});
  }
  Grid shifts({">", "layer", ">moves", ">weights", ">live inputs", ">routes"});
  const std::size_t shown = std::min(kShiftsShown, inspection.layers.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const LayerId id = inspection.by_shift_price[i];
    const LayerInspection& layer = inspection.layers[id.at()];
    shifts.add({fmt::format("{}", id.index()), layer.name, bytes_text(layer.shift_bytes().count()), bytes_text(layer.weights.count()),
                bytes_text(layer.inputs.count()), fmt::format("{}", layer.routes)});
  }
  std::string text = fmt::format("{}: {} layers, {} MACs, {} of weights, {} of activations alive at the peak{}\n", inspection.model,
                                 inspection.layers.size(), count_text(inspection.macs), bytes_text(inspection.weights.count()),
                                 bytes_text(inspection.live_peak.count()), inspection.quantised ? ", quantised" : "");
  for (const std::string& note : inspection.notes) text += "note: " + note + "\n";
  return text + "\n" + layers.text() + "\nlive: all activations that must be kept while the layer runs, its own included\n\n" +
         fmt::format("Cheapest shifts ({} of {}): what moves if the layer runs elsewhere than before\n", shown, inspection.layers.size()) +
         shifts.text();
}

namespace {

/// "2 x 4 rows": clusters, cores in each, split where there is one.
std::string shape_text(const Footprint& shape) {
  const std::string split = shape.total() == 1 ? "" : fmt::format(" {}", name(shape.split));
  return fmt::format("{} x {}{}", shape.clusters, shape.cores, split);
}

std::string marks_text(const OptionInspection& row) {
  std::vector<std::string> marks;
  if (row.chosen) marks.emplace_back("chosen");
  if (row.streamed) marks.emplace_back("streamed");
  if (row.row_blocks > 0) marks.push_back(fmt::format("in {} row blocks", row.row_blocks));
  if (row.dominated) {
    const std::string faster =
        row.dominated->cycles == Cycles(0) ? "as fast" : fmt::format("{} cycles faster", row.dominated->cycles.count());
    marks.push_back(fmt::format("dominated: {} is {} and saves {}", shape_text(row.dominated->by), faster,
                                joules_text(row.dominated->energy.joules())));
  }
  return fmt::format("{}", fmt::join(marks, ", "));
}

}  // namespace

std::string options_table(const LayerOptionsInspection& inspection) {
  Grid grid({"shape", ">cycles", ">time", ">compute", ">memory", ">crossbar", ">held", ">alone", ">weights/core", ""});
  for (const OptionInspection& row : inspection.options) {
    const Option& option = row.option;
    const auto joules = [](Energy energy) { return joules_text(EnergyTotal(energy).joules()); };
    grid.add({shape_text(option.footprint), fmt::format("{}", option.cycles.count()), seconds_text(row.seconds),
              joules(option.dynamic.compute), joules(option.dynamic.memory), joules(option.dynamic.crossbar), watts_text(row.held_watts),
              joules_text(option.alone.joules()), bytes_text(option.weights_per_core.count()), marks_text(row)});
  }
  std::string text =
      fmt::format("{}: layer {} '{}' ({}) on {}{}\n\n{}", inspection.model, inspection.layer.index(), inspection.layer_name, inspection.op,
                  inspection.device, inspection.device_reason.empty() ? "" : " (" + inspection.device_reason + ")", grid.text());
  if (!inspection.rejected.empty()) text += "\nRejected\n";
  for (const RejectedShapes& group : inspection.rejected) {
    std::vector<std::string> shapes;
    for (const Footprint& shape : group.shapes) shapes.push_back(shape_text(shape));
    text += fmt::format("  {}: {}\n", group.reason, fmt::join(shapes, ", "));
  }
  return text +
         "\nshape: clusters x cores in each, and what is divided over them. held: leakage of what it keeps ON. alone: dynamic energy, and "
         "held and\nthe chip's unavoidable power over its time. chosen: by the static plan. dominated: what it saves is more than its "
         "neighbours "
         "could lose.\n";
}

std::string zoo_table() {
  Grid grid({"network", "task", "input", ">parameters", ">MACs", "source"});
  for (const ZooNetwork& network : zoo_networks()) {
    grid.add({std::string(network.name), std::string(network.task), network.input.text(), fmt::format("{}", network.parameters),
              fmt::format("{}", network.macs), std::string(network.source)});
  }
  return grid.text();
}

std::string devices_table(const std::vector<DeviceSpec>& devices) {
  Grid grid({"device", ">clusters", ">cores", ">clock", ">SRAM", "computes", "description"});
  for (const DeviceSpec& device : devices) {
    grid.add({device.name, fmt::format("{}", device.cluster_count), fmt::format("{}", device.core_count()),
              fmt::format("{:.4g} MHz", static_cast<double>(device.clock_hz) * 1e-6), bytes_text(device.memory().count()),
              device.compute_type, device.description});
  }
  return grid.text();
}

std::string device_table(const DeviceSpec& device) {
  Grid grid({"key", "value", "resolved", "trust", "source"});
  for (const SpecEntry& entry : device.entries) {
    grid.add({entry.key, entry.value, entry.resolved, entry.trust, entry.source});
  }
  return fmt::format(
      "{}: {}\nhash {}\n\n{}\ntrust: P patent, A public research artefact, T published table, D derived from tagged numbers, ? "
      "unconfirmed\n",
      device.name, device.description, device.hash, grid.text());
}

}  // namespace gatefold
