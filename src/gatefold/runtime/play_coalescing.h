// Requests that wait so that several share one wake of the chip (remap/coalescing.h), as the engine of played scenarios does it.
//
// Only while nobody works: a request that finds the chip awake joins at once. All that wait go on together, as soon as no more is
// expected in time, and any that may not wait takes the others with it. What a wait saves is what both would have woken: the uncore, the
// clusters and cores that lie under both networks, and for two requests of one network also the weights that its banks would lose.
#pragma once

#include <memory>
#include <vector>

#include "gatefold/device/envelope.h"
#include "gatefold/remap/coalescing.h"
#include "gatefold/runtime/play_lane.h"

namespace gatefold {

class WakeSharing {
 public:
  /// `lanes`: what each stream's requests are served by. They must outlive this, as must the chip.
  WakeSharing(const Chip& chip, std::vector<Lane*> lanes);

  void arrived(StreamId stream, Cycles at) { expected_[stream.at()].arrived(at); }
  /// Until when the requests at the heads of these lanes' queues wait together; `now`: they do not.
  /// Requires: nothing is in progress.
  [[nodiscard]] Cycles wait_until(const std::vector<Lane*>& waiting, Cycles now);

 private:
  /// What a lane's requests wake.
  struct Woken {
    std::vector<char> clusters;
    std::vector<char> cores;
    std::int64_t weight_banks = 0;  ///< that hold nothing but weights, which may be lost
  };
  [[nodiscard]] Woken woken_by(const Lane& lane) const;
  /// Wake energy that a gap of this length costs an element of a class if it is spent in the cheapest state.
  [[nodiscard]] EnergyTotal wake_after(std::size_t of, Cycles gap) const;
  [[nodiscard]] EnergyTotal shared_wake(const std::vector<Lane*>& waiting, const Lane& next, Cycles gap) const;

  const Chip& chip_;
  std::vector<Lane*> lanes_;               ///< by stream
  std::vector<ExpectedArrival> expected_;  ///< by stream
  std::vector<Envelope> envelopes_;        ///< by gap class
};

}  // namespace gatefold
