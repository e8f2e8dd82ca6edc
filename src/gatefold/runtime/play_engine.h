// The engine of played scenarios: one lane per network, one clock.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "gatefold/runtime/play_cap.h"
#include "gatefold/runtime/play_coalescing.h"
#include "gatefold/runtime/play_residency.h"

namespace gatefold {

/// What a play has seen of its requests, for plans that are tuned on them.
struct TraceFacts {
  std::vector<double> rates_hz;  ///< by network
  SeenGaps gaps;
};

class PlayEngine {
 public:
  /// All must outlive the engine. Requires: the scenario is resolved. `tuned`: facts that replace what is declared of rates and gaps, and
  /// `seen`: takes those of this play, if its gap rule is the nominal one; either may be null.
  PlayEngine(const Scenario& scenario, const std::vector<std::shared_ptr<const PreparedNetwork>>& networks, const PlayOptions& options,
             PlayObserver* observer, const TraceFacts* tuned = nullptr, TraceFacts* seen = nullptr);
  /// Makes policies and sessions and places what fits: on the whole chip, or by a partition. Errors: those of play.
  [[nodiscard]] Status boot(const std::vector<InputSet>& inputs, const Partition* partition = nullptr);
  /// After boot on the whole chip: a partition that costs less at the nominal rates; with `any`, the best one whatever it costs.
  [[nodiscard]] std::optional<Partition> partition(bool any) const {
    return any ? best_partition(residency_->present()) : residency_->cheaper_partition();
  }
  [[nodiscard]] Status run(const Progress& progress);
  [[nodiscard]] PlayResult finish();

 private:
  /// An event that is neither the chip's nor the arrivals'.
  struct Change {
    Cycles at;
    std::size_t event;
  };

  void arrive(const Arrival& arrival);
  void change(const ScenarioEvent& event);
  /// Goes on with the session whose next layer is first. `limit`: when something else comes.
  [[nodiscard]] Status advance(Lane& lane, Cycles limit);
  void ended(Lane& lane);
  void failed(Lane& lane);
  void take_out_if_gone(Lane& lane);
  /// Takes up what waits and finds room, the most urgent first.
  void take_up();
  /// True if those in waiting_ wait for more, so as to share a wake with them.
  [[nodiscard]] bool hold_on();
  [[nodiscard]] bool begin(Lane& lane);
  [[nodiscard]] bool unreachable(const Lane& lane, const Pending& pending) const;
  void drop_late(Lane& lane);
  void shed(const Pending& pending, ShedReason reason, const std::string& text);
  [[nodiscard]] Lane& lane_of(StreamId stream) { return *lanes_[scenario_.stream(stream).network.at()]; }
  [[nodiscard]] StreamResult& result_of(StreamId stream) { return result_.streams[stream.at()]; }
  [[nodiscard]] Cycles cycles(std::int64_t ps) const { return cycles_of(ps, shared_->chip().spec().clock_hz); }
  [[nodiscard]] double seconds(Cycles at) const {
    return static_cast<double>(at.count()) / static_cast<double>(shared_->chip().spec().clock_hz);
  }
  [[nodiscard]] std::size_t layers_of(const Arrival& arrival) const;

  const Scenario& scenario_;
  const std::vector<std::shared_ptr<const PreparedNetwork>>& networks_;
  const PlayOptions& options_;
  PlayObserver* observer_;
  const TraceFacts* tuned_;
  TraceFacts* seen_;
  std::unique_ptr<GapRules> gap_rules_;  ///< a network's session is one stream to them
  std::optional<SharedChip> shared_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Lane*> waiting_;          ///< scratch of take_up
  std::optional<WakeSharing> sharing_;  ///< nullopt: the policy serves at once
  std::optional<Cycles> held_until_;    ///< what waits for more goes on then at the latest
  std::optional<Residency> residency_;
  std::vector<RequestBound> bounds_;  ///< by lane
  std::optional<ScenarioArrivals> arrivals_;
  std::vector<Change> changes_;
  std::size_t next_change_ = 0;
  std::vector<char> present_;  ///< streams
  CapKeeper cap_;
  Cycles now_;
  Cycles slack_;
  bool look_again_ = false;  ///< something changed that may let a request begin
  PlayResult result_;
};

}  // namespace gatefold
