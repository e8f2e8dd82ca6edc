// A request in flight and the network it belongs to, as the workers see them. Internal to the room.
//
// A request is led by one thread at a time; everything that only the lead touches passes with the request when it is
// handed over. Helpers know a request by one word, the *job*: layer, slices, and how many slices are taken. A slice is
// claimed by advancing the word, which also makes visible what the lead wrote before it published the job; so a helper
// that comes late, or was detached in between, finds nothing to claim and does no harm. For that reason requests are
// recycled and never freed while workers run.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "gatefold/host/plans.h"
#include "gatefold/host/program.h"
#include "gatefold/host/topology.h"

namespace gatefold {

/// sequence: 32 bits | layer: 16 | slices: 8 | slices taken: 8.
class Job {
 public:
  static constexpr std::size_t kLayersMax = 1U << 16;
  Job() = default;
  explicit Job(std::uint64_t word) : word_(word) {}
  Job(std::uint32_t sequence, std::size_t layer, int parts)
      : word_(std::uint64_t{sequence} << 32 | static_cast<std::uint64_t>(layer) << 16 | static_cast<std::uint64_t>(parts) << 8) {}
  [[nodiscard]] std::uint64_t word() const { return word_; }
  [[nodiscard]] std::size_t layer() const { return word_ >> 16 & 0xFFFF; }
  [[nodiscard]] int parts() const { return static_cast<int>(word_ >> 8 & 0xFF); }
  [[nodiscard]] int taken() const { return static_cast<int>(word_ & 0xFF); }
  [[nodiscard]] bool claimable() const { return taken() < parts(); }

 private:
  std::uint64_t word_ = 0;
};

/// The memory of one request in flight.
struct Arena {
  Buffer activations;
  Buffer scratch;  ///< the lead's
};

struct HostNetwork {
  std::shared_ptr<const HostProgram> program;
  std::unique_ptr<HostOptionTable> table;
  HostPolicy policy = HostPolicy::kFewestCores;
  std::atomic<CoreMask> allowed{0};
  std::vector<Buffer> helper_scratch;  ///< per core
  // ---- guarded by the workers' mutex ----
  std::shared_ptr<const std::vector<HostPlan>> plans;
  std::vector<double> planned_ns;              ///< the table's totals when `plans` was made
  std::vector<std::unique_ptr<Arena>> arenas;  ///< not in use
  std::int64_t served = 0;
  std::int32_t in_flight = 0;  ///< requests with an arena
};

/// What calibration wants of a run: a plan to follow and a place for each layer's time; 0 where it was disturbed.
struct Recorder {
  const HostPlan* plan = nullptr;
  std::vector<float> layer_ns;
};

struct HostRequestState {
  // ---- between lead and helpers ----
  alignas(64) std::atomic<std::uint64_t> job{0};
  alignas(64) std::atomic<std::int32_t> pending{0};  ///< slices of the job that are not done
  /// The core that is to lead next and was signalled ahead: it stays awake until then; -1: none.
  std::atomic<std::int32_t> awaited{-1};
  // ---- fixed while slices may run ----
  alignas(64) HostNetwork* network = nullptr;
  std::unique_ptr<Arena> arena;
  // ---- of whoever submitted it ----
  InputSet inputs;
  std::int64_t arrival_ns = 0;
  std::int64_t deadline_ns = std::numeric_limits<std::int64_t>::max();
  std::uint64_t order = 0;  ///< of submission; breaks ties between deadlines
  Recorder* recorder = nullptr;
  std::atomic<bool> cancel{false};
  // ---- the lead's ----
  std::shared_ptr<const std::vector<HostPlan>> plans;
  const HostPlan* plan = nullptr;  ///< null: not decided yet
  std::size_t layer = 0;           ///< the next one
  std::uint32_t sequence = 0;      ///< of jobs; goes on over recycling
  CoreMask helpers = 0;
  std::uint64_t epoch = 0;                                   ///< of the conditions decided under
  float slowdown = 1;                                        ///< expected of the plan's cores
  bool hurried = false;                                      ///< late already: nothing faster to look for
  std::int32_t lead_core = 0;                                ///< where it should be led
  std::array<std::uint8_t, kHostCoresMax> order_of_cores{};  ///< helpers to take, best first
  std::int32_t core_count = 0;                               ///< entries of order_of_cores
  std::int64_t awaited_since_ns = 0;
  std::int64_t move_debt_ns = 0;  ///< spent on a move that is not complete
  std::int64_t moved_ns = 0;      ///< when its cores were last changed; 0: counted already
  // ---- the result ----
  enum Progress : std::uint32_t { kInFlight, kAwaited, kDone };
  std::atomic<std::uint32_t> progress{kDone};
  bool cancelled = false;
  std::int64_t completion_ns = 0;
  std::vector<Tensor> outputs;
};

}  // namespace gatefold
