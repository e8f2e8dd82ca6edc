// What an idle element can do with a gap: the lower envelope of its states, and a descent through them.
//
// Each state s leaks P(s) and is left for b(s); an element that spends a gap of length l in s pays P(s) * l + b(s). The
// states that are cheapest for some length, by falling leakage and rising wake energy, are the lower envelope; where one
// takes over from the one before is a crossover. For a gap of known length the best is one state for all of it. For a gap whose
// end nobody knows a *descent* enters the states one after another; going deeper is free, only waking up is paid, so it pays
// the leakage on its way and the wake of the state it has reached.
// Based on: Irani, Shukla, Gupta, "Online strategies for dynamic power management in systems with multiple power-saving
// states", ACM TECS 2(3), 2003.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <span>

#include "gatefold/base/quantity.h"
#include "gatefold/device/power_states.h"

namespace gatefold {

/// A state in which an idle element can be.
struct IdleState {
  EnergyPerCycle leakage;
  EnergyTotal wake;  ///< to be ON again, the reload of lost contents included
  PowerState state = PowerState::kOn;
};

inline constexpr std::size_t kIdleStatesMax = 4;
inline constexpr Cycles kNotEntered{std::numeric_limits<std::int64_t>::max()};

/// When a gap's states after the first are entered, from its beginning; never decreasing. kNotEntered: not entered.
using Descent = std::array<Cycles, kIdleStatesMax - 1>;

class Envelope {
 public:
  /// Keeps the states that are the cheapest for some length of gap. Requires: one to kIdleStatesMax states.
  explicit Envelope(std::span<const IdleState> states);

  [[nodiscard]] std::size_t size() const { return size_; }
  /// By falling leakage; the first is the one for the shortest gaps.
  [[nodiscard]] const IdleState& state(std::size_t i) const { return states_[i]; }
  /// The least length of gap at which state i + 1 is no dearer than state i. Never decreases with i.
  [[nodiscard]] Cycles crossover(std::size_t i) const { return crossovers_[i]; }

  /// The cheapest of a gap of known length.
  [[nodiscard]] EnergyTotal cheapest(Cycles gap) const;
  /// What a descent pays for a gap that turns out to be so long.
  [[nodiscard]] EnergyTotal cost(const Descent& descent, Cycles gap) const;
  /// Enters every state where it becomes the cheapest had the gap ended there. Never pays more than twice `cheapest`.
  [[nodiscard]] Descent competitive() const;
  /// The descent that is in the cheapest state of a gap of this length all along.
  [[nodiscard]] Descent at_once(Cycles gap) const;

 private:
  std::array<IdleState, kIdleStatesMax> states_;
  Descent crossovers_{};
  std::size_t size_ = 0;
};

}  // namespace gatefold
