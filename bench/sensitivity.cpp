// gatefold_sensitivity [--scale S]: how much the comparison of policies depends on numbers that nobody has confirmed.
//
// One number of a shipped chip is varied at a time, everything is planned and run again, and the energy per request of every
// policy is compared with that of `static` on the same varied chip. What is varied:
//   wake xK      every wake latency, K times as long;
//   gated R      no gated state leaks less than the share R of ON (banks in retention and OFF included);
//   leakage xK   all power that flows without work: clusters, cores, banks, vector pool, uncore and floor. Wake energies stay,
//                so that break-even gaps become shorter as leakage grows.
// Two scenarios: `every 100 ms`, where most of the time nothing runs; and `occupied`: a request every four request times of the
// plan, to be done within two, and another tenant that takes the cluster where the plan runs the middle layer, half way through
// the third request and for three request times.
// Networks: digits, and those of MLPerf Tiny where their files are found. Timing only: no value is computed.
// Prints Markdown tables; the last line is what was measured. What must hold whatever the numbers are: `ungated` is never
// cheaper than `static`; with nothing happening, `greedy` costs what `static` does; and `greedy` never misses more deadlines.
// Exit status 0 if it does, 1 if not or if something does not run, 2 for wrong arguments.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <string_view>

#include "gatefold/device/shipped.h"
#include "gatefold/graph/layer_graph.h"
#include "gatefold/onnx/import.h"
#include "gatefold/runtime/prepared.h"
#include "scale.h"

namespace gatefold {
namespace {

constexpr std::int64_t kRequests = 10;
constexpr std::int64_t kPeriodPicoseconds = 100'000'000'000;
/// Energies this near are called equal.
constexpr double kEqual = 1e-3;
constexpr std::array<const char*, 4> kPolicies{"ungated", "static", "seed-literal", "greedy"};
constexpr std::array<char, 4> kLetters{'u', 's', 'l', 'g'};
constexpr std::size_t kStatic = 1;
constexpr std::size_t kGreedy = 3;
constexpr std::array<const char*, 2> kScenarios{"every 100 ms", "occupied"};

struct Variation {
  std::string name;
  std::function<void(DeviceSpec&)> apply;
};

template <class Change>
void each_gate(DeviceSpec& spec, Change change) {
  change(spec.cluster);
  change(spec.core);
  change(spec.vector_pool_gate);
  for (UncoreSpec& part : spec.uncore) change(part.gate);
}

void lengthen_wakes(DeviceSpec& spec, std::int64_t times) {
  each_gate(spec, [times](GateSpec& gate) { gate.wake_latency = gate.wake_latency * times; });
  spec.bank.wake_latency_retention = spec.bank.wake_latency_retention * times;
  spec.bank.wake_latency_off = spec.bank.wake_latency_off * times;
}

EnergyPerCycle scaled(EnergyPerCycle power, double factor) {
  return EnergyPerCycle(std::llround(static_cast<double>(power.count()) * factor));
}

void leak_at_least(DeviceSpec& spec, double share) {
  each_gate(spec, [share](GateSpec& gate) { gate.gated = std::max(gate.gated, scaled(gate.on, share)); });
  spec.bank.retention = std::max(spec.bank.retention, scaled(spec.bank.on, share));
  spec.bank.off = std::max(spec.bank.off, scaled(spec.bank.on, share));
}

void scale_leakage(DeviceSpec& spec, double factor) {
  each_gate(spec, [factor](GateSpec& gate) {
    gate.on = scaled(gate.on, factor);
    gate.gated = scaled(gate.gated, factor);
  });
  for (EnergyPerCycle* power : {&spec.bank.on, &spec.bank.retention, &spec.bank.off, &spec.floor}) *power = scaled(*power, factor);
}

std::vector<Variation> variations() {
  std::vector<Variation> all{{"as in the file", [](DeviceSpec&) {}}};
  for (const std::int64_t times : {2, 3, 4}) {
    all.push_back({fmt::format("wake x{}", times), [times](DeviceSpec& spec) { lengthen_wakes(spec, times); }});
  }
  for (const double share : {0.03, 0.1, 0.3, 0.6}) {
    all.push_back({fmt::format("gated {}", share), [share](DeviceSpec& spec) { leak_at_least(spec, share); }});
  }
  for (const double factor : {0.1, 10.0, 100.0}) {
    all.push_back({fmt::format("leakage x{}", factor), [factor](DeviceSpec& spec) { scale_leakage(spec, factor); }});
  }
  return all;
}

struct Network {
  std::string name;
  std::shared_ptr<const LayerGraph> graph;
};

Result<std::vector<Network>> networks(double scale) {
  const std::filesystem::path root = GATEFOLD_SOURCE_DIR;
  std::vector<std::pair<std::string, std::filesystem::path>> files{{"digits", root / "models" / "digits" / "digits-int8.onnx"}};
  const std::filesystem::path data = root.parent_path() / "shared" / "data" / "models";
  for (const char* name : {"resnet8_cifar10", "dscnn_kws", "mobilenetv1_vww96", "autoencoder_toycar"}) {
    const auto file = data / fmt::format("mlperf_tiny_{}_int8_qdq", name) / "model.onnx";
    if (std::filesystem::exists(file)) files.emplace_back(name, file);
    else fmt::print("not found, left out: {}\n", name);
  }
  files.resize(std::max<std::size_t>(1, static_cast<std::size_t>(std::min(1.0, scale) * static_cast<double>(files.size()))));
  std::vector<Network> all;
  for (const auto& [name, file] : files) {
    GATEFOLD_TRY(const Model model, read_onnx(file));
    GATEFOLD_TRY(LayerGraph graph, build_layer_graph(model, {}));
    all.push_back({name, std::make_shared<const LayerGraph>(std::move(graph))});
  }
  return all;
}

/// One network on one varied chip in one scenario, by policy.
struct Cell {
  std::array<double, kPolicies.size()> joules{};  ///< per request
  std::array<std::int64_t, kPolicies.size()> misses{};

