// gatefold, the command-line tool: arguments and one call each. Exit status: 0 done, 1 the input is at fault, 2 usage, 3 an
// internal error (a violated contract).
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

#include "commands.h"
#include "gatefold/base/contract.h"
#include "gatefold/base/text.h"
#include "gatefold/host/run.h"
#include "gatefold/runtime/play.h"

namespace gatefold::tool {
namespace {

// ---- The form of values: a validator returns what is wrong, or nothing. ----

template <class T>
std::string complaint(const Result<T>& result) {
  return result ? "" : result.error().message;
}

std::string check_duration(const std::string& text) {
  const auto picoseconds = parse_duration_ps(text);
  if (picoseconds && picoseconds.value() == 0) return "found '" + text + "', want more than nothing";
  return complaint(picoseconds);
}

std::string check_rate(const std::string& text) { return complaint(parse_rate(text)); }

std::string check_policy(const std::string& text) {
  std::vector<std::string> known = play_policy_names();
  known.insert(known.end(), host_policy_names().begin(), host_policy_names().end());
  known.emplace_back("default");
  if (std::find(known.begin(), known.end(), text) != known.end()) return "";
  std::string message = "unknown policy '" + text + "'";
  const auto near = nearest(text, known);
  message += near ? ", did you mean '" + *near + "'?" : std::string(".");
  message += " Policies: ";
  for (std::size_t i = 0; i < known.size(); ++i) message += (i == 0 ? "" : ", ") + known[i];
  return message;
}

std::string check_symbol(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string number = equals == std::string::npos ? "" : text.substr(equals + 1);
  const bool digits = !number.empty() && number.size() <= 9 && number.find_first_not_of("0123456789") == std::string::npos;
  if (equals == 0 || !digits || std::stol(number) == 0) return "found '" + text + "', want NAME=N with N from 1 to 999999999";
  return "";
}

/// What is not built is a usage error, as an unknown option is; a malformed event is an input at fault and found when the
/// chip is known.
std::string check_event(const std::pair<std::string, std::string>& event) {
  DeviceSpec any;
  any.name = "any chip";
  any.clock_hz = 1;
  any.cluster_count = any.cores_per_cluster = any.banks_per_core = INT32_MAX;
  const auto parsed = parse_event(event.first, event.second, any);
  return !parsed && parsed.error().code == ErrorCode::kUnsupported ? complaint(parsed) : "";
}

std::map<std::string, std::int64_t> symbols_of(const std::vector<std::string>& texts) {
  std::map<std::string, std::int64_t> symbols;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (!symbols.emplace(text.substr(0, equals), std::stol(text.substr(equals + 1))).second) {
      throw CLI::ValidationError("--dim", "'" + text.substr(0, equals) + "' is given twice");
    }
  }
  return symbols;
}

// ---- Options that several commands share. ----

CLI::Validator form(std::string (*check)(const std::string&)) {
  return CLI::Validator([check](std::string& text) { return check(text); }, "");
}

void add_output(CLI::App& app, OutputArguments& output) {
  app.add_option("--json", output.json, "Write the result as JSON to FILE; - is stdout")->type_name("FILE");
  app.add_flag("--quiet", output.quiet, "No table and no progress bar");
}

void add_symbols(CLI::App& app, std::vector<std::string>& texts) {
  app.add_option("--dim", texts, "Bind a symbolic dimension, such as batch=4 (repeatable; others are 1)")
      ->type_name("NAME=N")
      ->allow_extra_args(false)
      ->check(form(check_symbol));
}

CLI::Option* add_device(CLI::App& app, std::optional<std::string>& device) {
  return app
      .add_option("--device", device,
                  "A shipped chip (gatefold devices), a device file, or (run, compare) host: this machine's CPU;\n"
                  "default: the first chip that holds the network")
      ->type_name("NAME|FILE");
}

void add_policy(CLI::App& app, std::string& policy, const std::string& others = "") {
  std::string names;
  for (const std::string& name : policy_names()) names += name + ", ";
  app.add_option("--policy", policy, "Who decides where layers run: " + names + "default" + others)
      ->type_name("P")
      ->check(form(check_policy));
}

void add_numerics(CLI::App& app, std::string& numerics) {
  app.add_option("--numerics", numerics, "How a quantised network is computed: integer (default) or qdq-float")
      ->type_name("CONTRACT")
      ->check(CLI::IsMember({"integer", "qdq-float"}));
}

void add_events(CLI::App& app, std::vector<std::pair<std::string, std::string>>& events) {
  app.add_option("--at", events,
                 "Something happens to the chip (repeatable), such as --at 12ms \"occupy cluster 0\";\n"
                 "events: occupy, release cluster N; throttle cluster N P%; fail, recover cluster N, core N.C or bank N.C.B")
      ->type_name("TIME EVENT")
      ->allow_extra_args(false);
}

/// CLI11 validates one text at a time; an event is two.
void check_events_form(const std::vector<std::pair<std::string, std::string>>& events) {
  for (const auto& event : events) {
    if (std::string message = check_event(event); !message.empty()) throw CLI::ValidationError("--at", message);
  }
}

/// What only the host, or only a modelled chip, has.
void check_device_options(const RunArguments& run) {
  const std::vector<std::string>& known = run.on_host() ? host_policy_names() : policy_names();
  for (const std::string& policy : run.policies) {
    if (policy == "default" || std::find(known.begin(), known.end(), policy) != known.end()) continue;
    throw CLI::ValidationError("policy", "'" + policy + "' is none of " + (run.on_host() ? "the host's" : "a modelled chip's"));
  }
  if (!run.on_host() && (run.cores || run.calibration || run.power)) {
    throw CLI::ValidationError(run.cores ? "--cores" : run.calibration ? "--calibration" : "--power", "wants --device host");
  }
  if (run.on_host() && run.timing_only) throw CLI::ValidationError("--timing-only", "the host computes what it times");
  if (run.on_host() && (run.breakdown || run.profile || run.why || run.density != 1)) {
    const char* option = run.breakdown ? "--breakdown" : run.profile ? "--profile" : run.why ? "--why" : "--density";
    throw CLI::ValidationError(option, "is of modelled chips");
  }
  if (run.on_host() && !run.events.empty()) throw CLI::ValidationError("--at", "events are of modelled chips; on the host they happen");
}

void add_host(CLI::App& app, RunArguments& run) {
  app.add_option("--cores", run.cores, "With --device host: use at most N cores")->type_name("N")->check(CLI::Range(1, 1024));
  app.add_option("--calibration", run.calibration,
                 "With --device host: keep and reuse measured layer times in DIR; 'default' is the user's\n"
                 "cache folder; without it nothing is kept")
      ->type_name("DIR");
  app.add_option("--power", run.power, "With --device host: watts of a core by state (docs/host.md); adds energy")->type_name("FILE");
}

void add_network(CLI::App& app, RunArguments& run, std::vector<std::string>& symbols) {
  app.add_option("MODEL", run.model, "The network: an .onnx file, or zoo:NAME (gatefold zoo)")->required();
  auto* input = app.add_option("--input", run.inputs,
                               "An .npy or .pb tensor, one --input per network input, in their order; N times\n"
                               "the network's leading dimension is N requests")
                    ->type_name("FILE")
                    ->allow_extra_args(false);
  app.add_option("--image", run.image, "A PNG or JPEG, resized and scaled to [0, 1]")->type_name("FILE")->excludes(input);
  add_device(app, run.device);
  add_host(app, run);
  app.add_option("--deadline", run.deadline, "Time from arrival to completion, such as 33ms")
      ->type_name("TIME")
      ->check(form(check_duration));
  app.add_option("--requests", run.requests, "How many requests (default: as many as the inputs hold)")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}));
  auto* every = app.add_option("--every", run.every, "A request arrives every T; without --every and --rate each follows the one before")
                    ->type_name("TIME")
                    ->check(form(check_duration));
  app.add_option("--rate", run.rate, "Requests arrive at random, R per second on average")
      ->type_name("R")
      ->check(form(check_rate))
      ->excludes(every);
  add_events(app, run.events);
  add_numerics(app, run.numerics);
  add_symbols(app, symbols);
  auto* timing_only = app.add_flag("--timing-only", run.timing_only, "Cycles and energy without computing any value");
  app.add_option("--density", run.density, "Share of activations that are not zero, for chips that exploit zeros (default 1)")
      ->type_name("D")
      ->needs(timing_only)
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--labels", run.labels, "An .npy of class numbers: adds the accuracy")->type_name("FILE")->excludes(timing_only);
  app.add_flag("--timings", run.timings, "Add wall-clock figures");
  app.add_option("--seed", run.seed, "Seed of generated inputs and random arrivals (default 1)")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  add_output(app, run.output);
}

