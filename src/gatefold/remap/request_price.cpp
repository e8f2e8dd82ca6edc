#include "gatefold/remap/request_price.h"

namespace gatefold {
namespace {

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
  return price;
}

EnergyTotal price_layer(const Situation& situation, const Assignment& assignment, LayerId layer) {
  return local_cost(*situation.table, assignment, layer, *situation.spilling) + slowness(situation, assignment[layer.at()], layer);
}

Cycles cycles_of(const Situation& situation, const Assignment& assignment, LayerId layer) {
  const Placement& home = assignment[layer.at()];
  return execution_cycles(*situation.table, layer, home, *situation.spilling, situation.profile->percent(home, situation.now));
}

EnergyTotal price_shift(const OptionTable& table, LayerId layer, const Placement& from, const Placement& to) {
  if (from == to) return {};
  return EnergyTotal(weight_move(table, layer, from, to).energy) + shift_penalty(table.spec(), from, to);
}

}  // namespace gatefold
