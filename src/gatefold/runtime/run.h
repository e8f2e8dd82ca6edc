// One network on one modelled chip: the options of a run, what it returns, and the call that makes one of the other.
//
//     load (onnx) -> layers (graph) -> OptionTable (cost) -> first placement (remap) -> run -> RunResult
//
// A PreparedNetwork is everything that is computed once and shared by all runs and policies of a comparison.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gatefold/base/quantity.h"
#include "gatefold/base/result.h"
#include "gatefold/device/profile.h"
#include "gatefold/device/spec.h"
#include "gatefold/graph/layer_graph.h"
#include "gatefold/remap/explain.h"
#include "gatefold/runtime/events.h"

namespace gatefold {

/// When requests arrive. `every` and `rate` are declared data, known before the first request
/// (docs/decision-problem.md, Baselines). Neither: closed loop, each
/// request arrives when the one before completes.
struct Arrivals {
  std::int64_t count = 1;
  std::optional<Cycles> every;    ///< exactly periodic
  std::optional<double> rate_hz;  ///< Poisson, seeded
};

struct RunOptions {
  std::string policy = "static";
  Arrivals arrivals;
  std::optional<Cycles> deadline;  ///< from arrival to completion
  std::vector<TimedEvent> events;  ///< ascending in time
  Numerics numerics = Numerics::kInteger;
  bool timing_only = false;  ///< no numerics: payloads stay empty
  /// Under timing_only: the share of activations that are not zero, for chips that exploit zeros. Where zeros lie is not
  /// known then, so nothing is skipped. Otherwise they are counted in the data.
  double density = 1;
  bool measure_decisions = false;  ///< fill RunResult::decision_ns
  bool record_profile = false;     ///< fill RunResult::profile
  std::optional<LayerId> why;      ///< fill RunResult::why with the decisions about this layer; they are not measured
  std::uint64_t seed = 1;
};

/// One tensor per network input, in LayerGraph::inputs' order.
using InputSet = std::vector<Tensor>;

/// The energy of a run in disjoint parts.
struct EnergyParts {
  EnergyTotal compute, memory, crossbar, external, leakage_on, leakage_gated, transitions, uncore, floor;
  [[nodiscard]] EnergyTotal total() const {
    return compute + memory + crossbar + external + leakage_on + leakage_gated + transitions + uncore + floor;
  }
};

/// A layer over all requests of a run.
struct LayerRecord {
  std::string name;
  std::string op;
  std::string placement;  ///< where it ran last: "cluster 0, cores 0-1"
  Cycles cycles;          ///< of its last execution, stalls apart
  EnergyTotal energy;     ///< dynamic energy and moves, over all requests
  std::int64_t shifts = 0;
  std::int64_t row_blocks = 0;  ///< of its last execution; 0: whole, because none of its activations is spilled
  /// All that was charged while the layer was worked on, over all requests: what it holds ON and what it wakes included.
  PartSums parts{};
  // On chips that exploit zeros:
  std::optional<double> density{};  ///< of its activation operands in its last execution: elements that are not zero
  DotProducts skipped{};            ///< dot products of its last execution that were not issued
};

/// An activation that lies in external memory while it lives.
struct SpillRecord {
  std::string name;
  Bytes bytes;
};

/// A summary of clusters in use between two instants of a run.
struct Phase {
  std::string name;  ///< "before", "during", "after" the first event until the last; "whole" without events
  Cycles begin;
  Cycles end;
  double mean_active = 0;  ///< mean number of clusters powered while a layer executes
};

/// A request that completed.
struct RequestRecord {
  Cycles arrival;
  Cycles completion;
  bool deadline_missed = false;
};

/// A request that was given up.
struct ShedRecord {
  std::int64_t request = 0;  ///< its number, from 0
  Cycles arrival;
  Cycles at;           ///< when it was
  std::string reason;  ///< which layer could not run, and why
};

struct OutputRecord {
  std::string name;
  Tensor tensor;  ///< empty (zero elements) under timing_only
};

/// Recoveries from failures in mid-layer: each from the failure to the end of the same layer, wherever it runs then. *Allowed* is
/// what has to be done meanwhile, one after the other: the layers that run again and it, each for as long as it takes where it
/// runs, with a route change and a wake, their transfers, and waiting for what was booked before them. Waiting for the repair is not.
struct Recoveries {
  std::int64_t count = 0;
  std::int64_t exceeded = 0;  ///< that took longer than allowed
  Cycles longest;
  std::int64_t plain = 0;  ///< in which nothing else ran again and nothing was waited for: one layer and its transfers
  Cycles longest_plain;
  Recoveries& operator+=(const Recoveries& other) {
    count += other.count;
    exceeded += other.exceeded;
    longest = std::max(longest, other.longest);
    plain += other.plain;
    longest_plain = std::max(longest_plain, other.longest_plain);
    return *this;
  }
};

struct BoundRecord {
  std::string kind;     ///< StaticPlan::bound_kind: "chain" and "dag" (proven cheapest), "chain-relaxed" and "dag-relaxed"
  EnergyTotal energy;   ///< what the bound allows for the placement-dependent part of one request
  EnergyTotal reached;  ///< what the plan costs by the same objective
};

struct RunResult {
  std::string policy;
  std::int64_t requests = 0;
  std::int64_t completed = 0;
  std::int64_t deadline_misses = 0;
  std::vector<RequestRecord> request_records;  ///< of those that completed, in order
  std::vector<ShedRecord> shed;                ///< of the others
  Cycles horizon;                              ///< what the ledger covers, from 0
  std::int64_t clock_hz = 1;
  EnergyParts energy;
  PartSums energy_between{};              ///< what was charged while no layer was worked on: gaps, uncore, floor
  std::vector<PartSums> energy_clusters;  ///< what belongs to no cluster, then every cluster
  // clusters
  std::int32_t cluster_count = 0;
  double mean_active = 0;  ///< over the horizon
  double active_cluster_seconds = 0;
  double utilisation = 0;  ///< useful dot products / dot products of the powered cores
  std::vector<Phase> phases;
  // gating
  std::int64_t wakes = 0;
  Cycles stall;                                                ///< waiting for wakes, routes and transfers
  std::int64_t stalls = 0;                                     ///< executions that waited
  std::array<IdleTimes, kElementClassCount> idle_times{};      ///< by ElementClass
  std::array<UnknownGaps, kElementClassCount> unknown_gaps{};  ///< by ElementClass
  std::int64_t misgates = 0;                                   ///< gate commands refused because the element was in use
  // shifts
  std::int64_t shifts_voluntary = 0;
  std::int64_t shifts_forced = 0;
  std::int64_t shifts_refused = 0;
  Bytes shift_bytes;
  EnergyTotal shift_energy;
  EnergyTotal shift_energy_voluntary;  ///< of it
  // faults
  std::int64_t interrupted = 0;  ///< executions that a failure cut short
  std::int64_t recomputed = 0;   ///< executions of layers whose results were lost
  Bytes reloaded;                ///< lost weights that came from external memory
  Recoveries recoveries;
  std::int64_t refills = 0;  ///< banks that had gone OFF with weights and were filled again
  Bytes input_bytes;         ///< of network inputs written, those stored again included
  EnergyTotal input_energy;  ///< of writing them
  std::optional<BoundRecord> bound;
  std::vector<LayerRecord> layers;
  std::vector<SpillRecord> spilled;
  /// Share of time by state over all clusters, cores and banks: "on", "clock_gated", "retention", "off".
  std::vector<std::pair<std::string, double>> residency;
  std::vector<std::vector<OutputRecord>> outputs;  ///< per request; empty for one that was shed
  double simulate_seconds = 0;                     ///< wall clock of the event loop
  std::vector<std::int64_t> decision_ns;           ///< wall clock of every decision, if asked for
  std::vector<ProfileDelta> profile;               ///< every change of the profile, if asked for
  std::vector<ExplainedDecision> why;              ///< distinct decisions about one layer, if asked for
};

/// Called now and then with requests done; may be empty.
using Progress = std::function<void(std::int64_t done, std::int64_t total)>;

class PreparedNetwork;

/// Option table and static plan of one network on one chip; weights are packed when first asked for and kept.
/// Errors: kDoesNotFit naming the sizes, kUnsupported naming the layer.
[[nodiscard]] Result<std::shared_ptr<const PreparedNetwork>> prepare(std::shared_ptr<const LayerGraph> graph,
                                                                     std::shared_ptr<const DeviceSpec> device);

/// The same, refused (kDoesNotFit) unless everything stays in the chip's own memory.
[[nodiscard]] Result<std::shared_ptr<const PreparedNetwork>> prepare_resident(std::shared_ptr<const LayerGraph> graph,
                                                                              std::shared_ptr<const DeviceSpec> device);

/// True if all weights and activations stay in the chip's memory: nothing is streamed from outside or spilled.
[[nodiscard]] bool fully_resident(const PreparedNetwork& network);

/// Errors: kInvalidInput (inputs of the wrong number, type or shape), naming the input.
[[nodiscard]] Status check_input_set(const LayerGraph& graph, const InputSet& set);

/// Runs the requests. `inputs` holds one set for all requests, or one per request; empty under timing_only.
/// Errors: kInvalidInput (unknown policy, event on a missing element, input of the wrong type or shape), kDoesNotFit.
[[nodiscard]] Result<RunResult> run(const PreparedNetwork& network, const RunOptions& options, const std::vector<InputSet>& inputs,
                                    const Progress& progress = {});

/// Policies by name, in the order of tables.
[[nodiscard]] const std::vector<std::string>& policy_names();
/// What `default` resolves to.
inline constexpr const char* kDefaultPolicy = "regret";

}  // namespace gatefold
