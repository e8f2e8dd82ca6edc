#include "gatefold/cost/objective.h"

#include <algorithm>

#include "gatefold/device/chip.h"

namespace gatefold {

Energy shift_penalty(const DeviceSpec& spec, const Placement& from, const Placement& to) {
  return route_energy(spec, from.clusters) + route_energy(spec, to.clusters);
}

namespace {

/// A layer's weights from external memory to where it executes.
WeightMove load(const OptionTable& table, LayerId layer, const Placement& to) {
  const DeviceSpec& spec = table.spec();
  const Bytes weights = weights_stored(spec, table.work(layer), footprint_of(to));
  WeightMove loaded{true, external_energy(spec, Bytes(0), weights), external_cycles(spec, weights), {}};
  for (const UncoreSpec& part : spec.uncore) {
    if (part.use != UncoreUse::kExternal) continue;
    loaded.uncore += EnergyTotal::over(part.gate.on - part.gate.gated, loaded.cycles) + part.gate.wake_energy;
  }
  return loaded;
}

}  // namespace

WeightMove weight_move(const OptionTable& table, LayerId layer, const Placement& from, const Placement& to) {
  if (from.streamed) return {};  // nothing lies there
  const DeviceSpec& spec = table.spec();
  const Bytes weights = weights_stored(spec, table.work(layer), footprint_of(to));
  const WeightMove carried{false, transfer_energy(spec, weights, from, to), transfer_cycles(spec, weights, from, to), {}};
  const WeightMove loaded = load(table, layer, to);
  const auto price = [&](const WeightMove& move) {
    return EnergyTotal(move.energy) + move.uncore + EnergyTotal::over(table.always(), move.cycles);
  };
  return price(loaded) < price(carried) ? loaded : carried;
}

StreamCost stream_cost(const OptionTable& table, LayerId layer, const Placement& placement, std::int32_t percent) {
  const DeviceSpec& spec = table.spec();
  const Bytes weights = table.work(layer).weights;
  const StreamBuffer buffer = stream_buffer(spec, weights, placement.core_count());
  const Cycles cycles = throttled(table.option(layer, placement).cycles, percent);
  // The first side arrives before the layer starts; the rest overlaps with it.
  const Cycles rest = external_cycles(spec, weights - buffer.prefetched);
  return {weights * spec.external_byte + weights * spec.sram_byte, external_cycles(spec, buffer.first) + std::max(cycles, rest)};
}

Cycles execution_cycles(const OptionTable& table, LayerId layer, const Placement& placement, const Spilling& spilling,
                        std::int32_t percent) {
  const RowBlocks blocks = spilling.blocks(layer);
  if (blocks.count > 0) return blocked_cost(table, spilling.tensors, layer, placement, blocks, percent).cycles;
  if (placement.streamed) return stream_cost(table, layer, placement, percent).cycles;
  return throttled(table.option(layer, placement).cycles, percent);
}

Energy wake_energy(const DeviceSpec& spec, const Placement& previous, const Placement& next) {
  Energy energy;
  for (std::int32_t k = next.first; k <= next.last(); ++k) {
    const bool held = k >= previous.first && k <= previous.last();
    if (!held) energy += spec.cluster.wake_energy;
    const auto already = static_cast<std::uint16_t>(held ? previous.core_mask : 0);
    const auto woken = static_cast<std::uint16_t>(next.core_mask & ~already);
    energy += spec.core.wake_energy * count_of(woken);
  }
  return energy;
}

StepCost step_cost(const OptionTable& table, const Step& step, const Placement& candidate) {
  const DeviceSpec& spec = table.spec();
  const Option& option = table.option(step.layer, candidate);
  StepCost cost;
  if (const RowBlocks blocks = step.spilling != nullptr ? step.spilling->blocks(step.layer) : RowBlocks(); blocks.count > 0) {
    const BlockedCost blocked = blocked_cost(table, step.spilling->tensors, step.layer, candidate, blocks, step.percent);
    cost.dynamic = blocked.dynamic.total();
    cost.active = EnergyTotal::over(table.always() + blocked.held, blocked.cycles);
    cost.transfer = blocked.external;
  } else {
    cost.dynamic = option.dynamic.total();
    cost.active = EnergyTotal::over(table.always() + option.held, throttled(option.cycles, step.percent));
  }
  if (step.producer) {
    cost.transfer +=
        step.steered ? wire_energy(spec, step.input, *step.producer, candidate) : transfer_energy(spec, step.input, step.home, candidate);
    cost.wake = wake_energy(spec, *step.producer, candidate);
  }
  const bool moves = !same_cores(candidate, step.home) || candidate.split != step.home.split;
  if (moves) cost.penalty = shift_penalty(spec, step.home, candidate);
  const bool lost = step.weights_lost && !candidate.streamed;
  if (!lost && !moves) return cost;
  const WeightMove move = lost ? load(table, step.layer, candidate) : weight_move(table, step.layer, step.home, candidate);
  cost.transfer += move.energy;
  // The weights' journey keeps the chip up if it is longer than the producer hides; the decision charges it in full.
  cost.active += EnergyTotal::over(table.always(), move.cycles) + move.uncore;
  return cost;
}

EnergyTotal data_cost(const OptionTable& table, const Assignment& assignment, TensorId tensor, bool spilled) {
  const Activation& activation = table.graph().activation(tensor);
  const Bytes bytes = table.tensor_bytes(tensor);
  if (spilled) {  // from the post-processors to the staging buffer beside them; what passes outside is EQ-53
    if (!activation.producer) return EnergyTotal();
    const Placement& home = assignment[activation.producer->at()];
    return wire_energy(table.spec(), bytes, home, home);
  }
  EnergyTotal cost;
  std::optional<Placement> at;
  if (activation.producer) at = assignment[activation.producer->at()];
  bool steerable = true;
  for (const LayerId reader : activation.consumers) {
    const Placement& to = assignment[reader.at()];
    if (steerable) {
      if (at) cost += wire_energy(table.spec(), bytes, *at, to);
    } else if (!same_cores(*at, to)) {
      cost += transfer_energy(table.spec(), bytes, *at, to);
    }
    at = to;
    steerable = false;
  }
  return cost;
}

namespace {

/// A layer by itself; of streamed weights, what they cost more only where it executes in row blocks.
EnergyTotal node_cost(const OptionTable& table, const Placement& home, LayerId layer, const Spilling& spilling) {
  const RowBlocks blocks = spilling.blocks(layer);
  if (blocks.count == 0) return table.option(layer, home).alone;
  const BlockedCost blocked = blocked_cost(table, spilling.tensors, layer, home, blocks);
  return EnergyTotal(blocked.dynamic.total()) + blocked.external + EnergyTotal::over(table.always() + blocked.held, blocked.cycles);
}

EnergyTotal wake_between(const OptionTable& table, const Assignment& assignment, std::size_t layer) {
  return layer == 0 ? EnergyTotal() : EnergyTotal(wake_energy(table.spec(), assignment[layer - 1], assignment[layer]));
}

}  // namespace

EnergyTotal assignment_cost(const OptionTable& table, const Assignment& assignment, const Spilling& spilling) {
  EnergyTotal cost;
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    cost += wake_between(table, assignment, i);
    cost += node_cost(table, assignment[i], LayerId(i), spilling);
    if (!assignment[i].streamed || spilling.blocks(LayerId(i)).count > 0) continue;
    const Option& option = table.option(LayerId(i), assignment[i]);
    const StreamCost stream = stream_cost(table, LayerId(i), assignment[i]);
    cost += stream.energy;
    cost += EnergyTotal::over(table.always() + option.held, stream.cycles - option.cycles);
  }
  for (std::size_t t = 0; t < table.graph().activations.size(); ++t) {
    cost += data_cost(table, assignment, TensorId(t), spilling.spilled(TensorId(t)));
  }
  return cost;
}

EnergyTotal local_cost(const OptionTable& table, const Assignment& assignment, LayerId layer, const Spilling& spilling) {
  const auto data = [&](TensorId tensor) { return data_cost(table, assignment, tensor, spilling.spilled(tensor)); };
  EnergyTotal cost = node_cost(table, assignment[layer.at()], layer, spilling) + wake_between(table, assignment, layer.at());
  if (layer.at() + 1 < assignment.size()) cost += wake_between(table, assignment, layer.at() + 1);
  const Layer& here = table.graph().layer(layer);
  for (auto operand = here.inputs.begin(); operand != here.inputs.end(); ++operand) {
    const auto same = [&](const Operand& earlier) { return earlier.tensor == operand->tensor; };
    if (operand->tensor && std::none_of(here.inputs.begin(), operand, same)) cost += data(*operand->tensor);
  }
  for (const TensorId output : here.outputs) cost += data(output);
  return cost;
}

}  // namespace gatefold
