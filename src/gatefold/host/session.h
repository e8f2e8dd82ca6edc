// The host CPU as a device: the library's interface for those who serve networks.
//
//     auto session = HostSession::open({});                          // one bound worker per core, asleep
//     auto network = session->load(graph, Numerics::kInteger);       // weights packed, layers timed
//     auto request = session->submit(network, inputs, {.deadline = 20ms});
//     HostCompletion done = request.wait();
//
// A request runs on the fewest cores that meet its deadline, one without a deadline as fast as is worth the cores; all
// others sleep. Several networks and requests run at once on disjoint cores. Where a layer runs never changes a result.
//
// Thread safety: every member of HostSession and HostRequest may be called by any thread; a request object by one thread
// at a time. Failures are values; a cancelled request is an outcome, not a failure.
//
// (runtime/session.h has the session of a modelled chip, in virtual time; this one acts on real cores in real time.)
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gatefold/base/result.h"
#include "gatefold/host/counters.h"
#include "gatefold/host/plans.h"
#include "gatefold/host/profile.h"
#include "gatefold/host/program.h"
#include "gatefold/host/topology.h"
#include "gatefold/host/wake.h"

namespace gatefold {

using HostNetworkId = Id<struct HostNetworkTag>;  ///< a network loaded into a session

struct HostOptions {
  std::optional<std::int32_t> cores_max = std::nullopt;  ///< use at most so many cores
  HostPolicy policy = HostPolicy::kFewestCores;
  /// A folder that keeps measured times between sessions; nullopt: nothing is read or written.
  std::optional<std::filesystem::path> calibration_folder = std::nullopt;
};

struct HostRequestOptions {
  std::optional<std::chrono::nanoseconds> deadline = std::nullopt;  ///< from arrival to completion
  /// When the request came into being; nullopt: now. Latency and deadline count from here.
  std::optional<std::chrono::steady_clock::time_point> arrival = std::nullopt;
};

struct HostCompletion {
  bool cancelled = false;        ///< no outputs
  bool deadline_missed = false;  ///< completed, too late
  std::chrono::nanoseconds latency{};
  std::vector<Tensor> outputs;  ///< in the order of LayerGraph::outputs
};

/// What a session found out about a network.
struct HostNetworkFacts {
  std::string calibration;          ///< "measured", "from FILE", "measured (FILE: why it could not be used)"
  std::vector<float> ns;            ///< per layer, in the fewest cores' plan without a deadline
  std::vector<std::int32_t> parts;  ///< per layer: slices in that plan
};

struct HostRequestState;
namespace detail {
struct HostSessionState;
}

/// A request that was submitted. Destroying it cancels the request and waits for it.
class HostRequest {
 public:
  HostRequest(HostRequest&& other) noexcept;
  HostRequest& operator=(HostRequest&& other) noexcept;
  ~HostRequest();

  [[nodiscard]] bool done() const;
  /// Asks the request to end at its next boundary; it may complete nevertheless.
  void cancel();
  /// Sleeps until it is done. Requires: not called before.
  [[nodiscard]] HostCompletion wait();

 private:
  friend class HostSession;
  HostRequest(std::shared_ptr<detail::HostSessionState> session, HostRequestState* state);
  std::shared_ptr<detail::HostSessionState> session_;
  HostRequestState* state_ = nullptr;
};

class HostSession {
 public:
  /// Starts one worker per core and measures what a wake costs (a few milliseconds).
  /// Errors: those of read_topology.
  [[nodiscard]] static Result<HostSession> open(const HostOptions& options);

  /// Makes a network ready: a program of its layers, packed weights, layers timed or their times read.
  /// Errors: kUnsupported (a layer that no kernel computes), kIo (the calibration folder cannot be written).
  [[nodiscard]] Result<HostNetworkId> load(std::shared_ptr<const LayerGraph> graph, Numerics numerics);
  /// Makes a program ready: layers timed, or their times read; `key` names it in the calibration folder.
  /// Errors: kUnsupported (too many layers), kIo (the calibration folder cannot be written).
  [[nodiscard]] Result<HostNetworkId> load(std::shared_ptr<const HostProgram> program, const std::string& key);

  /// Queues a request. Errors: kInvalidInput (inputs of the wrong number, type or shape; a deadline that is not positive).
  [[nodiscard]] Result<HostRequest> submit(HostNetworkId network, InputSet inputs, const HostRequestOptions& options = {});
  /// Serves a request on the calling thread where its core is free, which saves waking another; blocks until it is done.
  [[nodiscard]] Result<HostCompletion> run(HostNetworkId network, const InputSet& inputs, const HostRequestOptions& options = {});

  /// Permits only these cores to a network, requests in flight included: they move at their next boundary.
  /// Errors: kInvalidInput (none of this session's cores).
  [[nodiscard]] Status confine(HostNetworkId network, CoreMask cores);
  /// Keeps the times of all networks in the calibration folder, as they are now. Errors: kIo.
  [[nodiscard]] Status keep_calibration() const;

  [[nodiscard]] const HostTopology& topology() const;
  [[nodiscard]] const WakeModel& wake() const;
  [[nodiscard]] const HostProfile& profile() const;
  [[nodiscard]] HostCounters counters() const;
  [[nodiscard]] std::vector<std::int64_t> move_times() const;
  [[nodiscard]] HostNetworkFacts facts(HostNetworkId network) const;

 private:
  explicit HostSession(std::shared_ptr<detail::HostSessionState> state) : state_(std::move(state)) {}
  std::shared_ptr<detail::HostSessionState> state_;
};

}  // namespace gatefold
