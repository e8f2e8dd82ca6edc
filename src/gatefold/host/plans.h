// Decisions on the host: how many cores each layer of a request gets. Pure: the same measurements give the same plans.
//
// The option table holds the measured time of every layer for every count of slices. A *plan* says for each layer into how
// many slices it is cut and how many cores the request holds meanwhile; it minimises
//
//     core_ns + rate * ns,   core_ns = sum over layers of held * ns(layer) + wakes * wake time
//
// over all choices, by the two-sided recurrence for counts of identical units (docs/decision-problem.md): holding a core
// over a layer that cannot use it competes with releasing it and paying another wake. `rate` is how many core-seconds one
// second of latency is worth. Sweeping it gives the plans between fewest core-seconds and least time; a request takes the
// cheapest that meets its deadline, and looks again at every boundary at which it is late or the machine has changed.
//
// The modelled chip's OptionTable and policies (cost/, remap/) speak of cycles, banks and leakage per element; a host has
// none of these, so its table and its decisions are small ones of their own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gatefold/host/wake.h"

namespace gatefold {

/// The counts of cores that are measured and planned with: 1, 2, 4, .. and all. Requires: cores >= 1.
[[nodiscard]] std::vector<std::int32_t> core_counts(std::int32_t cores);

/// Measured nanoseconds per layer and count of slices. Reads and updates may happen at the same time.
class HostOptionTable {
 public:
  /// `parts_max`: per layer, into how many slices it can be cut. All times are 0, that is unknown, at first.
  HostOptionTable(std::vector<std::int32_t> counts, std::vector<std::int32_t> parts_max);

  [[nodiscard]] std::size_t layer_count() const { return parts_max_.size(); }
  [[nodiscard]] const std::vector<std::int32_t>& counts() const { return counts_; }
  /// How many of counts() the layer can use; at least 1.
  [[nodiscard]] std::size_t options(std::size_t layer) const;
  [[nodiscard]] float ns(std::size_t layer, std::size_t option) const { return cell(layer, option).load(std::memory_order_relaxed); }
  void set(std::size_t layer, std::size_t option, float ns) { cell(layer, option).store(ns, std::memory_order_relaxed); }
  /// Moves a sixteenth of the way towards a new measurement. One disturbed run counts at most as twice the present time.
  void update(std::size_t layer, std::size_t option, float measured_ns);
  /// The network's time with every layer cut into counts()[option] slices, or as many as it can use.
  [[nodiscard]] double total_ns(std::size_t option) const;

 private:
  [[nodiscard]] std::atomic<float>& cell(std::size_t layer, std::size_t option) const { return cells_[layer * counts_.size() + option]; }
  std::vector<std::int32_t> counts_;
  std::vector<std::int32_t> parts_max_;
  std::unique_ptr<std::atomic<float>[]> cells_;
};

struct LayerChoice {
  std::uint8_t option = 0;  ///< index into counts()
  std::uint8_t parts = 1;   ///< slices
  std::uint8_t held = 1;    ///< cores that the request holds while the layer runs, the lead's included; >= parts
};

struct HostPlan {
  std::vector<LayerChoice> layers;
  std::vector<double> ns_left;       ///< from the layer's start to the request's end
  std::vector<double> core_ns_left;  ///< likewise, in core time
  std::int32_t width = 1;            ///< the largest count held
};

/// Who decides on the host.
enum class HostPolicy : std::uint8_t {
  kFewestCores,  ///< the fewest core-seconds that meet the deadline; without one, the exchange rate below
  kAllCores,     ///< every core held from the request's start to its end, each layer cut as is fastest
  kOneCore,      ///< one core, whatever the deadline
};

/// Core-seconds that a second of latency is worth where a request has no deadline: a second core must save at least 6 % of
/// a layer's time, since 2 * t2 + 16 * t2 < 1 * t1 + 16 * t1 for t2 < 0.944 * t1.
inline constexpr double kCoreSecondsPerSecond = 16;
/// A plan meets a deadline if it is expected to take at most this share of the time left: expectations are medians, and a
/// machine that others use too has tails.
inline constexpr double kDeadlineShare = 0.85;

/// Plans from fewest core-seconds to least time, for every count of cores that may be available; never empty.
[[nodiscard]] std::vector<HostPlan> make_plans(const HostOptionTable& table, const WakeModel& wake, HostPolicy policy);

/// What a choice between plans depends on.
struct PlanContext {
  std::size_t layer = 0;            ///< the next layer
  std::optional<double> budget_ns;  ///< time left to the deadline; may be negative
  std::int32_t cores = 1;           ///< cores that could be used
  bool widest = false;              ///< take the widest plan that there are cores for, whatever it costs
  std::span<const float> slowdown;  ///< entry w - 1: how much slower the slowest of the w best cores is, >= 1
};
/// The position of the plan to follow from here on.
[[nodiscard]] std::size_t choose_plan(const std::vector<HostPlan>& plans, const PlanContext& context);

}  // namespace gatefold
