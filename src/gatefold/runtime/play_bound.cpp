#include "gatefold/runtime/play_bound.h"

#include <algorithm>
#include <cmath>

#include "gatefold/device/gap_rules.h"

namespace gatefold {
namespace {

/// What a layer finds if so many of every tensor's elements are not zero, as a share.
Zeros zeros_of(const OptionTable& table, const Layer& layer, double density) {
  const LayerGraph& graph = table.graph();
  const auto nonzeros = [&](TensorId tensor) {
    return std::llround(static_cast<double>(graph.activation(tensor).shape.elements()) * density);
  };
  const auto bytes = [&](TensorId tensor) {
    return stored_bytes(table.spec(), table.tensor_bytes(tensor), nonzeros(tensor), graph.activation(tensor).shape.elements());
  };
  Zeros zeros{.nonzeros = 0, .elements = 0, .input = {}, .output = {}, .issued = {}};
  for (const Operand& operand : layer.inputs) {
    if (!operand.tensor) continue;
    zeros.nonzeros += nonzeros(*operand.tensor);
    zeros.elements += graph.activation(*operand.tensor).shape.elements();
    zeros.input += bytes(*operand.tensor);
  }
  for (const TensorId output : layer.outputs) zeros.output += bytes(output);
  return zeros;
}

}  // namespace

RequestBound::RequestBound(const PreparedNetwork& network, bool exact) : network_(network), exact_(exact) {}

RequestBound::Least RequestBound::least(std::size_t layers, std::int64_t step) const {
  const OptionTable& table = network_.table();
  const LayerGraph& graph = network_.graph();
  const bool follows = table.spec().follows_zeros();
  Least sum;
  std::vector<Cycles> done(layers);  // when each layer can be, if nothing waits
  for (std::size_t v = 0; v < layers; ++v) {
    const Layer& layer = graph.layers[v];
    std::optional<EnergyTotal> energy;
    std::optional<Cycles> cycles;
    const Zeros zeros = follows ? zeros_of(table, layer, static_cast<double>(step) / kDensities) : Zeros{};
    for (const Option& option : table.layer(LayerId(v)).options) {
      const Work& work = table.work(LayerId(v));
      const EnergyTotal dynamic = (follows ? dynamic_energy(table.spec(), work, option.footprint, zeros) : option.dynamic).total();
      const Cycles takes = follows ? layer_cycles(table.spec(), work, option.footprint, zeros) : option.cycles;
      energy = energy ? std::min(*energy, dynamic) : dynamic;
      cycles = cycles ? std::min(*cycles, takes) : takes;
    }
    Cycles ready;
    for (const Operand& operand : layer.inputs) {
      if (!operand.tensor) continue;
      if (const auto producer = graph.activation(*operand.tensor).producer) ready = std::max(ready, done[producer->at()]);
    }
    sum.dynamic += *energy;
    done[v] = ready + (follows && !exact_ ? Cycles(0) : *cycles);  // how many chunks are all zeros is not known either
    sum.cycles = std::max(sum.cycles, done[v]);
  }
  sum.spilled = EnergyTotal::repeated(must_spill(layers) * table.spec().spill_byte, 2);
  return sum;
}

Bytes RequestBound::must_spill(std::size_t layers) const {
  const OptionTable& table = network_.table();
  const LayerGraph& graph = network_.graph();
  if (table.spec().activation_bitmap) return Bytes(0);
  Bytes sum;
  for (std::size_t t = 0; t < graph.activations.size(); ++t) {
    const auto& consumers = graph.activations[t].consumers;
    const auto cannot_hold = [&](LayerId reader) {
      std::int64_t cores = 0;
      for (const Option& option : table.layer(reader).options) cores = std::max(cores, option.footprint.total());
      const LayerCut& cut = table.cut(reader);  // with a window narrower than its step it may pass some over
      return reader.at() < layers && cut.stride <= cut.kernel && table.tensor_bytes(TensorId(t)) > table.spec().core_memory() * cores;
    };
    if (std::any_of(consumers.begin(), consumers.end(), cannot_hold)) sum += table.tensor_bytes(TensorId(t));
  }
  return sum;
}

void RequestBound::served(std::size_t layers, double density) {
  const DeviceSpec& spec = network_.spec();
  const std::int64_t step = !spec.follows_zeros() ? kDensities
                            : exact_              ? static_cast<std::int64_t>(std::floor(density * static_cast<double>(kDensities)))
                                                  : 0;
  auto known = known_.find({layers, step});
  if (known == known_.end()) known = known_.emplace(std::pair(layers, step), least(layers, step)).first;
  dynamic_ += known->second.dynamic;
  spilled_ += known->second.spilled;
  busy_ += known->second.cycles;
  whole_ += layers == network_.table().size() ? 1 : 0;
}

Bytes RequestBound::comes_again() const {
  const OptionTable& table = network_.table();
  // Where activations must spill nobody knows how many are left.
  const bool all_stay = !table.spec().activation_bitmap && must_spill(table.size()) == Bytes(0);
  const Bytes wanted = table.weight_bytes() + (all_stay ? table.peak_activation_bytes() : Bytes(0));
  return std::max(Bytes(0), wanted - table.spec().memory());
}

EnergyTotal RequestBound::external() const {
  // From the moment at which most activations live in one request to that in the next every weight is used once, and no more than
  // what they leave free was there before. Activations that make room by spilling pass the same channel at least once.
  if (whole_ < 2) return spilled_;
  const DeviceSpec& spec = network_.spec();
  const EnergyPerByte price = std::min(spec.external_byte, spec.spill_byte);
  return spilled_ + EnergyTotal::repeated(std::min(comes_again(), network_.table().weight_bytes()) * price, whole_ - 1);
}

EnergyBound energy_bound(const DeviceSpec& spec, const std::vector<RequestBound>& networks, Cycles duration) {
  EnergyBound bound;
  Cycles busy;
  for (const RequestBound& network : networks) {
    bound.dynamic += network.dynamic();
    bound.external += network.external();
    busy = std::max(busy, network.busy());
  }
  const std::vector<Envelope> envelopes = gap_envelopes(spec);
  const auto deepest = [&](std::size_t of) { return envelopes[of].state(envelopes[of].size() - 1).leakage; };
  const auto rest = [&](GapClass of, std::int64_t count) {
    bound.leakage += EnergyTotal::repeated(EnergyTotal::over(deepest(index(of)), duration), count);
  };
  rest(GapClass::kCluster, spec.cluster_count);
  rest(GapClass::kCore, spec.core_count());
  rest(GapClass::kEmptyBank, spec.bank_count());
  rest(GapClass::kVectorPool, 1);
  for (std::size_t part = 0; part < spec.uncore.size(); ++part) {
    const EnergyPerCycle asleep = deepest(index(GapClass::kUncore) + part);
    const Cycles on = spec.uncore[part].use == UncoreUse::kRequests ? busy : Cycles(0);
    bound.uncore += EnergyTotal::over(asleep, duration) + EnergyTotal::over(spec.uncore[part].gate.on - asleep, on);
  }
  bound.floor = EnergyTotal::over(spec.floor, duration);
  return bound;
}

}  // namespace gatefold
