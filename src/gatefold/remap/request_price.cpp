#include "gatefold/remap/request_price.h"

#include <algorithm>
#include <array>

namespace gatefold {
namespace {

/// What an element costs over a gap beyond its leakage when gated: its clock stopped, or gated and woken (EQ-32).
EnergyTotal gap_of(const GateSpec& gate, Cycles gap) {
  const EnergyTotal stays = EnergyTotal::over(gate.on - gate.clock - gate.gated, gap);
  return gap < gate.wake_latency ? stays : std::min(stays, EnergyTotal(gate.wake_energy));
}

/// What the time of a request costs in a stream of them, less what EQ-36 charges for it: floor and uncore run between requests, too,
/// if gaps are too short for them to be gated. Negative.
EnergyTotal time_correction(const Situation& situation, Cycles cycles) {
  const DeviceSpec& spec = situation.table->spec();
  const Cycles gap = std::max(Cycles(0), *situation.period - cycles);
  EnergyTotal energy = EnergyTotal() - EnergyTotal::over(situation.table->always(), cycles);
  for (const UncoreSpec& part : spec.uncore) {
    if (part.use != UncoreUse::kRequests) continue;
    energy += EnergyTotal::over(part.gate.on - part.gate.gated, std::min(cycles, *situation.period)) + gap_of(part.gate, gap);
  }
  return energy;
}

/// What a request costs more in a stream of them than by itself. The gaps of the clusters in use, less the wakes that EQ-27 charges
/// for them - it knows neither what lies between requests nor that short gaps cost less than a wake - and time_correction(). May be
/// negative.
EnergyTotal in_stream(const Situation& situation, const Assignment& assignment) {
  if (!situation.period || !situation.spilling->tensors.empty()) return {};  // as sweeps: nothing moves for gain there
  const DeviceSpec& spec = situation.table->spec();
  const EnergyTotal wake(spec.cluster.wake_energy);
  struct Use {
    std::int16_t cluster;
    bool woken;  ///< EQ-27 charges its first use
    Cycles first;
    Cycles last;
  };
  static constexpr std::size_t kUsesMax = 64;
  std::array<Use, kUsesMax> uses;
  std::size_t count = 0;
  EnergyTotal energy;
  Cycles at;
  for (std::size_t v = 0; v < assignment.size(); ++v) {
    const Placement& here = assignment[v];
    const Cycles end = at + cycles_of(situation, assignment, LayerId(v));
    for (std::int16_t k = here.first; k <= here.last(); ++k) {
      const bool woken = v > 0 && (k < assignment[v - 1].first || k > assignment[v - 1].last());
      const auto known = std::find_if(uses.begin(), uses.begin() + count, [&](const Use& use) { return use.cluster == k; });
      if (known == uses.begin() + count) {
        if (count < kUsesMax) uses[count++] = {k, woken, at, end};
        continue;
      }
      if (woken) energy += gap_of(spec.cluster, at - known->last) - wake;
      known->last = end;
    }
    at = end;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const Cycles gap = std::max(Cycles(0), *situation.period - (uses[i].last - uses[i].first));
    energy += gap_of(spec.cluster, gap) - (uses[i].woken ? wake : EnergyTotal());
  }
  return energy + time_correction(situation, at);
}

/// Leakage of the time by which a throttled home makes the layer slower.
EnergyTotal slowness(const Situation& situation, const Placement& home, LayerId layer) {
  const std::int32_t percent = situation.profile->percent(home, situation.now);
  if (percent == 100) return {};
  const auto at_speed = [&](std::int32_t speed) {
    const Step step{layer, home, std::nullopt, Bytes(0), true, speed, situation.spilling};
    return step_cost(*situation.table, step, home).total();
  };
  return at_speed(percent) - at_speed(100);
}

}  // namespace

RequestPrice price_request(const Situation& situation, const Assignment& assignment) {
  RequestPrice price{assignment_cost(*situation.table, assignment, *situation.spilling), Cycles(0), true};
  for (std::size_t v = 0; v < assignment.size(); ++v) {
    price.energy += slowness(situation, assignment[v], LayerId(v));
    price.cycles += cycles_of(situation, assignment, LayerId(v));
    price.usable = price.usable && situation.profile->available(assignment[v], situation.now);
  }
  price.energy += in_stream(situation, assignment);
  return price;
}

EnergyTotal price_layer(const Situation& situation, const Assignment& assignment, LayerId layer) {
  return local_cost(*situation.table, assignment, layer, *situation.spilling) + slowness(situation, assignment[layer.at()], layer) +
         in_stream(situation, assignment);
}

Cycles cycles_of(const Situation& situation, const Assignment& assignment, LayerId layer) {
  const Placement& home = assignment[layer.at()];
  return execution_cycles(*situation.table, layer, home, *situation.spilling, situation.profile->percent(home, situation.now));
}

EnergyTotal price_shift(const OptionTable& table, LayerId layer, const Placement& from, const Placement& to) {
  if (from == to) return {};
  const WeightMove move = weight_move(table, layer, from, to);
  return EnergyTotal(move.energy) + move.uncore + shift_penalty(table.spec(), from, to);
}

}  // namespace gatefold
