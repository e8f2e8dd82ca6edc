#include "gatefold/remap/request_price.h"

#include <array>

namespace gatefold {

StreamGaps::StreamGaps(const Situation& situation)
    : spec_(&situation.table->spec()), always_(situation.table->always()), wake_(spec_->cluster.wake_energy) {
  if (situation.spilling->tensors.empty()) period_ = situation.period;
}

EnergyTotal StreamGaps::time_correction(Cycles cycles) const {
  const Cycles gap = std::max(Cycles(0), *period_ - cycles);
  EnergyTotal energy = EnergyTotal() - EnergyTotal::over(always_, cycles);
  for (const UncoreSpec& part : spec_->uncore) {
    if (part.use != UncoreUse::kRequests) continue;
    energy += EnergyTotal::over(part.gate.on - part.gate.gated, std::min(cycles, *period_)) + of(part.gate, gap);
  }
  return energy;
}

namespace {

/// What a request costs more in a stream of them than by itself. May be negative.
EnergyTotal in_stream(const Situation& situation, const Assignment& assignment) {
  const StreamGaps gaps(situation);
  if (!gaps.known()) return {};
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
    const Cycles end = at + cycles_in(situation, LayerId(v), here);
    for (std::int16_t k = here.first; k <= here.last(); ++k) {
      const bool woken = v > 0 && (k < assignment[v - 1].first || k > assignment[v - 1].last());
      const auto known = std::find_if(uses.begin(), uses.begin() + count, [&](const Use& use) { return use.cluster == k; });
      if (known == uses.begin() + count) {
        if (count < kUsesMax) uses[count++] = {k, woken, at, end};
        continue;
      }
      if (woken) energy += gaps.between(at - known->last);
      known->last = end;
    }
    at = end;
  }
  for (std::size_t i = 0; i < count; ++i) energy += gaps.around(uses[i].last - uses[i].first, uses[i].woken);
  return energy + gaps.time_correction(at);
}

}  // namespace

EnergyTotal price_slowness(const Situation& situation, const Placement& home, LayerId layer) {
  const std::int32_t percent = situation.profile->percent(home, situation.now);
  if (percent == 100) return {};
  const OptionTable& table = *situation.table;
  if (situation.spilling->blocks(layer).count == 0) {
    const Cycles longer = execution_cycles(table, layer, home, {}, percent) - execution_cycles(table, layer, home);
    return EnergyTotal::over(table.always() + table.option(layer, home).held, longer);
  }
  const auto at_speed = [&](std::int32_t speed) {
    const Step step{layer, home, std::nullopt, Bytes(0), true, speed, situation.spilling};
    return step_cost(table, step, home).total();
  };
  return at_speed(percent) - at_speed(100);
}

RequestPrice price_request(const Situation& situation, const Assignment& assignment) {
  RequestPrice price{assignment_cost(*situation.table, assignment, *situation.spilling), Cycles(0), true};
  for (std::size_t v = 0; v < assignment.size(); ++v) {
    price.energy += price_slowness(situation, assignment[v], LayerId(v));
    price.cycles += cycles_in(situation, LayerId(v), assignment[v]);
    price.usable = price.usable && situation.profile->available(assignment[v], situation.now);
  }
  price.energy += in_stream(situation, assignment);
  return price;
}

Cycles cycles_in(const Situation& situation, LayerId layer, const Placement& placement) {
  return execution_cycles(*situation.table, layer, placement, *situation.spilling, situation.profile->percent(placement, situation.now));
}

EnergyTotal price_shift(const OptionTable& table, LayerId layer, const Placement& from, const Placement& to) {
  if (from == to) return {};
  const WeightMove move = weight_move(table, layer, from, to);
  return EnergyTotal(move.energy) + move.uncore + shift_penalty(table.spec(), from, to);
}

}  // namespace gatefold