// ---- The commands. ----

int status = kDone;

void add_run(CLI::App& app) {
  auto* command =
      app.add_subcommand("run", "Run a network on a modelled chip or on this machine: outputs, latency, energy, gating and shifts");
  auto run = std::make_shared<RunArguments>();
  auto symbols = std::make_shared<std::vector<std::string>>();
  run->policies = {"default"};
  add_network(*command, *run, *symbols);
  std::string own;
  for (const std::string& name : host_policy_names()) own += name + ", ";
  add_policy(*command, run->policies.front(), "; on the host " + own + "default");
  command->add_flag("--breakdown", run->breakdown, "Add tables of the energy by layer and by cluster");
  command->add_option("--profile", run->profile, "Write every change of the chip's profile as JSON to FILE")->type_name("FILE");
  command
      ->add_option("--why", run->why,
                   "Add every decision about this layer (a name or position of gatefold inspect): the options,\n"
                   "what each costs and what would have to change for it")
      ->type_name("LAYER");
  command->footer(
      "Examples:\n"
      "  gatefold run net.onnx\n"
      "  gatefold run net.onnx --input x.npy --labels y.npy --policy static\n"
      "  gatefold run net.onnx --requests 100 --every 10ms --deadline 10ms --at 500ms \"occupy cluster 0\"\n"
      "  gatefold run net.onnx --why conv1 --requests 3 --at 1ms \"throttle cluster 0 50%\"\n"
      "  gatefold run net.onnx --device host --requests 100 --every 20ms --deadline 20ms\n"
      "  gatefold run net.onnx --timing-only --json -");
  command->callback([run, symbols] {
    check_events_form(run->events);
    check_device_options(*run);
    run->symbols = symbols_of(*symbols);
    status = run_command(*run);
  });
}

