#include "gatefold/remap/layer_prices.h"

#include <algorithm>

#include "gatefold/device/chip.h"

namespace gatefold {

LayerPrices::LayerPrices(const Situation& situation, const Assignment& target, Conditions& conditions)
    : situation_(situation),
      target_(target),
      table_(*situation.table),
      conditions_(conditions),
      gaps_(situation),
      cycles_(target.size()),
      tried_(target),
      use_at_(gaps_.known() ? static_cast<std::size_t>(table_.spec().cluster_count) : 0, -1) {
  refresh();
}

Cycles LayerPrices::cycles_at(LayerId layer, const Placement& placement) {
  return execution_cycles(table_, layer, placement, *situation_.spilling, conditions_.percent(placement));
}

void LayerPrices::moved(LayerId layer) {
  tried_[layer.at()] = target_[layer.at()];
  cycles_[layer.at()] = cycles_at(layer, target_[layer.at()]);
  stretches_known_ = false;
}

void LayerPrices::refresh() {
  for (std::size_t v = 0; v < target_.size(); ++v) moved(LayerId(v));
}

void LayerPrices::look_at(LayerId layer) {
  layer_ = layer;
  known_.reset();
  find_wires();
  if (gaps_.known()) find_uses();
}

void LayerPrices::find_wires() {
  wires_.clear();
  shared_.clear();
  const LayerGraph& graph = table_.graph();
  const auto add = [&](TensorId tensor, bool output) {
    const Activation& activation = graph.activation(tensor);
    if (activation.consumers.size() > 1 || situation_.spilling->spilled(tensor)) {
      if (std::find(shared_.begin(), shared_.end(), tensor) == shared_.end()) shared_.push_back(tensor);
      return;
    }
    if (!activation.producer || activation.consumers.empty()) return;
    const LayerId other = output ? activation.consumers.front() : *activation.producer;
    wires_.push_back({table_.tensor_bytes(tensor), target_[other.at()], output});
  };
  const Layer& here = graph.layer(layer_);
  for (auto operand = here.inputs.begin(); operand != here.inputs.end(); ++operand) {
    const auto same = [&](const Operand& earlier) { return earlier.tensor == operand->tensor; };
    if (operand->tensor && std::none_of(here.inputs.begin(), operand, same)) add(*operand->tensor, false);
  }
  for (const TensorId output : here.outputs) add(output, true);
}

LayerPrices::Use& LayerPrices::use_of(std::int16_t cluster) {
  std::int32_t& at = use_at_[static_cast<std::size_t>(cluster)];
  if (at < 0) {
    at = static_cast<std::int32_t>(uses_.size());
    uses_.emplace_back().cluster = cluster;
  }
  return uses_[static_cast<std::size_t>(at)];
}

void LayerPrices::find_stretches() {
  stretches_known_ = true;
  stretches_.clear();
  starts_.resize(target_.size() + 1);
  for (std::size_t v = 0; v < target_.size(); ++v) {
    starts_[v + 1] = starts_[v] + cycles_[v];
    const auto first = target_[v].first;
    const auto last = static_cast<std::int16_t>(target_[v].last());
    const bool goes_on = !stretches_.empty() && stretches_.back().first == first && stretches_.back().last == last;
    if (goes_on) stretches_.back().end = v + 1;
    else stretches_.push_back({first, last, v, v + 1});
  }
}

void LayerPrices::find_uses() {
  if (!stretches_known_) find_stretches();
  for (const Use& use : uses_) use_at_[static_cast<std::size_t>(use.cluster)] = -1;
  uses_.clear();
  const std::size_t here = layer_.at();
  const Cycles start = starts_[here];
  const Cycles end = starts_[here + 1];
  for (const Stretch& stretch : stretches_) {
    const std::size_t before = std::min(stretch.end, here);       // its layers before this one end there
    const std::size_t after = std::max(stretch.begin, here + 1);  // those after it begin there
    for (std::int16_t k = stretch.first; k <= stretch.last; ++k) {
      if (stretch.begin >= before && after >= stretch.end) continue;
      Use& use = use_of(k);
      if (stretch.begin < before) {
        if (!use.before) {
          use.before = true;
          use.from_start = stretch.begin == 0;
          use.from_first = start - starts_[stretch.begin];
        }
        use.since = start - starts_[before];
        use.just_before = before == here;
      }
      if (after < stretch.end) {
        if (!use.after) {
          use.after = true;
          use.just_after = after == here + 1;
          use.until = starts_[after] - end;
        }
        use.to_last = starts_[stretch.end] - end;
      }
    }
  }
  others_ = starts_.back() - cycles_[here];
}

EnergyTotal LayerPrices::gaps_with(const Use& use, Cycles cycles) const {
  EnergyTotal energy;
  if (use.before && !use.just_before) energy += gaps_.between(use.since);
  if (use.after && !use.just_after) energy += gaps_.between(use.until);
  return energy + gaps_.around(use.from_first + cycles + use.to_last, use.before ? !use.from_start : layer_.at() > 0);
}

EnergyTotal LayerPrices::gaps_without(const Use& use, Cycles cycles) const {
  if (use.before && use.after) {
    return gaps_.between(use.since + cycles + use.until) + gaps_.around(use.from_first + cycles + use.to_last, !use.from_start);
  }
  if (use.before) return gaps_.around(use.from_first - use.since, !use.from_start);
  return gaps_.around(use.to_last - use.until, true);
}

EnergyTotal LayerPrices::elsewhere(Cycles cycles) {
  if (known_ == cycles) return elsewhere_;
  known_ = cycles;
  elsewhere_ = gaps_.time_correction(others_ + cycles);
  for (const Use& use : uses_) elsewhere_ += gaps_without(use, cycles);
  return elsewhere_;
}

EnergyTotal LayerPrices::price_at(const Placement& placement) {
  const std::size_t v = layer_.at();
  if (situation_.spilling->blocks(layer_).count > 0) {
    tried_[v] = placement;
    const EnergyTotal price = local_cost(table_, tried_, layer_, *situation_.spilling) + price_slowness(situation_, placement, layer_);
    tried_[v] = target_[v];
    return price;  // and no gaps: something is spilled
  }
  const DeviceSpec& spec = table_.spec();
  const Option& option = table_.option(layer_, placement);
  EnergyTotal price = option.alone;
  if (v > 0) price += wake_energy(spec, target_[v - 1], placement);
  if (v + 1 < target_.size()) price += wake_energy(spec, placement, target_[v + 1]);
  for (const Wire& wire : wires_) {
    price += wire.to_other ? wire_energy(spec, wire.bytes, placement, wire.other) : wire_energy(spec, wire.bytes, wire.other, placement);
  }
  if (!shared_.empty()) {
    tried_[v] = placement;
    for (const TensorId tensor : shared_) price += data_cost(table_, tried_, tensor, situation_.spilling->spilled(tensor));
    tried_[v] = target_[v];
  }
  const std::int32_t percent = conditions_.percent(placement);
  Cycles cycles = option.cycles;
  if (placement.streamed) {
    cycles = cycles_at(placement);
    if (percent < 100) price += price_slowness(situation_, placement, layer_);
  } else if (percent < 100) {
    cycles = throttled(option.cycles, percent);
    price += EnergyTotal::over(table_.always() + option.held, cycles - option.cycles);
  }
  return gaps_.known() ? price + gaps_at(placement, cycles) : price;
}

EnergyTotal LayerPrices::gaps_at(const Placement& placement, Cycles cycles) {
  EnergyTotal price = elsewhere(cycles);
  for (std::int16_t k = placement.first; k <= placement.last(); ++k) {
    const std::int32_t at = use_at_[static_cast<std::size_t>(k)];
    if (at < 0) {
      price += gaps_.around(cycles, layer_.at() > 0);
      continue;
    }
    const Use& use = uses_[static_cast<std::size_t>(at)];
    price += gaps_with(use, cycles) - gaps_without(use, cycles);
  }
  return price;
}

}  // namespace gatefold
