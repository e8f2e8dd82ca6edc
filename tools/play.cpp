// `play`, and `compare` on a scenario file: a scenario is read and checked whole, its networks are prepared once, figures
// relative to `static` are resolved, and every policy gets the same requests.
#include "gatefold/runtime/play.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "commands.h"
#include "gatefold/base/text.h"
#include "gatefold/report/play_report.h"
#include "gatefold/runtime/prepared.h"
#include "gatefold/runtime/scenario_file.h"
#include "gatefold/zoo/zoo.h"
#include "inputs.h"
#include "progress.h"

namespace gatefold::tool {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Whether there is such a network, without building it.
Status check_network(const std::string& source) {
  if (const auto name = zoo_name(source)) {
    const auto networks = zoo_networks();
    const bool known = std::any_of(networks.begin(), networks.end(), [&](const ZooNetwork& network) { return network.name == *name; });
    if (known) return Done{};
    return zoo_model(*name).error();  // says what there is
  }
  std::error_code ignored;
  if (std::filesystem::is_regular_file(source, ignored)) return Done{};
  return Error{ErrorCode::kIo, fmt::format("found no file '{}', wanted an .onnx file or zoo:NAME", source)};
}

/// Everything that the plays of one invocation share.
struct Stage {
  DeviceSpec device;
  Scenario scenario;  ///< resolved
  std::vector<std::shared_ptr<const PreparedNetwork>> networks;
  std::uint64_t seed = 1;
  PlayContext context;
};

/// The scenario ends after `duration`; what was to happen later does not.
void cut(Scenario& scenario, std::int64_t duration_ps) {
  scenario.duration_ps = duration_ps;
  std::erase_if(scenario.events, [&](const ScenarioEvent& event) { return event.at_ps >= duration_ps; });
}

Result<std::vector<std::shared_ptr<const PreparedNetwork>>> prepare_networks(const Scenario& scenario, const DeviceSpec& device) {
  const auto shared_device = std::make_shared<const DeviceSpec>(device);
  std::map<std::string, std::shared_ptr<const PreparedNetwork>> by_source;
  std::vector<std::shared_ptr<const PreparedNetwork>> networks;
  for (const ScenarioNetwork& network : scenario.networks) {
    std::shared_ptr<const PreparedNetwork>& prepared = by_source[network.source];
    if (prepared == nullptr) {
      InputArguments arguments;
      arguments.timing_only = true;
      const std::string where = fmt::format("network '{}' on {}", network.name, device.name);
      auto loaded = load_network(network.source, arguments);
      if (!loaded) return std::move(loaded).error().within(where);
      auto made = prepare(loaded.value().graph, shared_device);
      if (!made) return std::move(made).error().within(where);
      prepared = std::move(made).value();
    }
    networks.push_back(prepared);
  }
  return networks;
}

Result<Stage> open_stage(const PlayArguments& arguments, const std::string& command) {
  const Clock::time_point start = Clock::now();
  ScenarioFileOptions options;
  options.check_network = check_network;
  options.device = arguments.device;
  GATEFOLD_TRY(std::vector<ScenarioOnDevice> read, read_scenario(arguments.scenario, std::move(options)));
  Stage stage;
  stage.device = std::move(read.front().device);
  Scenario asked = std::move(read.front().scenario);
  if (arguments.duration) {
    GATEFOLD_TRY(const std::int64_t duration_ps, parse_duration_ps(*arguments.duration));
    cut(asked, duration_ps);
  }
  stage.seed = arguments.seed.value_or(asked.seeds.front());
  GATEFOLD_TRY(stage.networks, prepare_networks(asked, stage.device));
  GATEFOLD_TRY(stage.scenario, resolve(asked, stage.networks, stage.seed));
  PlayContext& context = stage.context;
  context.version = version();
  context.command = command;
  context.device = stage.device.name;
  context.device_hash = stage.device.hash;
  context.notes = resolved_notes(asked, stage.scenario);
  context.timings = arguments.timings;
  context.load_seconds = seconds_since(start);
  return stage;
}

/// One play per policy, in order.
Result<std::vector<ReportedPlay>> play_policies(const PlayArguments& arguments, const std::string& command) {
  ProgressBar bar(arguments.output.quiet);
  GATEFOLD_TRY(const Stage stage, open_stage(arguments, command));
  std::vector<ReportedPlay> plays;
  for (const std::string& policy : arguments.policies) {
    PlayOptions options;
    options.policy = resolved_policy(policy);
    options.seed = stage.seed;
    const auto draw = [&](std::int64_t done, std::int64_t total) {
      bar.draw(std::ssize(plays) * total + done, std::ssize(arguments.policies) * total);
    };
    GATEFOLD_TRY(PlayResult result, play(stage.scenario, stage.networks, options, {}, draw));
    plays.push_back({stage.context, stage.scenario, std::move(result)});
    plays.back().context.alias = policy;
  }
  return plays;
}

}  // namespace

int play_command(const PlayArguments& arguments) {
  const auto plays = play_policies(arguments, "play");
  if (!plays) return report_error(plays.error());
  return write_results(arguments.output, play_json(plays.value().front()), play_table(plays.value().front()));
}

int play_compare_command(const PlayArguments& arguments) {
  const auto plays = play_policies(arguments, "compare");
  if (!plays) return report_error(plays.error());
  return write_results(arguments.output, play_compare_json(plays.value()), play_compare_table(plays.value()));
}

}  // namespace gatefold::tool