/// `compare` takes either kind of file.
bool is_scenario(const std::string& file) { return file.ends_with(".yaml") || file.ends_with(".yml"); }

/// What a scenario says itself, or what a play does not have.
void check_scenario_options(const CLI::App& command) {
  static constexpr std::string_view kShared[] = {"--device", "--policies", "--seed", "--duration", "--timings", "--json", "--quiet"};
  for (const CLI::Option* option : command.get_options()) {
    const bool is_shared = std::find(std::begin(kShared), std::end(kShared), option->get_name()) != std::end(kShared);
    if (option->count() == 0 || option->get_positional() || is_shared) continue;
    throw CLI::ValidationError(option->get_name(), "is for a network, not for a scenario file");
  }
}

/// Scenarios are played on modelled chips only.
void check_chip(const PlayArguments& play) {
  if (play.device == "host") throw CLI::ValidationError("--device", "the host plays no scenarios, wanted a modelled chip");
  for (const std::string& policy : play.policies) {
    const std::vector<std::string>& known = play_policy_names();
    if (policy == "default" || std::find(known.begin(), known.end(), policy) != known.end()) continue;
    throw CLI::ValidationError("policy", "'" + policy + "' is none of a modelled chip's");
  }
}

CLI::Option* add_duration(CLI::App& app, std::optional<std::string>& duration) {
  return app.add_option("--duration", duration, "Play a scenario for so much virtual time; what was to happen later does not")
      ->type_name("TIME")
      ->check(form(check_duration));
}

void add_play(CLI::App& app) {
  auto* command = app.add_subcommand("play", "Play a scenario file on a modelled chip: many networks, their requests, and events");
  auto play = std::make_shared<PlayArguments>();
  play->policies = {"default"};
  command->add_option("SCENARIO", play->scenario, "The scenario, a .yaml file (docs/scenarios.md)")->required();
  command->add_option("--device", play->device, "A shipped chip or a device file; default: the first that the scenario names")
      ->type_name("NAME|FILE");
  add_policy(*command, play->policies.front(), ", static(trace)");
  command->add_option("--seed", play->seed, "Seed of all randomness; default: the first that the scenario names")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  add_duration(*command, play->duration);
  command->add_flag("--timings", play->timings, "Add wall-clock figures");
  add_output(*command, play->output);
  command->footer(
      "Examples:\n"
      "  gatefold play scenarios/05-four-networks.yaml\n"
      "  gatefold play scenarios/09-failures.yaml --device edge-nnic --policy static --duration 60s --json -");
  command->callback([play] {
    check_chip(*play);
    status = play_command(*play);
  });
}