  [[nodiscard]] double ratio(std::size_t policy) const { return joules[policy] / joules[kStatic]; }
  /// "g<s=l<u": cheapest first.
  [[nodiscard]] std::string ranking() const {
    std::array<std::size_t, kPolicies.size()> order{0, 1, 2, 3};
    // Each is compared with the one before: sorted by value, near ones stand together.
    std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) { return joules[a] < joules[b]; });
    std::vector<std::string> groups{""};
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i > 0 && joules[order[i]] > joules[order[i - 1]] * (1 + kEqual)) groups.emplace_back();
      groups.back() += kLetters[order[i]];
    }
    std::string text;
    for (std::string& group : groups) {
      std::sort(group.begin(), group.end());
      text += text.empty() ? "" : "<";
      text += fmt::format("{}", fmt::join(group, "="));
    }
    return text;
  }
};

RunOptions options_of(const PreparedNetwork& network, std::size_t scenario) {
  const std::int64_t clock_hz = network.spec().clock_hz;
  RunOptions options;
  options.timing_only = true;
  options.arrivals = {kRequests, cycles_of(kPeriodPicoseconds, clock_hz), std::nullopt};
  if (scenario == 0) return options;
  const StaticPlan& plan = network.plan();
  const ClusterId cluster(plan.assignment[plan.assignment.size() / 2].first);
  const Cycles request = plan.reference_total;
  const Cycles taken = request * 8 + Cycles(request.count() / 2);
  options.arrivals.every = request * 4;
  options.deadline = request * 2;
  options.events = {{taken, {EventKind::kOccupy, cluster}}, {taken + request * 3, {EventKind::kRelease, cluster}}};
  return options;
}

Result<std::array<Cell, kScenarios.size()>> measure(const Network& network, const DeviceSpec& base, const Variation& variation) {
  DeviceSpec spec = base;
  variation.apply(spec);
  GATEFOLD_TRY(const auto prepared, prepare(network.graph, std::make_shared<const DeviceSpec>(std::move(spec))));
  std::array<Cell, kScenarios.size()> cells;
  for (std::size_t scenario = 0; scenario < kScenarios.size(); ++scenario) {
    RunOptions options = options_of(*prepared, scenario);
    for (std::size_t policy = 0; policy < kPolicies.size(); ++policy) {
      options.policy = kPolicies[policy];
      GATEFOLD_TRY(const RunResult result, run(*prepared, options, {}));
      cells[scenario].joules[policy] = result.energy.total().joules() / static_cast<double>(result.completed);
      cells[scenario].misses[policy] = result.deadline_misses;
    }
  }
  return cells;
}

double mean_ratio(const std::vector<Cell>& cells, std::size_t policy) {
  double logs = 0;
  for (const Cell& cell : cells) logs += std::log(cell.ratio(policy));
  return std::exp(logs / static_cast<double>(cells.size()));
}

/// Of one chip in one scenario: for every variation, for every network.
using Group = std::vector<std::vector<Cell>>;

void print_group(const std::string& title, const Group& group, const std::vector<Variation>& varied, bool with_misses) {
  fmt::print("\n### {}\n\n| varied | ungated | seed-literal | greedy | greedy, worst |{} same ranking |\n", title,
             with_misses ? " misses u / s / l / g |" : "");
  fmt::print("| --- | --: | --: | --: | --: |{} --: |\n", with_misses ? " --- |" : "");
  for (std::size_t v = 0; v < group.size(); ++v) {
    double worst = 0;
    std::size_t same = 0;
    std::array<std::int64_t, kPolicies.size()> misses{};
    for (std::size_t n = 0; n < group[v].size(); ++n) {
      worst = std::max(worst, group[v][n].ratio(kGreedy));
      same += group[v][n].ranking() == group[0][n].ranking() ? 1U : 0U;
      for (std::size_t policy = 0; policy < kPolicies.size(); ++policy) misses[policy] += group[v][n].misses[policy];
    }
    fmt::print("| {} | {:.3f} | {:.3f} | {:.3f} | {:.3f} |{} {} of {} |\n", varied[v].name, mean_ratio(group[v], 0),
               mean_ratio(group[v], 2), mean_ratio(group[v], kGreedy), worst,
               with_misses ? fmt::format(" {} |", fmt::join(misses, " / ")) : "", same, group[v].size());
  }
}

