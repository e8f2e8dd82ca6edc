// The Hardware Profiling Module on the host: what each core could do for us, and what other processes take of it.
//
// A worker that is ready to run but does not is waiting for somebody else: the kernel counts that time to the nanosecond
// (schedstat), so a core on which we run shows within one period (20 ms) whether it is shared. A core on which we do not
// run is judged by its busy time in /proc/stat less our own, over 100 ms because that clock ticks in hundredths of a
// second. Both are sampled by whoever passes a layer boundary when a period is over; an idle session samples nothing.
//
// One *dot product* on the host is one 32-bit lane of a vector unit for one cycle: one float32 product or four int8
// products. How many a core completes per cycle is the best that any calibrated layer reached.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gatefold/host/kernel_files.h"
#include "gatefold/host/topology.h"

namespace gatefold {

/// Time a thread ran and time it waited for a core while ready to run, since it began.
struct ThreadWaits {
  std::int64_t run_ns = 0;
  std::int64_t wait_ns = 0;
};
/// Of a schedstat file; nullopt where the kernel keeps none.
[[nodiscard]] std::optional<ThreadWaits> read_waits(const KernelFile& schedstat);

struct CoreConditions {
  double others = 0;                  ///< share of the core's time that other processes take, 0 to 1
  std::int64_t frequency_hz = 0;      ///< 0: not published
  double dot_products_per_cycle = 0;  ///< at full use; 0 before a network is calibrated
  /// What is left for us.
  [[nodiscard]] double free_dot_products_per_cycle() const { return dot_products_per_cycle * (1 - others); }
};

/// Of the whole machine and of our cgroup, over the last second or so.
struct MachineConditions {
  double pressure = 0;   ///< share of time in which some task waited for a core (PSI); 0 where not published
  double throttled = 0;  ///< share of time in which the cgroup's quota was used up
};

/// What a sample needs to know about ourselves.
struct OwnUse {
  std::int64_t now_ns = 0;
  std::span<const std::int64_t> on_ns;     ///< per core: time in use by us, spinning included, since the session began
  std::optional<std::int32_t> guest_core;  ///< the core on which the sampling thread, no worker, leads a request
  std::optional<ThreadWaits> guest_waits;  ///< of that thread
};

class HostProfile {
 public:
  static constexpr std::int64_t kPeriodNs = 20'000'000;

  explicit HostProfile(const HostTopology& topology, std::filesystem::path root = "/");

  /// The worker of a core; called by that worker before anything is sampled for it.
  void watch_worker(std::int32_t core, std::int32_t thread);
  /// Reads the kernel's figures. True if a core was taken or set free by others, or the quota's state changed: decisions
  /// should be looked at again. Requires: one caller at a time.
  bool sample(const OwnUse& own);

  /// Share of a core's time that others take. Any thread.
  [[nodiscard]] float others(std::int32_t core) const {
    return cores_[static_cast<std::size_t>(core)].others.load(std::memory_order_relaxed);
  }
  /// How many cores the cgroup's quota leaves us at present: fewer than there are once it throttles us.
  [[nodiscard]] std::int32_t cores_granted() const { return granted_.load(std::memory_order_relaxed); }
  [[nodiscard]] CoreConditions core(std::int32_t core) const;
  [[nodiscard]] MachineConditions machine() const;
  /// A calibrated layer completed this many dot products per second on one core. Any thread.
  void note_rate(double dot_products_per_second);

 private:
  struct Core {
    std::atomic<float> others{0};
    std::atomic<std::int64_t> frequency_hz{0};
    std::atomic<bool> taken{false};
    std::atomic<bool> watched{false};
    KernelFile schedstat;
    KernelFile frequency;
    std::int32_t cpu = 0;
    ThreadWaits waits;
    std::int64_t on_ns = 0;         ///< at the last sample
    std::int64_t window_on_ns = 0;  ///< at the begin of the window of /proc/stat
    std::int64_t window_ticks = 0;
    std::int64_t ticks = 0;  ///< as read last
  };

  /// Share of the interval that the core's thread waited; nullopt if we hardly ran there.
  [[nodiscard]] std::optional<float> waited(std::int32_t index, const OwnUse& own, std::int64_t interval);
  void read_ticks();
  bool settle_window(const OwnUse& own, std::span<const bool> judged);
  void read_slow_figures(std::int64_t now);
  bool judge(Core& core, float others);

  std::filesystem::path root_;
  std::vector<Core> cores_;
  KernelFile stat_;
  KernelFile pressure_file_;
  KernelFile throttle_file_;
  std::array<char, 32768> buffer_{};
  std::int64_t ns_per_tick_;
  std::int64_t last_ns_ = 0;
  std::int64_t window_begin_ns_ = 0;
  std::int64_t slow_ns_ = 0;
  std::int64_t pressure_us_ = 0;
  std::int64_t throttled_us_ = 0;
  std::optional<ThreadWaits> guest_waits_;
  std::int32_t guest_core_ = -1;
  std::atomic<float> pressure_{0};
  std::atomic<float> throttled_{0};
  std::atomic<std::int32_t> granted_;
  std::atomic<double> dot_products_per_second_{0};
};

}  // namespace gatefold
