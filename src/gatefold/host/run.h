// Runs of one network on this machine, in real time: the host's counterpart of runtime/run.h, for the tool and the benches.
//
// Requests of a run are served in order on the calling thread, which leads each where its core allows; so a run measures
// what a program would see that serves one stream. Latency counts from the instant at which a request was due.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gatefold/base/result.h"
#include "gatefold/host/counters.h"
#include "gatefold/host/energy.h"
#include "gatefold/host/session.h"
#include "gatefold/runtime/run.h"

namespace gatefold {

/// When requests come. Neither `every_ns` nor `rate_hz`: each when the one before is done.
struct HostArrivals {
  std::int64_t count = 1;
  std::optional<std::int64_t> every_ns;
  std::optional<double> rate_hz;  ///< Poisson, seeded
};

struct HostRunOptions {
  std::string policy;  ///< one of host_policy_names()
  HostArrivals arrivals;
  std::optional<std::int64_t> deadline_ns;
  Numerics numerics = Numerics::kInteger;
  std::optional<std::int32_t> cores_max;
  std::optional<std::filesystem::path> calibration_folder;
  std::optional<PowerProfile> power;
  std::uint64_t seed = 1;
};

struct HostLayerRecord {
  std::string name;
  std::string op;
  std::int32_t parts = 1;  ///< slices on an undisturbed machine
  double seconds = 0;      ///< measured, so cut
};

struct HostRunResult {
  std::string policy;
  std::int64_t requests = 0;
  std::int64_t completed = 0;
  std::int64_t deadline_misses = 0;
  std::vector<std::int64_t> latency_ns;  ///< per request
  double elapsed_s = 0;                  ///< from the first arrival to the last completion
  // the machine
  std::string cpu;
  std::int32_t cluster_count = 0;
  std::int32_t core_count = 0;
  std::int64_t wake_ns = 0;
  std::int64_t break_even_ns = 0;
  std::vector<CoreConditions> cores;  ///< at the end
  MachineConditions machine;
  // what it took
  HostCounters used;                 ///< of the requests alone, without loading
  std::optional<HostEnergy> energy;  ///< where measured or declared
  std::vector<std::int64_t> move_ns;
  std::string calibration;  ///< "measured", "from FILE"
  double load_s = 0;        ///< compiling, packing and calibrating
  std::vector<HostLayerRecord> layers;
  std::vector<std::vector<OutputRecord>> outputs;  ///< per request
};

/// Policies by name, in the order of tables: "fewest-cores", "all-cores", "one-core".
[[nodiscard]] const std::vector<std::string>& host_policy_names();
/// What `default` means on the host.
inline constexpr const char* kDefaultHostPolicy = "fewest-cores";

/// Opens a session, loads the network and runs the requests. `inputs` holds one set for all requests, or one per request.
/// Errors: kInvalidInput (unknown policy, inputs), kUnsupported (a layer that no kernel computes), kIo (calibration folder).
[[nodiscard]] Result<HostRunResult> host_run(std::shared_ptr<const LayerGraph> graph, const HostRunOptions& options,
                                             const std::vector<InputSet>& inputs, const Progress& progress = {});

}  // namespace gatefold
