// The Fine-Grained Gating Control of the host: one bound thread per core in use, and what each does while it waits.
//
// A request is *led* by one thread, which runs the step function inline: boundary, layer, boundary, layer. A chain of
// layers on one core never leaves that thread, and no other thread dispatches. At a boundary the lead may
//
//     decide      if the machine, the permitted cores or the time left have changed since it last did
//     hand over   to another core: the request is passed whole, and the old core is free; a core that sleeps is signalled
//                 first, and layers go on here until it is awake, unless others slow this core by more than a wake takes
//     attach      a free core as helper, ahead of a layer worth splitting, or release one ahead of a long gap
//
// A helper spins for slices of its request for at most the break-even (wake.h), then sleeps; so does a worker without a
// request. A core belongs to at most one request at a time. Waiting requests are taken by earliest deadline, between
// requests; a request that waits takes precedence over helpers of one that runs, and gets a core at its next boundary.
//
// The caller of `run` leads its own request on the core it happens to be on, if that is free: nobody has to be woken.
//
// Locks: the mutex guards the queue and idle memory, once per request. Between two layers there is no lock, no allocation
// and no system call but the wakes of helpers and a sample of the profile every 20 ms.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "gatefold/host/counters.h"
#include "gatefold/host/profile.h"
#include "gatefold/host/request.h"
#include "gatefold/host/wake.h"

namespace gatefold {

class Workers {
 public:
  Workers(HostTopology topology, const WakeModel& wake);
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  /// Requests that wait are cancelled; those that run complete first.
  ~Workers();

  [[nodiscard]] const HostTopology& topology() const { return topology_; }
  [[nodiscard]] const WakeModel& wake() const { return wake_; }
  [[nodiscard]] const HostProfile& profile() const { return profile_; }
  [[nodiscard]] HostProfile& profile() { return profile_; }
  [[nodiscard]] std::int32_t core_count() const { return static_cast<std::int32_t>(topology_.cores.size()); }

  /// Makes a network's plans from its table, for requests that begin from now on.
  void replan(HostNetwork& network);
  /// Permits other cores to a network; its requests follow at their next boundaries. Requires: a core of this machine.
  void confine(HostNetwork& network, CoreMask cores);

  /// A request to fill in and start; recycled.
  [[nodiscard]] HostRequestState* acquire();
  void recycle(HostRequestState* request);
  /// Queues a request and wakes a core for it, if one is free.
  void start(HostRequestState* request);
  /// Leads the request on this thread where that is possible, else starts and awaits it.
  void run(HostRequestState* request);
  /// A request that waits ends at once, one that runs at its next boundary; unless it is done by then.
  void cancel(HostRequestState* request);
  /// Sleeps until the request is done.
  void wait(HostRequestState* request);

  [[nodiscard]] HostCounters counters() const;
  /// The last moves (at most 16,384), each from the boundary that decided it to the next layer's begin, in nanoseconds.
  [[nodiscard]] std::vector<std::int64_t> move_times() const;

 private:
  enum State : std::uint32_t { kAwake, kAsleep, kSignalled };
  struct alignas(64) Slot {
    std::atomic<HostRequestState*> owner{nullptr};   ///< null: free; &guest_: led by a caller's thread
    std::atomic<HostRequestState*> handed{nullptr};  ///< to be led by this core's worker
    std::atomic<std::uint32_t> state{kAwake};        ///< of the worker; what it sleeps on
    std::atomic<bool> invited{false};                ///< a request that runs is about to take this core
    alignas(64) std::atomic<std::int64_t> busy_ns{0};
    std::atomic<std::int64_t> spin_ns{0};
    std::atomic<std::int64_t> wakes{0};
  };
  static constexpr std::size_t kMovesKept = 16384;

  // ---- a worker's life (workers.cpp) ----
  void work(std::int32_t core);
  void help(std::int32_t core, HostRequestState& request);
  void idle(std::int32_t core);
  void doze(std::int32_t core, const HostRequestState* owner);
  void signal(std::int32_t core);
  void release(std::int32_t core);
  /// Claims and runs a slice, as the helper on that core or as the lead; false: none is left. Adds what it took.
  [[nodiscard]] bool run_one_slice(HostRequestState& request, std::optional<std::int32_t> helper, std::int64_t* spent_ns);
  [[nodiscard]] bool nothing_new(std::int32_t core, const HostRequestState* owner) const;

  // ---- requests ----
  [[nodiscard]] HostRequestState* take(std::int32_t core);
  void prepare(HostRequestState& request);  ///< Requires: the mutex is held
  void enqueue(HostRequestState& request);
  void find_waiting_cores();  ///< Requires: the mutex is held
  void wake_a_free_core(CoreMask cores);
  void finish(HostRequestState& request);

  // ---- the step function (step.cpp) ----
  /// Leads until the request is done, handed over or parked; the core is free afterwards.
  void lead(HostRequestState& request, std::int32_t core, bool guest);
  /// False: the request is gone.
  [[nodiscard]] bool boundary(HostRequestState& request, std::int32_t core, bool guest, std::int64_t now);
  void decide(HostRequestState& request, std::int32_t core, std::int64_t now);
  void order_cores(HostRequestState& request, std::int32_t core);
  /// True: the core that is to lead next sleeps, was signalled, and is worth waiting for while layers go on here.
  [[nodiscard]] bool wait_for_wake(HostRequestState& request, std::int32_t core, std::int32_t target, std::int64_t now);
  [[nodiscard]] bool hand_over(HostRequestState& request, std::int32_t core, std::int64_t now);
  void adjust_helpers(HostRequestState& request, std::int32_t core);
  void detach(HostRequestState& request, std::int32_t core);
  /// Returns the time that the lead waited for helpers.
  [[nodiscard]] std::int64_t run_layer(HostRequestState& request);
  [[nodiscard]] bool gather(HostRequestState& request);
  void sample(std::int32_t core, bool guest, std::int64_t now);
  void count_move(HostRequestState& request, std::int64_t now);

  [[nodiscard]] Slot& slot(std::int32_t core) { return slots_[static_cast<std::size_t>(core)]; }
  [[nodiscard]] const Slot& slot(std::int32_t core) const { return slots_[static_cast<std::size_t>(core)]; }
  [[nodiscard]] std::optional<std::int32_t> core_of_this_thread() const;

  const HostTopology topology_;
  const WakeModel wake_;
  HostProfile profile_;
  std::vector<Slot> slots_;
  std::vector<std::int32_t> core_of_cpu_;  ///< -1: none of ours
  HostRequestState guest_;                 ///< stands for whatever a caller's thread leads
  const std::int64_t begin_ns_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> epoch_{1};     ///< of what decisions depend on
  std::atomic<CoreMask> waiting_cores_{0};  ///< cores that waiting requests may use
  std::atomic<std::int64_t> next_sample_{0};
  std::atomic<bool> sampling_{false};
  std::vector<std::int64_t> on_ns_;  ///< of whoever samples
  std::atomic<std::int64_t> moves_{0};
  std::atomic<std::int64_t> hand_overs_{0};
  std::vector<std::atomic<std::int64_t>> move_ns_;

  mutable std::mutex mutex_;
  std::vector<HostRequestState*> queue_;
  std::deque<HostRequestState> requests_;  ///< all there ever were
  std::vector<HostRequestState*> recycled_;
  std::uint64_t submitted_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace gatefold