struct Summary {
  std::int64_t cells = 0, changed = 0, greedy_dearer = 0, violations = 0;
  double greedy_best = 1, greedy_worst = 0, ungated_best = 1e300, ungated_worst = 0;
};

void add(Summary& summary, const Group& group, std::size_t scenario) {
  for (std::size_t v = 0; v < group.size(); ++v) {
    for (std::size_t n = 0; n < group[v].size(); ++n) {
      const Cell& cell = group[v][n];
      const bool idle_differs = scenario == 0 && std::abs(cell.ratio(kGreedy) - 1) > kEqual;
      const bool misses_more = cell.misses[kGreedy] > cell.misses[kStatic];
      summary.violations += cell.ratio(0) < 1 - kEqual || idle_differs || misses_more ? 1 : 0;
      ++summary.cells;
      summary.changed += cell.ranking() == group[0][n].ranking() ? 0 : 1;
      summary.greedy_dearer += cell.ratio(kGreedy) > 1 + kEqual ? 1 : 0;
      summary.greedy_best = std::min(summary.greedy_best, cell.ratio(kGreedy));
      summary.greedy_worst = std::max(summary.greedy_worst, cell.ratio(kGreedy));
      summary.ungated_best = std::min(summary.ungated_best, cell.ratio(0));
      summary.ungated_worst = std::max(summary.ungated_worst, cell.ratio(0));
    }
  }
}

/// Lines of the table of rankings, one for each network of a group whose ranking changes.
std::string changes(const std::string& title, const Group& group, const std::vector<Variation>& varied, const std::vector<Network>& nets) {
  std::string lines;
  for (std::size_t n = 0; n < nets.size(); ++n) {
    std::map<std::string, std::vector<std::string>> other;
    for (std::size_t v = 1; v < group.size(); ++v) {
      if (group[v][n].ranking() != group[0][n].ranking()) other[group[v][n].ranking()].push_back(varied[v].name);
    }
    std::vector<std::string> texts;
    for (const auto& [ranking, names] : other) texts.push_back(fmt::format("{} ({})", ranking, fmt::join(names, ", ")));
    if (!texts.empty()) lines += fmt::format("| {} | {} | {} | {} |\n", title, nets[n].name, group[0][n].ranking(), fmt::join(texts, "; "));
  }
  return lines;
}

Result<std::int64_t> compare(double scale) {
  GATEFOLD_TRY(const std::vector<Network> nets, networks(scale));
  const std::vector<Variation> varied = variations();
  Summary summary;
  std::string rankings;
  for (const char* name : {"edge-nnic", "edge-16", "mobile-npu", "server-v5p"}) {
    GATEFOLD_TRY(const DeviceSpec base, find_device(name));
    std::array<Group, kScenarios.size()> groups;
    for (const Variation& variation : varied) {
      for (Group& group : groups) group.emplace_back();
      for (const Network& network : nets) {
        auto cells = measure(network, base, variation);
        if (!cells) return std::move(cells).error().within(fmt::format("{} on {}, {}", network.name, name, variation.name));
        for (std::size_t scenario = 0; scenario < groups.size(); ++scenario) groups[scenario].back().push_back(cells.value()[scenario]);
      }
    }
    for (std::size_t scenario = 0; scenario < groups.size(); ++scenario) {
      const std::string title = fmt::format("{}, {}", name, kScenarios[scenario]);
      print_group(title, groups[scenario], varied, scenario == 1);
      rankings += changes(title, groups[scenario], varied, nets);
      add(summary, groups[scenario], scenario);
    }
    std::fflush(stdout);
  }
  fmt::print("\n### Where the ranking changes\n\n| chip, scenario | network | as in the file | varied |\n| --- | --- | --- | --- |\n{}",
             rankings);
  fmt::print(
      "\nfigure: {} cells; energy to static: greedy {:.3f} to {:.3f} (above 1 in {}), ungated {:.3f} to {:.3f}; ranking changes in {}; {} "
      "violations\n",
      summary.cells, summary.greedy_best, summary.greedy_worst, summary.greedy_dearer, summary.ungated_best, summary.ungated_worst,
      summary.changed, summary.violations);
  return summary.violations;
}

}  // namespace
}  // namespace gatefold

int main(int argc, char** argv) {
  const auto scale = gatefold::bench::scale_of(argc, argv, "gatefold_sensitivity");
  if (!scale) return 2;
  const auto violations = gatefold::compare(*scale);
  if (!violations) fmt::print(stderr, "sensitivity: {}\n", violations.error().message);
  return violations && violations.value() == 0 ? 0 : 1;
}
