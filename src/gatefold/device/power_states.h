// The power states of a chip's elements and the one table of the transitions between them: which are legal for which class
// of elements, how long they take and what they cost.
//
//     cluster, core       ON <-> CLOCK_GATED (clock stopped, state kept), ON <-> OFF
//     bank                ON <-> RETENTION (asleep, data kept; not before it was idle for a number of cycles), ON <-> OFF (data lost)
//     vector pool, uncore ON <-> OFF
//
// Going down takes effect at once and costs nothing: what a device file calls wake energy is that of going down and coming back
// (EQ-35). A stopped clock runs again in the cycle that needs it. Based on: US 12260317 (clusters, cores and banks gated one
// by one), US 11347297 (bank sleep by idle cycles), US 11615322 (shutdown).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "gatefold/device/spec.h"

namespace gatefold {

enum class PowerState : std::uint8_t { kOn, kClockGated, kRetention, kOff };
inline constexpr std::size_t kPowerStateCount = 4;
inline constexpr std::array<PowerState, kPowerStateCount> kPowerStates{PowerState::kOn, PowerState::kClockGated, PowerState::kRetention,
                                                                       PowerState::kOff};
[[nodiscard]] constexpr std::size_t index(PowerState state) { return static_cast<std::size_t>(state); }
/// "on", "clock_gated", "retention", "off".
[[nodiscard]] const char* name(PowerState state);
/// Powered, so that it keeps what it holds without a supply of its own: ON or CLOCK_GATED.
[[nodiscard]] constexpr bool powered(PowerState state) { return state == PowerState::kOn || state == PowerState::kClockGated; }

/// Classes of gateable elements. Every uncore part is a class of its own; the first is kUncore.
enum class ElementClass : std::uint16_t { kCluster, kCore, kBank, kVectorPool, kUncore };
inline constexpr std::size_t kElementClassCount = 5;

struct Transition {
  bool legal = false;
  Cycles latency = Cycles(0);  ///< from the command until the element is in the new state
  Energy energy = Energy(0);   ///< of the transition itself
  Cycles after = Cycles(0);    ///< only once the element was idle for so long
  bool loses_data = false;
};

/// Leakage and transitions of one class.
struct PowerStates {
  std::array<EnergyPerCycle, kPowerStateCount> leakage{};                                ///< of the states that can be reached
  std::array<std::array<Transition, kPowerStateCount>, kPowerStateCount> transitions{};  ///< [from][to]

  [[nodiscard]] const Transition& transition(PowerState from, PowerState to) const { return transitions[index(from)][index(to)]; }
  /// The way down from ON and the way back.
  [[nodiscard]] const Transition& down(PowerState to) const { return transition(PowerState::kOn, to); }
  [[nodiscard]] const Transition& wake(PowerState from) const { return transition(from, PowerState::kOn); }
};

/// The table of a chip: cluster, core, bank, vector pool, then one entry per uncore part.
[[nodiscard]] std::vector<PowerStates> power_states(const DeviceSpec& spec);

}  // namespace gatefold
