// The tool's commands: arguments in, text and files out, an exit status back.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gatefold/base/result.h"
#include "gatefold/report/json.h"
#include "gatefold/zoo/zoo.h"
#include "inputs.h"

namespace gatefold::tool {

inline constexpr int kDone = 0;
inline constexpr int kInputAtFault = 1;
inline constexpr int kUsage = 2;
inline constexpr int kInternalError = 3;  ///< a violated contract

/// Where results go.
struct OutputArguments {
  std::optional<std::string> json;  ///< a file, or "-" for stdout
  bool quiet = false;               ///< no table and no progress bar
};

/// Options of `run` and `compare`. Texts were checked for their form by the command line.
struct RunArguments {
  std::string model;
  std::vector<std::string> inputs;
  std::optional<std::string> image;
  std::optional<std::string> labels;
  std::optional<std::string> device;
  std::vector<std::string> policies;  ///< one for `run`
  std::optional<std::string> deadline;
  std::optional<std::int64_t> requests;
  std::optional<std::string> every;
  std::optional<std::string> rate;
  std::vector<std::pair<std::string, std::string>> events;  ///< time, event
  std::string numerics = "integer";
  std::map<std::string, std::int64_t> symbols;
  std::uint64_t seed = 1;
  bool timing_only = false;
  double density = 1;                  ///< with timing_only
  bool breakdown = false;              ///< `run` only
  std::optional<std::string> profile;  ///< `run` only: a file
  std::optional<std::string> why;      ///< `run` only: a layer by name or position
  bool timings = false;
  // the host only
  std::optional<std::int32_t> cores;
  std::optional<std::string> calibration;  ///< a folder, or "default"
  std::optional<std::string> power;        ///< a power profile
  OutputArguments output;
  [[nodiscard]] bool on_host() const { return device == "host"; }
};

/// Options of `play`, and of `compare` on a scenario.
struct PlayArguments {
  std::string scenario;
  std::optional<std::string> device;  ///< instead of the first one that the scenario names
  std::vector<std::string> policies;  ///< one for `play`
  std::optional<std::uint64_t> seed;  ///< instead of the scenario's first
  std::optional<std::string> duration;
  bool timings = false;
  OutputArguments output;
};

struct InspectArguments {
  std::string model;
  std::optional<std::string> options;  ///< a layer by name or position: its option table on the device
  std::optional<std::string> device;
  std::map<std::string, std::int64_t> symbols;
  OutputArguments output;
};

/// Without a name: the list.
struct ZooArguments {
  std::optional<std::string> name;
  std::string file;  ///< with a name: where the network goes
  std::uint64_t seed = kZooSeed;
  OutputArguments output;
};

struct DevicesArguments {
  std::optional<std::string> show;  ///< a name or a file
  OutputArguments output;
};

struct PlanArguments {
  std::string model;
  std::optional<std::string> device;
  std::optional<std::string> every;
  std::optional<std::string> deadline;
  std::map<std::string, std::int64_t> symbols;
  OutputArguments output;
};

struct CheckArguments {
  std::string plan;
  std::optional<std::string> model;   ///< instead of the path in the plan
  std::optional<std::string> device;  ///< instead of the plan's
  OutputArguments output;
};

struct ConformanceArguments {
  std::string folder;
  std::optional<std::string> device;
  std::string policy;
  std::vector<std::pair<std::string, std::string>> events;
  std::string numerics = "integer";
  bool strict = false;
  OutputArguments output;
};

int run_command(const RunArguments& arguments);
int compare_command(const RunArguments& arguments);
int play_command(const PlayArguments& arguments);
int play_compare_command(const PlayArguments& arguments);
int inspect_command(const InspectArguments& arguments);
int zoo_command(const ZooArguments& arguments);
int devices_command(const DevicesArguments& arguments);
int plan_command(const PlanArguments& arguments);
int check_command(const CheckArguments& arguments);
int conformance_command(const ConformanceArguments& arguments);

/// A network and what it is fed, request by request.
struct Feed {
  LoadedNetwork loaded;
  std::int64_t count = 1;        ///< requests
  std::vector<InputSet> inputs;  ///< one set for all requests, or one per request
  std::optional<Tensor> labels;  ///< of the requests that are fed
};
/// Errors: those of load_network and read_tensor.
[[nodiscard]] Result<Feed> read_feed(const RunArguments& arguments);

/// What a result says about how it was asked for, whatever the device.
[[nodiscard]] RunContext context_of(const RunArguments& arguments, const Feed& feed, const std::string& command, const std::string& policy);

/// `run` and `compare` on this machine.
int host_run_command(const RunArguments& arguments);
int host_compare_command(const RunArguments& arguments);

/// "60", "60/s", "60 Hz" -> requests per second. Errors: kInvalidInput (not a positive number, another unit).
[[nodiscard]] Result<double> parse_rate(const std::string& text);
/// What `default` stands for, else the name itself.
[[nodiscard]] std::string resolved_policy(const std::string& name);
/// Prints "gatefold: error: " and the message; returns kInputAtFault.
int report_error(const Error& error);
/// JSON and table where the arguments want them. Returns kDone, or kInputAtFault if a file cannot be written.
int write_results(const OutputArguments& arguments, const std::string& json, const std::string& table);
[[nodiscard]] const char* version();

}  // namespace gatefold::tool
