#include "commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "gatefold/base/text.h"
#include "gatefold/device/shipped.h"
#include "gatefold/onnx/export.h"
#include "gatefold/report/json.h"
#include "gatefold/report/table.h"
#include "gatefold/runtime/conformance.h"
#include "gatefold/runtime/prepared.h"
#include "inputs.h"
#include "progress.h"

namespace gatefold::tool {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Everything that the runs of one invocation share.
struct Session {
  Feed feed;
  ReadyNetwork ready;
  RunOptions options;
  double load_seconds = 0;
};

/// The first `count` labels: --requests may ask for fewer requests than the files hold.
Tensor first_labels(const Tensor& labels, std::int64_t count) {
  std::vector<std::int64_t> first;
  for (std::int64_t i = 0; i < count; ++i) first.push_back(labels.integer_at(i));
  return Tensor::of<std::int64_t>({count}, std::span<const std::int64_t>(first));
}

Result<RunOptions> run_options(const RunArguments& arguments, const DeviceSpec& device, std::int64_t requests) {
  RunOptions options;
  const auto cycles = [&](const std::string& text) -> Result<Cycles> {
    GATEFOLD_TRY(const std::int64_t picoseconds, parse_duration_ps(text));
    return cycles_of(picoseconds, device.clock_hz);
  };
  options.arrivals.count = requests;
  if (arguments.every) {
    GATEFOLD_TRY(options.arrivals.every, cycles(*arguments.every));
  }
  if (arguments.rate) {
    GATEFOLD_TRY(options.arrivals.rate_hz, parse_rate(*arguments.rate));
  }
  if (arguments.deadline) {
    GATEFOLD_TRY(options.deadline, cycles(*arguments.deadline));
  }
  std::vector<TimedEvent> events;
  for (const auto& [time, text] : arguments.events) {
    GATEFOLD_TRY(const TimedEvent event, parse_event(time, text, device));
    events.push_back(event);
  }
  GATEFOLD_TRY(options.events, check_events(std::move(events)));
  options.numerics = arguments.numerics == "integer" ? Numerics::kInteger : Numerics::kQdqFloat;
  options.timing_only = arguments.timing_only;
  options.density = arguments.density;
  options.record_profile = arguments.profile.has_value();
  options.measure_decisions = arguments.timings;
  options.seed = arguments.seed;
  return options;
}

Result<Session> open_session(const RunArguments& arguments) {
  const Clock::time_point start = Clock::now();
  Session session;
  GATEFOLD_TRY(session.feed, read_feed(arguments));
  GATEFOLD_TRY(session.ready, prepare_on(session.feed.loaded.graph, arguments.device));
  GATEFOLD_TRY(session.options, run_options(arguments, *session.ready.device, session.feed.count));
  if (arguments.why) {
    GATEFOLD_TRY(session.options.why, find_layer(*session.feed.loaded.graph, *arguments.why));
  }
  session.load_seconds = seconds_since(start);
  return session;
}

RunContext chip_context(const RunArguments& arguments, const Session& session, const std::string& command, const std::string& policy) {
  const DeviceSpec& device = *session.ready.device;
  RunContext context = context_of(arguments, session.feed, command, policy);
  context.device = device.name;
  context.device_hash = device.hash;
  context.device_reason = session.ready.reason;
  context.load_seconds = session.load_seconds;
  context.explained = arguments.why.has_value();
  const LayerGraph& graph = *session.feed.loaded.graph;
  if (!graph.quantised) context.notes.push_back(fmt::format("float network: timed as {}, computed in float32", device.compute_type));
  if (device.follows_zeros() && arguments.timing_only) {
    context.notes.push_back(
        fmt::format("zeros were not counted: {} of every activation taken as non-zero, nothing skipped", arguments.density));
  }
  for (std::size_t v = 0; v < graph.layers.size(); ++v) {
    if (session.ready.network->table().work(LayerId(v)).kind != WorkClass::kController) continue;
    context.notes.push_back(fmt::format("layer '{}' runs in the controller: the vector unit lacks it", graph.layers[v].name));
  }
  const auto symbolic = [](const Layer& layer) {
    return layer.kind == LayerKind::kDot && layer.inputs[1].constant && layer.inputs[1].constant->is_splat();
  };
  if (device.ternary && std::any_of(graph.layers.begin(), graph.layers.end(), symbolic)) {
    context.notes.emplace_back("the file names sizes of weights, not their values: taken as dense");
  }
  return context;
}

/// One run per policy, in order.
Result<std::vector<ReportedRun>> run_policies(const RunArguments& arguments, const std::string& command) {
  GATEFOLD_TRY(Session session, open_session(arguments));
  ProgressBar bar(arguments.output.quiet);
  std::vector<ReportedRun> runs;
  for (const std::string& policy : arguments.policies) {
    session.options.policy = resolved_policy(policy);
    const auto draw = [&](std::int64_t done, std::int64_t total) {
      bar.draw(std::ssize(runs) * total + done, std::ssize(arguments.policies) * total);
    };
    GATEFOLD_TRY(RunResult result, run(*session.ready.network, session.options, session.feed.inputs, draw));
    RunContext context = chip_context(arguments, session, command, policy);
    if (session.feed.labels) {
      GATEFOLD_TRY(context.accuracy, accuracy(result, *session.feed.labels));
    }
    runs.push_back({std::move(context), std::move(result)});
  }
  return runs;
}

int inspect_layer_options(const InspectArguments& arguments, const std::shared_ptr<const LayerGraph>& graph) {
  const auto layer = find_layer(*graph, *arguments.options);
  if (!layer) return report_error(layer.error());
  const auto ready = prepare_on(graph, arguments.device);
  if (!ready) return report_error(ready.error());
  const PreparedNetwork& network = *ready.value().network;
  LayerOptionsInspection inspection = inspect_options(network.table(), layer.value(), network.plan().assignment[layer.value().at()],
                                                      network.plan().spilling.blocks(layer.value()));
  inspection.device_reason = ready.value().reason;
  return write_results(arguments.output, options_json(inspection, version()), options_table(inspection));
}

}  // namespace