void add_compare(CLI::App& app) {
  auto* command = app.add_subcommand("compare", "Run the same work under several policies, side by side");
  auto run = std::make_shared<RunArguments>();
  auto symbols = std::make_shared<std::vector<std::string>>();
  auto duration = std::make_shared<std::optional<std::string>>();
  add_network(*command, *run, *symbols);
  command->get_option("MODEL")->description("The network: an .onnx file, or zoo:NAME (gatefold zoo); or a scenario, a .yaml file");
  add_duration(*command, *duration);
  command
      ->add_option("--policies", run->policies,
                   "Default: ungated,static,seed-literal,greedy,regret; on the host fewest-cores,all-cores,one-core")
      ->type_name("A,B,..")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(form(check_policy));
  command->footer(
      "Examples:\n"
      "  gatefold compare net.onnx\n"
      "  gatefold compare net.onnx --policies static,default --requests 50 --every 20ms --at 200ms \"throttle cluster 1 50%\"\n"
      "  gatefold compare scenarios/09-failures.yaml --policies static,default --device edge-nnic");
  command->callback([command, run, symbols, duration] {
    const bool on_scenario = is_scenario(run->model);
    check_events_form(run->events);
    if (run->policies.empty() && run->on_host() && !on_scenario) run->policies = host_policy_names();
    if (run->policies.empty()) run->policies = {"ungated", "static", "seed-literal", "greedy", "regret"};
    if (on_scenario) {
      check_scenario_options(*command);
      PlayArguments play{run->model, run->device, run->policies, {}, *duration, run->timings, run->output};
      if (command->get_option("--seed")->count() > 0) play.seed = run->seed;
      check_chip(play);
      status = play_compare_command(play);
      return;
    }
    if (*duration) throw CLI::ValidationError("--duration", "is for a scenario file");
    check_device_options(*run);
    run->symbols = symbols_of(*symbols);
    status = compare_command(*run);
  });
}

void add_inspect(CLI::App& app) {
  auto* command =
      app.add_subcommand("inspect", "Show a network's layers, what they read and keep alive, and what shifting each would move");
  auto inspect = std::make_shared<InspectArguments>();
  auto symbols = std::make_shared<std::vector<std::string>>();
  command->add_option("MODEL", inspect->model, "The network: an .onnx file, or zoo:NAME (gatefold zoo)")->required();
  add_symbols(*command, *symbols);
  auto* options = command->add_option("--options", inspect->options, "Instead: the ways to run one layer on a chip, and what each costs")
                      ->type_name("LAYER");
  add_device(*command, inspect->device)->needs(options);
  add_output(*command, inspect->output);
  command->footer(
      "Examples:\n"
      "  gatefold inspect net.onnx --dim batch=4\n"
      "  gatefold inspect net.onnx --options conv1 --device edge-nnic");
  command->callback([inspect, symbols] {
    inspect->symbols = symbols_of(*symbols);
    status = inspect_command(*inspect);
  });
}

void add_zoo(CLI::App& app) {
  auto* command =
      app.add_subcommand("zoo", "List the networks that can be built, or write one as ONNX (public architecture, seeded weights)");
  auto zoo = std::make_shared<ZooArguments>();
  auto* name = command->add_option("NAME", zoo->name, "Which network; without it, the list");
  auto* file = command->add_option("-o,--output", zoo->file, "Where to write it")->type_name("FILE.onnx")->needs(name);
  command->add_option("--seed", zoo->seed, "Seed of the weights (default 1)")->type_name("N")->check(CLI::NonNegativeNumber)->needs(name);
  add_output(*command, zoo->output);
  for (const char* of_the_list : {"--json", "--quiet"}) command->get_option(of_the_list)->excludes(name);
  command->footer(
      "MODEL of run, compare and inspect may be zoo:NAME: the same network with the default seed, without a file.\n"
      "Examples:\n"
      "  gatefold zoo\n"
      "  gatefold zoo resnet8 -o resnet8.onnx\n"
      "  gatefold run zoo:ds-cnn");
  command->callback([zoo, file] {
    if (zoo->name && file->empty()) throw CLI::RequiredError("-o FILE.onnx");
    status = zoo_command(*zoo);
  });
}

void add_devices(CLI::App& app) {
  auto* command = app.add_subcommand("devices", "List the shipped chips, or show one with the source of every number");
  auto devices = std::make_shared<DevicesArguments>();
  add_output(*command, devices->output);
  auto* show = command->add_subcommand("show", "One chip: every number as written, as resolved, its source and trust");
  show->add_option("NAME", devices->show, "A shipped chip, or a device file")->required();
  add_output(*show, devices->output);
  command->footer("Examples:\n  gatefold devices\n  gatefold devices show edge-nnic");
  command->callback([devices] { status = devices_command(*devices); });
}

