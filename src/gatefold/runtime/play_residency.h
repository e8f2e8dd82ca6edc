// Which networks' weights lie in the chip, when not all do. A network comes when a request asks for it, and others go to make room:
// as few joules per second as possible, where what goes costs its reload as often as it is used, and what does not fit is streamed or
// spilled at every use (residency planning, docs/decision-problem.md). Never the least recently used one as such.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gatefold/runtime/play_partition.h"

namespace gatefold {

/// What may be done so that a network finds room.
enum class FitEffort : std::uint8_t {
  kAsPlanned,  ///< other places and shapes
  kStream,     ///< and more of the largest weights streamed at every use
  kSpill,      ///< and activations in external memory
};

class Residency {
 public:
  /// Both must outlive this.
  Residency(SharedChip& shared, std::vector<std::unique_ptr<Lane>>& lanes) : shared_(shared), lanes_(lanes) {}

  /// Places the networks that are present before the first request on the whole chip, the most used first; those that find no room beside
  /// them stay out.
  [[nodiscard]] Status place_beside();
  /// Places each in clusters of its own instead. The partition is one of an equal chip.
  [[nodiscard]] Status place(const Partition& partition);
  /// The best partition, if it costs less than what place_beside() found; nullopt otherwise.
  [[nodiscard]] std::optional<Partition> cheaper_partition() const;
  /// The networks that are present, the most used first.
  [[nodiscard]] std::vector<Lane*> present() const;

  enum class Outcome : std::uint8_t {
    kThere,       ///< it is in the chip now
    kWait,        ///< once requests in progress are done it can be
    kImpossible,  ///< not even alone
  };
  /// Brings a network in at `now`. kImpossible leaves the reason in reason().
  Outcome bring(Lane& lane, Cycles now);
  /// Puts a network that lost room somewhere else: out, and in again. Requires: it is not busy.
  Outcome replan(Lane& lane, Cycles now);
  void take_out(Lane& lane, Cycles now);
  /// The network was used once more; true if it pays to put it elsewhere, so as to stream less.
  bool regrets(Lane& lane, Cycles now);
  [[nodiscard]] const std::string& reason() const { return reason_; }

  /// True if a request of the lane finds its banks beside those in progress.
  [[nodiscard]] bool joins(Lane& lane);

  [[nodiscard]] std::int64_t loads() const { return loads_; }
  [[nodiscard]] std::int64_t evictions() const { return evictions_; }

 private:
  [[nodiscard]] Status settle(Lane& lane, const FittedPlan& plan);
  [[nodiscard]] std::vector<Lane*> by_value(const Lane& wanted, Cycles now) const;
  /// The cheapest way; nullptr: there is none. Remembered while nothing else moves, comes, goes, begins or ends.
  const ResidencyWay* best_way(Lane& lane, Cycles now);
  [[nodiscard]] std::optional<ResidencyWay> find_way(Lane& lane, Cycles now);
  /// The plan in what `leaving` would leave, without anybody's activations; nullopt: no room.
  [[nodiscard]] std::optional<FittedPlan> fit(Lane& lane, const std::vector<Lane*>& leaving, FitEffort effort);
  /// plan_beside for a network, which depends on nothing but the room that is left: made once for each.
  const BesidePlan& known_plan(Lane& lane, const Memory& within, FitEffort effort);
  /// True if the weights can be stored right now, activations of requests in progress where they are.
  [[nodiscard]] bool storable(const Lane& lane, const ResidencyWay& way) const;
  void adopt(Lane& lane, const FittedPlan& plan);
  /// The banks that its activations take where its layers are now.
  void refresh_peaks(Lane& lane) const;
  [[nodiscard]] bool any_busy() const;
  /// A number that changes with everything that decides which plans fit.
  [[nodiscard]] std::int64_t state() const;
  [[nodiscard]] double seconds(Cycles now) const {
    return static_cast<double>(now.count()) / static_cast<double>(shared_.chip().spec().clock_hz);
  }
  [[nodiscard]] double use_of(const Lane& lane, Cycles now) const {
    return lane.policy->plans_residency() ? lane.use.at(seconds(now)) : lane.use.declared();
  }

  SharedChip& shared_;
  std::vector<std::unique_ptr<Lane>>& lanes_;
  std::string reason_;
  double placed_watts_ = 0;  ///< of place_beside, at the nominal rates
  std::int64_t loads_ = 0;
  std::int64_t evictions_ = 0;
};

/// The plan beside what lies in `within`, as far from the wanted one as the effort says. Errors: kDoesNotFit.
[[nodiscard]] Result<FittedPlan> plan_beside(const OptionTable& table, const Assignment& wanted, const std::vector<char>& spilled,
                                             const Memory& within, FitEffort effort);

}  // namespace gatefold