Result<Feed> read_feed(const RunArguments& arguments) {
  Feed feed;
  GATEFOLD_TRY(feed.loaded, load_network(arguments.model,
                                         {arguments.inputs, arguments.image, arguments.symbols, arguments.seed, arguments.timing_only}));
  feed.count = arguments.requests.value_or(feed.loaded.requests);
  feed.inputs = feed.loaded.inputs;
  // Files with several requests are fed in order and over again; one set serves all requests without a copy.
  if (feed.inputs.size() > 1) {
    for (std::int64_t i = std::ssize(feed.inputs); i < feed.count; ++i) {
      feed.inputs.push_back(feed.inputs[static_cast<std::size_t>(i % feed.loaded.requests)]);
    }
    feed.inputs.resize(static_cast<std::size_t>(feed.count));
  }
  if (arguments.labels) {
    GATEFOLD_TRY(feed.labels, read_tensor(*arguments.labels));
    const bool fewer = feed.count < feed.loaded.requests && feed.labels->shape().elements() % feed.loaded.requests == 0;
    if (fewer && !is_float(feed.labels->type())) {
      feed.labels = first_labels(*feed.labels, feed.labels->shape().elements() / feed.loaded.requests * feed.count);
    }
  }
  return feed;
}

RunContext context_of(const RunArguments& arguments, const Feed& feed, const std::string& command, const std::string& policy) {
  const LayerGraph& graph = *feed.loaded.graph;
  RunContext context;
  context.version = version();
  context.command = command;
  context.model = graph.name;
  context.alias = policy;
  context.numerics = graph.quantised ? arguments.numerics : "float32";
  context.seed = arguments.seed;
  context.input = feed.loaded.input_text;
  context.has_deadline = arguments.deadline.has_value();
  context.timing_only = arguments.timing_only;
  context.timings = arguments.timings;
  context.notes = graph.bound_symbols;
  return context;
}

