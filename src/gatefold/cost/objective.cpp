#include "gatefold/cost/objective.h"

#include <algorithm>
#include <bit>

#include "gatefold/device/chip.h"

namespace gatefold {

Energy shift_penalty(const DeviceSpec& spec, const Placement& from, const Placement& to) {
  return route_energy(spec, from.clusters) + route_energy(spec, to.clusters);
}

Energy weight_transfer(const OptionTable& table, LayerId layer, const Placement& from, const Placement& to) {
  if (from.streamed) return Energy(0);  // nothing lies there
  return transfer_energy(table.spec(), weights_stored(table.spec(), table.work(layer), footprint_of(to)), from, to);
}

StreamCost stream_cost(const OptionTable& table, LayerId layer, const Placement& placement) {
  const DeviceSpec& spec = table.spec();
  const Bytes weights = table.work(layer).weights;
  const StreamBuffer buffer = stream_buffer(spec, weights, placement.core_count());
  const Cycles cycles = table.option(layer, placement).cycles;
  // The first side arrives before the layer starts; the rest overlaps with it.
  const Cycles rest = external_cycles(spec, weights - buffer.prefetched);
  return {weights * spec.external_byte + weights * spec.sram_byte, external_cycles(spec, buffer.first) + std::max(cycles, rest)};
}

Cycles execution_cycles(const OptionTable& table, LayerId layer, const Placement& placement) {
  return placement.streamed ? stream_cost(table, layer, placement).cycles : table.option(layer, placement).cycles;
}

Energy wake_energy(const DeviceSpec& spec, const Placement& previous, const Placement& next) {
  Energy energy;
  for (std::int32_t k = next.first; k <= next.last(); ++k) {
    const bool held = k >= previous.first && k <= previous.last();
    if (!held) energy += spec.cluster.wake_energy;
    const auto already = static_cast<std::uint16_t>(held ? previous.core_mask : 0);
    const auto woken = static_cast<std::uint16_t>(next.core_mask & ~already);
    energy += spec.core.wake_energy * std::popcount(woken);
  }
  return energy;
}

StepCost step_cost(const OptionTable& table, const Step& step, const Placement& candidate) {
  const DeviceSpec& spec = table.spec();
  const Option& option = table.option(step.layer, candidate);
  const Cycles cycles = throttled(option.cycles, step.percent);
  StepCost cost;
  cost.dynamic = option.dynamic.total();
  cost.active = EnergyTotal::over(table.always() + option.held, cycles);
  if (step.producer) {
    cost.transfer =
        step.steered ? wire_energy(spec, step.input, *step.producer, candidate) : transfer_energy(spec, step.input, step.home, candidate);
    cost.wake = wake_energy(spec, *step.producer, candidate);
  }
  const bool lost = step.weights_lost && !candidate.streamed;
  const Bytes carried = weights_stored(spec, table.work(step.layer), option.footprint);
  if (lost) {
    cost.transfer += carried * spec.external_byte + carried * spec.sram_byte;
    cost.active += EnergyTotal::over(table.always(), external_cycles(spec, carried));
  }
  if (!same_cores(candidate, step.home) || candidate.split != step.home.split) {
    cost.penalty = shift_penalty(spec, step.home, candidate);
    if (lost) return cost;
    const Energy weights = weight_transfer(table, step.layer, step.home, candidate);
    cost.transfer += weights;
    // The weights' journey keeps the chip up if it is longer than the producer hides; the decision charges it in full.
    if (!step.home.streamed) {
      cost.active += EnergyTotal::over(table.always(), transfer_cycles(spec, carried, step.home, candidate));
    }
  }
  return cost;
}

namespace {

/// Wires of a tensor to its first reader, and transfers to later readers elsewhere.
EnergyTotal data_cost(const OptionTable& table, const Assignment& assignment, TensorId tensor) {
  const Activation& activation = table.graph().activation(tensor);
  const Bytes bytes = table.tensor_bytes(tensor);
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

EnergyTotal wake_between(const OptionTable& table, const Assignment& assignment, std::size_t layer) {
  return layer == 0 ? EnergyTotal() : EnergyTotal(wake_energy(table.spec(), assignment[layer - 1], assignment[layer]));
}

}  // namespace

EnergyTotal assignment_cost(const OptionTable& table, const Assignment& assignment) {
  EnergyTotal cost;
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    const Option& option = table.option(LayerId(i), assignment[i]);
    cost += option.alone + wake_between(table, assignment, i);
    if (!assignment[i].streamed) continue;
    const StreamCost stream = stream_cost(table, LayerId(i), assignment[i]);
    cost += stream.energy;
    cost += EnergyTotal::over(table.always() + option.held, stream.cycles - option.cycles);
  }
  for (std::size_t t = 0; t < table.graph().activations.size(); ++t) cost += data_cost(table, assignment, TensorId(t));
  return cost;
}

EnergyTotal local_cost(const OptionTable& table, const Assignment& assignment, LayerId layer) {
  EnergyTotal cost = table.option(layer, assignment[layer.at()]).alone + wake_between(table, assignment, layer.at());
  if (layer.at() + 1 < assignment.size()) cost += wake_between(table, assignment, layer.at() + 1);
  const Layer& here = table.graph().layer(layer);
  for (auto operand = here.inputs.begin(); operand != here.inputs.end(); ++operand) {
    const auto same = [&](const Operand& earlier) { return earlier.tensor == operand->tensor; };
    if (operand->tensor && std::none_of(here.inputs.begin(), operand, same)) cost += data_cost(table, assignment, *operand->tensor);
  }
  for (const TensorId output : here.outputs) cost += data_cost(table, assignment, output);
  return cost;
}

}  // namespace gatefold
