// The requests of a scenario, one after the other in the order of their arrival: a seeded generator with bounded memory.
//
// The same scenario and seed give the same requests whatever the policy does with them, except for streams that other
// streams' completions trigger: those follow what was completed when, by the same rolls of the dice.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "gatefold/runtime/scenario.h"

namespace gatefold {

/// A request as it arrives. What was rolled for it is fixed here, but nothing of it is known before it arrives.
struct Arrival {
  StreamId stream{0};
  std::int64_t number = 0;  ///< of the stream's requests, from 0
  Cycles at;
  std::optional<Cycles> deadline;  ///< from arrival to completion
  double density = 1;              ///< share of activations that are not zero
  bool exits_early = false;        ///< after Stream::early_exit's share of the layers
  bool ends_window = false;        ///< the last of its window or burst: see Trigger::each_window
};

class ScenarioArrivals {
 public:
  /// `scenario` must outlive this, and be resolved. Rate, deadline, arrive and leave events are in here: whoever plays
  /// need not apply them to arrivals.
  ScenarioArrivals(const Scenario& scenario, std::int64_t clock_hz, std::uint64_t seed);
  ScenarioArrivals(ScenarioArrivals&&) noexcept;
  ScenarioArrivals& operator=(ScenarioArrivals&&) noexcept;
  ~ScenarioArrivals();

  /// When the next request arrives that is known so far; nullopt if none will before the scenario ends, unless a
  /// completion triggers one. O(1).
  [[nodiscard]] std::optional<Cycles> next_at() const;
  /// Takes it. Requests come in ascending order of time, at one time in the order of streams. O(streams).
  /// Requires: next_at().
  Arrival take();
  /// `request` is complete: it may trigger requests of other streams, at `now` (or the last taken arrival, if later) and
  /// after. Whether it does was fixed when it arrived.
  void completed(const Arrival& request, Cycles now);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gatefold