const char* version() { return GATEFOLD_VERSION; }

std::string resolved_policy(const std::string& name) { return name == "default" ? kDefaultPolicy : name; }

Result<double> parse_rate(const std::string& text) {
  GATEFOLD_TRY(const Measure measure, parse_measure(text));
  const double rate = measure.number();
  const bool known_unit = measure.unit.empty() || measure.unit == "/s" || measure.unit == "Hz";
  if (!known_unit || !std::isfinite(rate) || rate < 1e-6 || rate > 1e12) {
    return Error{ErrorCode::kInvalidInput, fmt::format("found '{}', want requests per second from 1e-6 to 1e12, such as 60 or 60/s", text)};
  }
  return rate;
}

int report_error(const Error& error) {
  fmt::print(stderr, "gatefold: error: {}\n", error.message);
  return kInputAtFault;
}

int write_results(const OutputArguments& arguments, const std::string& json, const std::string& table) {
  if (arguments.json == "-") {
    fmt::print("{}", json);
    return kDone;
  }
  if (arguments.json) {
    if (const Status status = write_file(*arguments.json, json); !status) return report_error(status.error());
  }
  if (!arguments.quiet) fmt::print("{}", table);
  return kDone;
}

int run_command(const RunArguments& arguments) {
  if (arguments.on_host()) return host_run_command(arguments);
  const auto runs = run_policies(arguments, "run");
  if (!runs) return report_error(runs.error());
  const ReportedRun& run = runs.value().front();
  if (arguments.profile) {
    if (const Status status = write_file(*arguments.profile, profile_json(run)); !status) return report_error(status.error());
  }
  std::string table = run_table(run);
  if (arguments.breakdown) table += breakdown_table(run);
  if (arguments.why) table += why_table(run, *arguments.why);
  return write_results(arguments.output, run_json(run), table);
}

int compare_command(const RunArguments& arguments) {
  if (arguments.on_host()) return host_compare_command(arguments);
  const auto runs = run_policies(arguments, "compare");
  if (!runs) return report_error(runs.error());
  return write_results(arguments.output, compare_json(runs.value()), compare_table(runs.value()));
}

int inspect_command(const InspectArguments& arguments) {
  const auto model = read_network(arguments.model);
  if (!model) return report_error(model.error());
  BuildOptions options;
  options.symbols = arguments.symbols;
  auto graph = build_layer_graph(model.value(), options);
  if (!graph) return report_error(graph.error());
  if (arguments.options) return inspect_layer_options(arguments, std::make_shared<const LayerGraph>(std::move(graph).value()));
  const Inspection inspection = inspect(graph.value());
  return write_results(arguments.output, inspection_json(inspection, version()), inspection_table(inspection));
}

int zoo_command(const ZooArguments& arguments) {
  if (!arguments.name) return write_results(arguments.output, zoo_json(version()), zoo_table());
  const auto model = zoo_model(*arguments.name, arguments.seed);
  if (!model) return report_error(model.error());
  const auto bytes = export_onnx(model.value());
  if (!bytes) return report_error(bytes.error());
  if (const Status status = write_file(arguments.file, bytes.value()); !status) return report_error(status.error());
  return kDone;
}

int devices_command(const DevicesArguments& arguments) {
  if (arguments.show) {
    const auto device = find_device(*arguments.show);
    if (!device) return report_error(device.error());
    return write_results(arguments.output, device_json(device.value(), version()), device_table(device.value()));
  }
  std::vector<DeviceSpec> devices;
  for (const ShippedDevice& shipped : shipped_devices()) {
    auto device = find_device(shipped.name);
    if (!device) return report_error(device.error());
    devices.push_back(std::move(device).value());
  }
  return write_results(arguments.output, devices_json(devices, version()), devices_table(devices));
}

}  // namespace gatefold::tool
