#include "gatefold/device/power_states.h"

namespace gatefold {
namespace {

void allow(PowerStates& states, PowerState from, PowerState to, const Transition& transition) {
  states.transitions[index(from)][index(to)] = transition;
  states.transitions[index(from)][index(to)].legal = true;
}

/// ON <-> OFF. What logic holds between layers is configuration, which the next route change sets anyway.
PowerStates switched(const GateSpec& gate) {
  PowerStates states;
  states.leakage[index(PowerState::kOn)] = gate.on;
  states.leakage[index(PowerState::kOff)] = gate.gated;
  allow(states, PowerState::kOn, PowerState::kOff, {});
  allow(states, PowerState::kOff, PowerState::kOn, {.latency = gate.wake_latency, .energy = gate.wake_energy});
  return states;
}

PowerStates clocked(const GateSpec& gate) {
  PowerStates states = switched(gate);
  states.leakage[index(PowerState::kClockGated)] = gate.on - gate.clock;
  allow(states, PowerState::kOn, PowerState::kClockGated, {});
  allow(states, PowerState::kClockGated, PowerState::kOn, {});  // an integrated clock gate passes the very next edge
  return states;
}

PowerStates bank_states(const BankSpec& bank) {
  PowerStates states;
  states.leakage[index(PowerState::kOn)] = bank.on;
  states.leakage[index(PowerState::kRetention)] = bank.retention;
  states.leakage[index(PowerState::kOff)] = bank.off;
  allow(states, PowerState::kOn, PowerState::kRetention, {.after = bank.sleep_after});
  allow(states, PowerState::kOn, PowerState::kOff, {.loses_data = true});
  allow(states, PowerState::kRetention, PowerState::kOn, {.latency = bank.wake_latency_retention, .energy = bank.wake_energy_retention});
  allow(states, PowerState::kOff, PowerState::kOn, {.latency = bank.wake_latency_off, .energy = bank.wake_energy_off});
  return states;
}

}  // namespace

const char* name(PowerState state) {
  constexpr std::array<const char*, kPowerStateCount> kNames{"on", "clock_gated", "retention", "off"};
  return kNames[index(state)];
}

std::vector<PowerStates> power_states(const DeviceSpec& spec) {
  std::vector<PowerStates> table{clocked(spec.cluster), clocked(spec.core), bank_states(spec.bank), switched(spec.vector_pool_gate)};
  for (const UncoreSpec& part : spec.uncore) table.push_back(switched(part.gate));
  return table;
}

}  // namespace gatefold
