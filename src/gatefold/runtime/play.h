// Many networks on one modelled chip, their requests and what happens to the chip meanwhile: a scenario, played in virtual time.
//
// One session per network serves one request at a time; streams that name the same network share it. Waiting requests are taken by
// earliest deadline, then priority. Among the sessions whose next layer could start soonest the earliest deadline goes first, so a
// request gives way to a more urgent one between two layers; layers of several networks overlap wherever cores, segments and banks
// allow. A request is taken up when the banks it needs beside those in progress are there (play_admission). Weights of networks that
// do not fit together come and go on demand (play_residency). Nothing is kept per request: memory does not grow with time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gatefold/runtime/latency_histogram.h"
#include "gatefold/runtime/play_bound.h"
#include "gatefold/runtime/run.h"
#include "gatefold/runtime/scenario.h"

namespace gatefold {

/// Why a request was given up.
enum class ShedReason : std::uint8_t {
  kTooLate,    ///< its deadline had become unreachable while it waited
  kQueueFull,  ///< too many requests of its network waited already
  kNoRoom,     ///< what is left of the chip does not hold its network, or does not run one of its layers
};
inline constexpr std::size_t kShedReasonCount = 3;
/// "too late", "queue full", "no room".
[[nodiscard]] const char* name(ShedReason reason);

struct StreamResult {
  std::string name;
  std::int64_t requests = 0;   ///< that arrived
  std::int64_t completed = 0;  ///< served to their end, in time or not
  std::int64_t met = 0;        ///< completed in time; all completed ones without a deadline
  std::array<std::int64_t, kShedReasonCount> shed{};
  LatencyHistogram latency;  ///< from arrival to completion, of those that completed
  /// Its network's layers in the ledger, by the share of the network's requests that were the stream's.
  EnergyTotal energy;
  /// Sum over completed requests of latency / T_ref: the latency of the same layers alone.
  double slowdown_sum = 0;
};

/// Quality of service. Based on: Eyerman, Eeckhout, "System-level performance metrics for multiprogram workloads", IEEE Micro 28 (2008),
/// with the streams that completed anything as programs.
struct Qos {
  double met = 1;       ///< requests completed in time / requests
  double stp = 0;       ///< system throughput: sum over streams of T_ref / mean latency
  double antt = 0;      ///< average normalised turnaround time: mean over streams of mean latency / T_ref
  double fairness = 1;  ///< smallest / largest T_ref / latency of a stream
};

/// A request that was given up, as an example of its kind.
struct ShedExample {
  std::string stream;
  std::int64_t request = 0;
  Cycles at;
  ShedReason reason = ShedReason::kNoRoom;
  std::string text;
};

/// Requests that waited for others, so as to share a wake of the chip with them.
struct Coalesced {
  std::int64_t waited = 0;
  std::int64_t saved = 0;  ///< wakes of the whole chip: of so many that went on together, all but one
  Cycles total;            ///< time that they waited
  Cycles longest;
};

struct PlayResult {
  std::string policy;
  std::uint64_t seed = 0;
  Cycles horizon;  ///< what the ledger covers, from 0
  std::int64_t clock_hz = 1;
  std::vector<StreamResult> streams;
  Qos qos;
  EnergyParts energy;
  EnergyTotal energy_between;  ///< what was charged while no layer was worked on: gaps, uncore, floor
  // clusters
  std::int32_t cluster_count = 0;
  double mean_active = 0;  ///< over the horizon
  double active_cluster_seconds = 0;
  /// Share of time by state over all clusters, cores and banks: "on", "clock_gated", "retention", "off".
  std::vector<std::pair<std::string, double>> residency;
  // gating
  std::int64_t wakes = 0;
  std::int64_t misgates = 0;
  Cycles stall;  ///< waiting for wakes, routes and transfers
  std::int64_t stalls = 0;
  // shifts
  std::int64_t shifts_voluntary = 0;
  std::int64_t shifts_forced = 0;
  std::int64_t shifts_refused = 0;
  Bytes shift_bytes;
  EnergyTotal shift_energy;
  Coalesced coalesced;
  EnergyBound bound;  ///< of serving the requests that were served
  // networks that come and go
  std::int64_t loads = 0;      ///< of networks whose weights were not in the chip
  std::int64_t evictions = 0;  ///< of networks that made room
  // faults
  std::int64_t faults = 0;       ///< failures and recoveries that happened
  std::int64_t interrupted = 0;  ///< executions that a failure cut short
  std::int64_t recomputed = 0;   ///< executions of layers whose results were lost
  std::int64_t restarted = 0;    ///< requests begun again alone, because beside others their data found no room
  Recoveries recoveries;
  Bytes reloaded;  ///< weights that came from external memory after the start
  // power cap
  Cycles capped;                           ///< time under a cap
  Cycles cap_violated;                     ///< time in which the mean power since a layer's start was above the cap
  Cycles cap_violated_most;                ///< the longest such time
  Cycles cap_layer_most;                   ///< the longest execution of a layer meanwhile
  std::vector<ShedExample> shed_examples;  ///< the first few of each reason
  std::int64_t executions = 0;             ///< of layers
  double simulate_seconds = 0;             ///< wall clock
};

struct PlayOptions {
  std::string policy = "static";
  std::uint64_t seed = 1;
  bool timing_only = true;
  Numerics numerics = Numerics::kInteger;
};

/// Sees every request that ends, with the outputs it made (none under timing_only). For tests.
class PlayObserver {
 public:
  virtual ~PlayObserver() = default;
  virtual void on_end(StreamId stream, std::int64_t request, const std::string& shed, const std::vector<OutputRecord>& outputs) = 0;
};

/// What play() knows: the policies of runs, and `static(trace)` (play_trace.h).
[[nodiscard]] const std::vector<std::string>& play_policy_names();

/// Plays a resolved scenario. `networks`: by NetworkId, all prepared for the same device. `inputs`: one set per network; empty under
/// timing_only. `progress` is told virtual time in permille of the duration.
/// Errors: kInvalidInput (unknown policy, scenario not resolved, inputs); kDoesNotFit (a network that does not fit even alone).
[[nodiscard]] Result<PlayResult> play(const Scenario& scenario, const std::vector<std::shared_ptr<const PreparedNetwork>>& networks,
                                      const PlayOptions& options, const std::vector<InputSet>& inputs = {}, const Progress& progress = {},
                                      PlayObserver* observer = nullptr);

/// The scenario with every figure that is relative to `static` replaced: latencies by one request alone, caps by playing the scenario
/// under `static` until they begin.
/// Errors: those of play; kInvalidInput naming a figure that leaves its range.
[[nodiscard]] Result<Scenario> resolve(Scenario scenario, const std::vector<std::shared_ptr<const PreparedNetwork>>& networks,
                                       std::uint64_t seed);

}  // namespace gatefold
