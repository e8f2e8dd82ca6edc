#include "gatefold/device/gap_rules.h"

#include <optional>

#include "gatefold/device/power_states.h"

namespace gatefold {
namespace {

/// Of two states that cost the same the first is taken: RETENTION, which is left sooner, before OFF, and a stopped clock before ON.
/// `reload`: what lost data cost; nullopt: they must stay.
Envelope envelope_of(const PowerStates& of, std::optional<Energy> reload) {
  std::vector<IdleState> states;
  for (const PowerState state : {PowerState::kRetention, PowerState::kOff, PowerState::kClockGated}) {
    const Transition& down = of.down(state);
    if (!down.legal || (down.loses_data && !reload)) continue;
    // Until it may be entered the element is ON, which is part of its price.
    const EnergyTotal before = EnergyTotal::over(of.leakage[index(PowerState::kOn)] - of.leakage[index(state)], down.after);
    const EnergyTotal after = of.wake(state).energy + (down.loses_data ? *reload : Energy(0));
    states.push_back({of.leakage[index(state)], after + before, state});
  }
  states.push_back({of.leakage[index(PowerState::kOn)], Energy(0), PowerState::kOn});
  return Envelope(states);
}

}  // namespace

std::vector<Envelope> gap_envelopes(const DeviceSpec& spec) {
  const std::vector<PowerStates> of = power_states(spec);
  const PowerStates& bank = of[static_cast<std::size_t>(ElementClass::kBank)];
  constexpr Energy kNothing(0);
  std::vector<Envelope> envelopes{envelope_of(of[static_cast<std::size_t>(ElementClass::kCluster)], kNothing),
                                  envelope_of(of[static_cast<std::size_t>(ElementClass::kCore)], kNothing),
                                  envelope_of(bank, kNothing),
                                  envelope_of(bank, refill_energy(spec)),
                                  envelope_of(bank, std::nullopt),
                                  envelope_of(of[static_cast<std::size_t>(ElementClass::kVectorPool)], kNothing)};
  for (std::size_t part = static_cast<std::size_t>(ElementClass::kUncore); part < of.size(); ++part) {
    envelopes.push_back(envelope_of(of[part], kNothing));
  }
  return envelopes;
}

Energy refill_energy(const DeviceSpec& spec) { return spec.bank.size * (spec.external_byte + spec.sram_byte); }

}  // namespace gatefold