void add_plan(CLI::App& app) {
  auto* command =
      app.add_subcommand("plan", "Find the cheapest plan of a network, and write it with a certificate of how cheap one can be");
  auto plan = std::make_shared<PlanArguments>();
  auto symbols = std::make_shared<std::vector<std::string>>();
  command->add_option("MODEL", plan->model, "The network, an .onnx file")->required();
  add_device(*command, plan->device);
  command->add_option("--every", plan->every, "A request arrives every T: a whole period is planned, the gap included")
      ->type_name("TIME")
      ->check(form(check_duration));
  command->add_option("--deadline", plan->deadline, "The longest that a request may take, such as 33ms")
      ->type_name("TIME")
      ->check(form(check_duration));
  add_symbols(*command, *symbols);
  command->add_option("-o,--json", plan->output.json, "Write the plan file to FILE; - is stdout")->type_name("FILE");
  command->add_flag("--quiet", plan->output.quiet, "No table");
  command->footer(
      "Examples:\n"
      "  gatefold plan net.onnx -o plan.json\n"
      "  gatefold plan net.onnx --device edge-16 --every 33ms --deadline 10ms -o plan.json\n"
      "  gatefold check plan.json");
  command->callback([plan, symbols] {
    plan->symbols = symbols_of(*symbols);
    status = plan_command(*plan);
  });
}

void add_check(CLI::App& app) {
  auto* command = app.add_subcommand("check", "Verify a plan file: recompute every cost, then the proof");
  auto check = std::make_shared<CheckArguments>();
  command->add_option("PLAN", check->plan, "A plan file of gatefold plan")->required();
  command->add_option("--model", check->model, "The network (default: the path in the plan file)")->type_name("FILE");
  command->add_option("--device", check->device, "The chip (default: the plan's)")->type_name("NAME|FILE");
  add_output(*command, check->output);
  command->footer(
      "Examples:\n"
      "  gatefold check plan.json\n"
      "  gatefold check plan.json --model net.onnx --device edge-16");
  command->callback([check] { status = check_command(*check); });
}

void add_conformance(CLI::App& app) {
  auto* command = app.add_subcommand("conformance", "Run known-answer cases (ONNX backend-test folders) on the chip and judge the outputs");
  auto conformance = std::make_shared<ConformanceArguments>();
  conformance->policy = "default";
  command->add_option("DIR", conformance->folder, "One case, or a tree of cases")->required();
  add_device(*command, conformance->device);
  command->add_option("--policy", conformance->policy, "Who decides where layers run")->type_name("P")->check(form(check_policy));
  add_events(*command, conformance->events);
  add_numerics(*command, conformance->numerics);
  command->add_flag("--strict", conformance->strict, "Unsupported cases count as failed");
  add_output(*command, conformance->output);
  command->footer(
      "A case is a folder with model.onnx and test_data_set_K/{input_J,output_J}.pb, or a pair NAME.onnx, NAME_output_0.pb.\n"
      "Examples:\n"
      "  gatefold conformance cases/\n"
      "  gatefold conformance cases/net --numerics qdq-float --at 1us \"occupy cluster 0\"");
  command->callback([conformance] {
    check_events_form(conformance->events);
    status = conformance_command(*conformance);
  });
}

/// Nothing that may allocate: the contract may have been violated anywhere.
void print_violation(const ContractViolation& violation) {
  std::fprintf(stderr, "gatefold: internal error: %s violated at %s:%d: %s\n", violation.kind, violation.file, violation.line,
               violation.condition);
  _exit(kInternalError);
}

int parse_and_run(int argc, char** argv) {
  CLI::App app(
      "Runs neural networks on modelled chips of dot-product clusters, and decides while they run which clusters are\n"
      "powered. Start with: gatefold run MODEL.onnx");
  app.name("gatefold");
  app.set_version_flag("--version", std::string("gatefold ") + version());
  app.require_subcommand(0, 1);  // a missing command is reported below, so that an unknown word is named instead
  app.get_formatter()->column_width(28);
  add_run(app);
  add_compare(app);
  add_play(app);
  add_inspect(app);
  add_zoo(app);
  add_devices(app);
  add_plan(app);
  add_check(app);
  add_conformance(app);
  app.footer("Each command has --help with examples. Exit status: 0 done, 1 the input is at fault, 2 usage, 3 internal error.");
  try {
    app.parse(argc, argv);
    if (app.get_subcommands().empty())
      throw CLI::RequiredError("a command: run, compare, play, inspect, zoo, devices, plan, check or conformance");
  } catch (const CLI::Success& success) {
    app.exit(success);
    return kDone;
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "gatefold: usage: %s\nRun with --help for more.\n", error.what());
    return kUsage;
  }
  return status;
}

}  // namespace
}  // namespace gatefold::tool

int main(int argc, char** argv) {
  gatefold::set_contract_handler(gatefold::tool::print_violation);
  try {
    return gatefold::tool::parse_and_run(argc, argv);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "gatefold: internal error: %s\n", exception.what());
    return gatefold::tool::kInternalError;
  }
}
