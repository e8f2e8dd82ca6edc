// Keeps the mean power below a cap by stretching time: after a layer nothing starts until the mean power since its start is back at the
// cap. So power is above the cap for one layer at most, whatever the layers cost; narrower placements, which would spill
// activations, are never forced.
#pragma once

#include <algorithm>
#include <optional>

#include "gatefold/base/quantity.h"

namespace gatefold {

class CapKeeper {
 public:
  /// From `now` on. `cap`: energy per cycle; nullopt: none. `resting`: what the chip draws when nothing executes.
  void set(std::optional<EnergyPerCycle> cap, EnergyPerCycle resting, Cycles now);
  /// No layer may start earlier.
  [[nodiscard]] Cycles not_before() const { return not_before_; }
  /// A layer was booked, which takes `energy` beyond what the chip draws at rest.
  void book(Cycles start, Cycles end, EnergyTotal energy);
  /// Ends the account of time under the cap.
  void close(Cycles now);

  [[nodiscard]] bool active() const { return cap_.has_value(); }
  [[nodiscard]] Cycles capped() const { return capped_; }
  /// Time above the cap, its longest stretch, and the longest layer meanwhile.
  [[nodiscard]] Cycles violated() const { return violated_; }
  [[nodiscard]] Cycles violated_most() const { return violated_most_; }
  [[nodiscard]] Cycles layer_most() const { return layer_most_; }

 private:
  std::optional<EnergyPerCycle> cap_;
  EnergyPerCycle spare_;  ///< what layers may draw, mean
  Cycles since_;
  Cycles not_before_;
  Cycles above_from_;
  Cycles above_until_;
  Cycles capped_;
  Cycles violated_;
  Cycles violated_most_;
  Cycles layer_most_;
};

}  // namespace gatefold
