// `run` and `compare` on this machine (--device host): arguments to host_run, results to the reports.
#include <fmt/format.h>
#include <sys/prctl.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "commands.h"
#include "gatefold/base/text.h"
#include "gatefold/report/json.h"
#include "gatefold/report/table.h"
#include "gatefold/runtime/conformance.h"
#include "progress.h"

namespace gatefold::tool {
namespace {

constexpr std::int64_t kPowerProfileSizeMax = 64 << 10;

/// $XDG_CACHE_HOME/gatefold, or ~/.cache/gatefold.
Result<std::filesystem::path> cache_folder() {
  for (const auto& [variable, below] : {std::pair{"XDG_CACHE_HOME", "gatefold"}, std::pair{"HOME", ".cache/gatefold"}}) {
    const char* folder = std::getenv(variable);
    if (folder != nullptr && *folder == '/') return std::filesystem::path(folder) / below;
  }
  return Error{ErrorCode::kInvalidInput, "--calibration default: neither XDG_CACHE_HOME nor HOME is an absolute path"};
}

Result<std::int64_t> ns_of(const std::string& text) {
  GATEFOLD_TRY(const std::int64_t picoseconds, parse_duration_ps(text));
  return std::max<std::int64_t>(1, picoseconds / 1000);
}

Result<HostRunOptions> host_options(const RunArguments& arguments, std::int64_t requests) {
  HostRunOptions options;
  options.arrivals.count = requests;
  if (arguments.every) {
    GATEFOLD_TRY(options.arrivals.every_ns, ns_of(*arguments.every));
  }
  if (arguments.rate) {
    GATEFOLD_TRY(options.arrivals.rate_hz, parse_rate(*arguments.rate));
  }
  if (arguments.deadline) {
    GATEFOLD_TRY(options.deadline_ns, ns_of(*arguments.deadline));
  }
  if (arguments.calibration == "default") {
    GATEFOLD_TRY(options.calibration_folder, cache_folder());
  } else if (arguments.calibration) {
    options.calibration_folder = *arguments.calibration;
  }
  if (arguments.power) {
    GATEFOLD_TRY(const std::string text, read_file(*arguments.power, kPowerProfileSizeMax));
    GATEFOLD_TRY(options.power, parse_power_profile(text, std::filesystem::path(*arguments.power).filename().string()));
  }
  options.numerics = arguments.numerics == "integer" ? Numerics::kInteger : Numerics::kQdqFloat;
  options.cores_max = arguments.cores;
  options.seed = arguments.seed;
  return options;
}

Result<std::vector<ReportedHostRun>> run_policies(const RunArguments& arguments, const std::string& command) {
  const auto start = std::chrono::steady_clock::now();
  // The kernel lets timers of ordinary threads be late by 50 us, which would count as latency of requests that come by the clock.
  (void)::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  GATEFOLD_TRY(const Feed feed, read_feed(arguments));
  GATEFOLD_TRY(HostRunOptions options, host_options(arguments, feed.count));
  const double load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ProgressBar bar(arguments.output.quiet);
  std::vector<ReportedHostRun> runs;
  for (const std::string& policy : arguments.policies) {
    options.policy = policy == "default" ? kDefaultHostPolicy : policy;
    const auto draw = [&](std::int64_t done, std::int64_t total) {
      bar.draw(std::ssize(runs) * total + done, std::ssize(arguments.policies) * total);
    };
    GATEFOLD_TRY(HostRunResult result, host_run(feed.loaded.graph, options, feed.inputs, draw));
    RunContext context = context_of(arguments, feed, command, policy);
    context.device = "host";
    context.device_hash = sha256(fmt::format("{} {} {}", result.cpu, result.cluster_count, result.core_count));
    context.load_seconds = load_seconds;
    if (feed.labels) {
      RunResult outputs;
      outputs.outputs = result.outputs;
      GATEFOLD_TRY(context.accuracy, accuracy(outputs, *feed.labels));
    }
    runs.push_back({std::move(context), std::move(result)});
  }
  return runs;
}

}  // namespace

int host_run_command(const RunArguments& arguments) {
  const auto runs = run_policies(arguments, "run");
  if (!runs) return report_error(runs.error());
  return write_results(arguments.output, host_run_json(runs.value().front()), host_run_table(runs.value().front()));
}

int host_compare_command(const RunArguments& arguments) {
  const auto runs = run_policies(arguments, "compare");
  if (!runs) return report_error(runs.error());
  return write_results(arguments.output, host_compare_json(runs.value()), host_compare_table(runs.value()));
}

}  // namespace gatefold::tool
