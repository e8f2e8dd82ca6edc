#include "gatefold/device/gap_rules.h"

#include "gatefold/device/power_states.h"

namespace gatefold {
namespace {

/// Deepest first: of two states that cost the same the deeper one is taken.
Envelope envelope_of(const PowerStates& of, bool may_lose_data) {
  std::vector<IdleState> states;
  for (const PowerState state : {PowerState::kOff, PowerState::kRetention, PowerState::kClockGated}) {
    const Transition& down = of.down(state);
    if (!down.legal || (down.loses_data && !may_lose_data)) continue;
    // Until it may be entered the element is ON, which is part of its price.
    const EnergyTotal before = EnergyTotal::over(of.leakage[index(PowerState::kOn)] - of.leakage[index(state)], down.after);
    states.push_back({of.leakage[index(state)], EnergyTotal(of.wake(state).energy) + before, state});
  }
  states.push_back({of.leakage[index(PowerState::kOn)], Energy(0), PowerState::kOn});
  return Envelope(states);
}

}  // namespace

std::vector<Envelope> gap_envelopes(const DeviceSpec& spec) {
  const std::vector<PowerStates> of = power_states(spec);
  const PowerStates& bank = of[static_cast<std::size_t>(ElementClass::kBank)];
  std::vector<Envelope> envelopes{envelope_of(of[static_cast<std::size_t>(ElementClass::kCluster)], true),
                                  envelope_of(of[static_cast<std::size_t>(ElementClass::kCore)], true),
                                  envelope_of(bank, true),
                                  envelope_of(bank, false),
                                  envelope_of(bank, false),
                                  envelope_of(of[static_cast<std::size_t>(ElementClass::kVectorPool)], true)};
  for (std::size_t part = static_cast<std::size_t>(ElementClass::kUncore); part < of.size(); ++part) {
    envelopes.push_back(envelope_of(of[part], true));
  }
  return envelopes;
}

}  // namespace gatefold
