// Laying a plan out in memory: first the weights, layer by layer, then one request's activations as they come and go. A
// core keeps as many banks free of weights as the layers on it need for what is alive while they run. A layer that does
// not fit where the plan wants it goes to the next place of the same shape, then to the next cheapest shape. Where no shape
// is left, activations go to external memory, the largest of those alive first (fit_spilling). The banks that a core keeps free count
// what its layers write as well, which is more than they need where the reader is elsewhere; so each of those that were spilled is then
// tried in the chip once more, with layers that lie apart (fit_apart).
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "gatefold/remap/plan.h"
#include "gatefold/remap/walk.h"

namespace gatefold {
namespace {

class Fitter {
 public:
  Fitter(const OptionTable& table, const Assignment& wanted, const std::vector<char>& streamed, const std::vector<char>& spilled,
         const Memory* within)
      : table_(table), assignment_(wanted), spilled_(spilled), excluded_(wanted.size()), within_(within) {
    for (std::size_t v = 0; v < wanted.size(); ++v) {
      excluded_[v].assign(table.layer(LayerId(v)).options.size(), 0);
      if (!streamed.empty()) assignment_[v].streamed = streamed[v] != 0;
    }
  }

  Result<Assignment> fit() {
    if (const auto nowhere = exclude_too_large()) {
      overflowed_ = nowhere;
      return refusal(*nowhere);
    }
    for (;;) {  // every round excludes one more shape of one layer, so it ends
      const std::optional<LayerId> failed = lay_out();
      if (!failed) return assignment_;
      if (next_shape(*failed)) continue;
      overflowed_ = failed;
      return refusal(*failed);
    }
  }

  /// After fit() found none: the largest activation alive at the layer that overflowed and not spilled yet; of the whole
  /// network if there is none, since then it was weights that found no room beside those of other layers.
  [[nodiscard]] std::optional<TensorId> to_spill() const {
    const LayerGraph& graph = table_.graph();
    std::optional<TensorId> here;
    std::optional<TensorId> anywhere;
    for (std::size_t t = 0; t < graph.activations.size(); ++t) {
      const Activation& activation = graph.activations[t];
      if ((!spilled_.empty() && spilled_[t] != 0) || (!activation.producer && activation.consumers.empty())) continue;
      const auto larger = [&](const std::optional<TensorId>& than) {
        return !than || table_.tensor_bytes(TensorId(t)) > table_.tensor_bytes(*than);
      };
      if (larger(anywhere)) anywhere = TensorId(t);
      const std::optional<LayerId> last = activation.last_use ? activation.last_use : activation.producer;
      const bool born = !activation.producer || *activation.producer <= *overflowed_;
      if (born && (activation.network_output || (last && *last >= *overflowed_)) && larger(here)) here = TensorId(t);
    }
    return here ? here : anywhere;
  }

 private:
  /// Excludes the shapes whose cores would not hold their layer even alone, which no round needs to find out. Returns a layer
  /// for which none is left.
  std::optional<LayerId> exclude_too_large() {
    const DeviceSpec& spec = table_.spec();
    Memory memory(spec);
    const Residence residence(table_, memory, spilled_);
    for (std::size_t v = 0; v < assignment_.size(); ++v) {
      const LayerId layer(v);
      const std::vector<Option>& options = table_.layer(layer).options;
      for (std::size_t o = 0; o < options.size(); ++o) {
        const Footprint& shape = options[o].footprint;
        const Bytes weights = assignment_[v].streamed ? Bytes(0) : weights_stored(spec, table_.work(layer), shape);
        const std::int64_t banks =
            activation_banks(layer, shape.total(), residence) + ceil_div(ceil_div(weights.count(), shape.total()), spec.bank.size.count());
        if (banks > spec.banks_per_core) excluded_[v][o] = 1;
      }
      const auto wanted = static_cast<std::size_t>(&table_.option(layer, assignment_[v]) - options.data());
      if (excluded_[v][wanted] != 0 && !next_shape(layer)) return layer;
    }
    return std::nullopt;
  }

  /// Weights, then activations. Returns the layer that did not fit.
  std::optional<LayerId> lay_out() {
    Memory memory = within_ != nullptr ? *within_ : Memory(table_.spec());
    Residence residence(table_, memory, spilled_);
    count_live_banks(residence);
    for (std::size_t v = 0; v < assignment_.size(); ++v) {
      if (!place(LayerId(v), residence)) return LayerId(v);
    }
    return walk(table_, assignment_, std::nullopt, {}, residence);
  }

  /// Per core, the banks that activations take at the busiest layer, if every layer runs where it is assigned now: inputs
  /// and outputs of the layer in banks of their own, what else is alive side by side.
  void count_live_banks(const Residence& residence) {
    const LayerGraph& graph = table_.graph();
    const auto cores = static_cast<std::size_t>(table_.spec().core_count());
    std::vector<std::int64_t> live(cores, 0);
    needed_.assign(cores, 0);
    const auto add = [&](TensorId tensor, std::int64_t sign) {
      if (residence.spilled(tensor)) return;
      const Activation& activation = graph.activation(tensor);
      const std::optional<LayerId> at = activation.consumers.empty() ? activation.producer : activation.consumers.front();
      if (!at) return;
      const Placement& placement = assignment_[at->at()];
      const std::int64_t share = ceil_div(table_.tensor_bytes(tensor).count(), placement.core_count());
      for (std::int32_t c = 0; c < placement.core_count(); ++c) {
        live[placement.core(c, table_.spec().cores_per_cluster).at()] += sign * share;
      }
    };
    for (const TensorId input : graph.inputs) add(input, 1);
    for (std::size_t v = 0; v < graph.layers.size(); ++v) {
      const Placement& placement = assignment_[v];
      for (const Operand& operand : graph.layers[v].inputs) {
        if (operand.tensor) add(*operand.tensor, -1);
      }
      const std::int64_t own = activation_banks(LayerId(v), placement.core_count(), residence);
      for (std::int32_t c = 0; c < placement.core_count(); ++c) {
        const std::size_t core = placement.core(c, table_.spec().cores_per_cluster).at();
        const std::int64_t others = ceil_div(std::max<std::int64_t>(0, live[core]), table_.spec().bank.size.count());
        needed_[core] = std::max(needed_[core], own + others);
      }
      for (const Operand& operand : graph.layers[v].inputs) {
        if (operand.tensor) add(*operand.tensor, 1);
      }
      for (const TensorId output : graph.layers[v].outputs) add(output, 1);
      for (std::size_t t = 0; t < graph.activations.size(); ++t) {
        const Activation& activation = graph.activations[t];
        const std::optional<LayerId> dies = activation.last_use ? activation.last_use : activation.producer;
        if (!activation.network_output && dies && dies->at() == v) add(TensorId(t), -1);
      }
    }
  }

  /// Puts a layer's weights at the first of the places of its shape that has room, the planned one first.
  bool place(LayerId layer, Residence& residence) {
    const Placement wanted = assignment_[layer.at()];
    const std::int32_t clusters = table_.spec().cluster_count;
    const std::int32_t firsts = clusters - wanted.clusters + 1;
    for (std::int32_t i = 0; i < firsts; ++i) {
      Placement placement = wanted;
      placement.first = static_cast<std::int16_t>((wanted.first + i) % firsts);
      if (try_cores(layer, placement, residence)) return true;
    }
    return false;
  }

  bool try_cores(LayerId layer, Placement placement, Residence& residence) {
    const int cores = placement.cores_per_cluster();
    const auto block = static_cast<std::uint16_t>((1U << cores) - 1U);
    for (int shift = 0; shift + cores <= table_.spec().cores_per_cluster; ++shift) {
      placement.core_mask = static_cast<std::uint16_t>(block << shift);
      if (failed_core(residence.memory(), placement, table_.spec().cores_per_cluster)) continue;
      const std::int64_t spare = spare_banks(layer, placement, residence);
      if (spare > table_.spec().banks_per_core || !residence.weights_fit(layer, placement, spare)) continue;
      if (!residence.store_weights(layer, placement, {})) continue;
      assignment_[layer.at()] = placement;
      return true;
    }
    return false;
  }

  /// Empty banks that the cores of a placement must keep for activations once the layer is among theirs.
  std::int64_t spare_banks(LayerId layer, const Placement& placement, const Residence& residence) const {
    std::int64_t spare = activation_banks(layer, placement.core_count(), residence);
    for (std::int32_t c = 0; c < placement.core_count(); ++c) {
      spare = std::max(spare, needed_[placement.core(c, table_.spec().cores_per_cluster).at()]);
    }
    return spare;
  }

  /// Banks per core for the inputs and outputs of a layer, and for the smallest staging buffers of those that are spilled.
  std::int64_t activation_banks(LayerId layer, std::int64_t cores, const Residence& residence) const {
    const Layer& here = table_.graph().layer(layer);
    std::int64_t banks = spilled_.empty() ? 0 : least_staging_banks(table_, spilled_, layer, cores);
    for (const Operand& operand : here.inputs) {
      if (operand.tensor) banks += residence.banks_per_core(*operand.tensor, cores);
    }
    for (const TensorId output : here.outputs) banks += residence.banks_per_core(output, cores);
    return banks;
  }

  /// Gives a layer the cheapest shape that has not failed yet.
  bool next_shape(LayerId layer) {
    const std::vector<Option>& options = table_.layer(layer).options;
    std::vector<char>& excluded = excluded_[layer.at()];
    const Option& failed = table_.option(layer, assignment_[layer.at()]);
    for (std::size_t o = 0; o < options.size(); ++o) {
      if (&options[o] == &failed) excluded[o] = 1;
    }
    std::size_t best = options.size();
    for (std::size_t o = 0; o < options.size(); ++o) {
      if (excluded[o] == 0 && (best == options.size() || options[o].alone < options[best].alone)) best = o;
    }
    if (best == options.size()) return false;
    const std::int64_t last = table_.spec().cluster_count - options[best].footprint.clusters;
    const auto first = static_cast<std::int32_t>(std::min<std::int64_t>(assignment_[layer.at()].first, last));
    const bool streamed = assignment_[layer.at()].streamed;
    assignment_[layer.at()] = placed_at(options[best].footprint, first);
    assignment_[layer.at()].streamed = streamed;
    return true;
  }

  Error refusal(LayerId layer) const {
    const DeviceSpec& spec = table_.spec();
    return Error{ErrorCode::kDoesNotFit,
                 fmt::format("network '{}' does not fit device '{}': weights {} bytes + peak activations {} bytes, SRAM {} bytes in {} "
                             "cores of {} bytes; layer '{}' (weights {} bytes, inputs {} bytes, outputs {} bytes) finds no place{}",
                             table_.graph().name, spec.name, table_.weight_bytes().count(), table_.peak_activation_bytes().count(),
                             spec.memory().count(), spec.core_count(), spec.core_memory().count(), table_.graph().layer(layer).name,
                             table_.work(layer).weights.count(), table_.work(layer).input.count(), table_.work(layer).output.count(),
                             staging_needs(layer))};
  }

  /// What one row of a layer takes where activations of it are spilled, for a message.
  [[nodiscard]] std::string staging_needs(LayerId layer) const {
    if (staged_values(table_, spilled_, layer).empty()) return "";
    std::int64_t banks = 0;
    std::int64_t cores = 0;
    for (const Option& option : table_.layer(layer).options) {
      const std::int64_t needed = least_staging_banks(table_, spilled_, layer, option.footprint.total());
      if (cores > 0 && needed >= banks) continue;
      banks = needed;
      cores = option.footprint.total();
    }
    return fmt::format("; its smallest row block takes {} of {} banks of {} bytes in each of {} cores, external memory takes {} bytes",
                       banks, table_.spec().banks_per_core, table_.spec().bank.size.count(), cores, table_.spec().spill_capacity.count());
  }

  const OptionTable& table_;
  Assignment assignment_;
  std::vector<char> spilled_;          ///< per tensor; empty: none
  std::optional<LayerId> overflowed_;  ///< the layer for which no shape was left
  std::vector<std::vector<char>> excluded_;
  std::vector<std::int64_t> needed_;  ///< per core: empty banks that its layers need
  const Memory* within_;              ///< what to lay out in; nullptr: an empty memory of which all banks work
};

}  // namespace

bool failed_core(const Memory& memory, const Placement& placement, std::int32_t cores_per_cluster) {
  if (!memory.any_failed()) return false;
  for (std::int32_t c = 0; c < placement.core_count(); ++c) {
    if (memory.failed(placement.core(c, cores_per_cluster))) return true;
  }
  return false;
}

bool shift_leaves_room(const OptionTable& table, const Residence& now, const Assignment& homes, LayerId layer, std::optional<LayerId> next,
                       const std::vector<char>& done) {
  Memory memory(now.memory());
  Residence residence(now, memory);
  residence.drop_weights(layer);
  if (!residence.store_weights(layer, homes[layer.at()], {})) return false;
  residence.unstage();  // of the layer that is executing: gone when the next one needs room
  const LayerGraph& graph = table.graph();
  const auto drop_if = [&](auto condition) {
    for (std::size_t t = 0; t < graph.activations.size(); ++t) {
      if (residence.stored(TensorId(t)) && condition(graph.activations[t])) residence.drop(TensorId(t));
    }
  };
  if (next) {
    drop_if([&](const Activation& activation) { return activation.last_use && *activation.last_use < *next; });
    if (walk(table, homes, next, done, residence)) return false;
  }
  drop_if([](const Activation&) { return true; });
  return !walk(table, homes, std::nullopt, {}, residence);
}

Result<Assignment> fit_assignment(const OptionTable& table, const Assignment& wanted, const std::vector<char>& streamed,
                                  const std::vector<char>& spilled, const Memory* within) {
  return Fitter(table, wanted, streamed, spilled, within).fit();
}

bool operands_fit(const OptionTable& table, const Residence& now, const Assignment& homes, LayerId layer, const std::vector<char>& done) {
  Memory memory(now.memory());
  Residence residence(now, memory);
  const Layer& here = table.graph().layer(layer);
  const Placement& home = homes[layer.at()];
  if (residence.weights(layer).empty() && !residence.store_weights(layer, home, {})) return false;
  std::vector<BlockId> avoid;
  for (const Operand& operand : here.inputs) {
    if (!operand.tensor) continue;
    const Layout layout = operand_layout(here, operand.shape);
    const bool stored = residence.stored(*operand.tensor);
    if (!stored || !residence.aligned(*operand.tensor, home, layout)) {
      if (stored) residence.drop(*operand.tensor);
      if (!residence.store(*operand.tensor, home, layout, {})) return false;
    }
  }
  for (const Operand& operand : here.inputs) {
    if (!operand.tensor) continue;
    const auto blocks = residence.blocks(*operand.tensor);
    avoid.insert(avoid.end(), blocks.begin(), blocks.end());
  }
  for (const TensorId output : here.outputs) {
    if (residence.stored(output)) residence.drop(output);
    const auto& consumers = table.graph().activation(output).consumers;
    const auto reader = std::find_if(consumers.begin(), consumers.end(), [&](LayerId other) { return done[other.at()] == 0; });
    const Layout layout = table.tensor_layout(output);
    if (reader != consumers.end() && residence.store(output, homes[reader->at()], layout, avoid)) continue;
    if (!residence.store(output, home, layout, avoid)) return false;
  }
  return residence.room_to_stage(layer, home);
}

std::optional<std::vector<std::int32_t>> activation_peaks(const OptionTable& table, const Assignment& assignment,
                                                          const std::vector<char>& spilled) {
  Memory memory(table.spec());
  Residence residence(table, memory, spilled);
  std::vector<std::int32_t> peaks(static_cast<std::size_t>(table.spec().core_count()), 0);
  if (walk(table, assignment, std::nullopt, {}, residence, nullptr, &peaks)) return std::nullopt;
  return peaks;
}

bool request_fits(const OptionTable& table, const Residence& now, const Assignment& homes) {
  Memory memory(now.memory());
  Residence residence(now, memory);
  residence.drop_activations();
  return !walk(table, homes, std::nullopt, {}, residence);
}

std::optional<Spilling> lay_out_as_is(const OptionTable& table, const Assignment& assignment, const std::vector<char>& spilled,
                                      const Memory* within) {
  Memory memory = within != nullptr ? *within : Memory(table.spec());
  Residence residence(table, memory, spilled);
  for (std::size_t v = 0; v < assignment.size(); ++v) {
    if (!residence.store_weights(LayerId(v), assignment[v], {})) return std::nullopt;
  }
  Spilling spilling{spilled, {}};
  if (walk(table, assignment, std::nullopt, {}, residence, spilled.empty() ? nullptr : &spilling.layers)) return std::nullopt;
  return spilling;
}

namespace {

/// The plan with less in external memory, where that is cheaper: one activation after the other, the largest first, is kept in the chip if
/// layers can move apart for it.
FittedPlan bring_back(FittedPlan plan, const OptionTable& table, const Memory* within) {
  std::vector<std::size_t> by_size;
  for (std::size_t t = 0; t < plan.spilling.tensors.size(); ++t) {
    if (plan.spilling.tensors[t] != 0) by_size.push_back(t);
  }
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](std::size_t a, std::size_t b) { return table.tensor_bytes(TensorId(a)) > table.tensor_bytes(TensorId(b)); });
  EnergyTotal cost = assignment_cost(table, plan.assignment, plan.spilling) + reload_energy(table, plan.assignment);
  for (const std::size_t t : by_size) {
    std::vector<char> fewer = plan.spilling.tensors;
    fewer[t] = 0;
    if (std::none_of(fewer.begin(), fewer.end(), [](char spilled) { return spilled != 0; })) fewer.clear();
    auto apart = fit_apart(table, plan.assignment, fewer, within);
    if (!apart) continue;
    const EnergyTotal then = assignment_cost(table, apart->assignment, apart->spilling) + reload_energy(table, apart->assignment);
    if (cost <= then) continue;
    plan = *std::move(apart);
    cost = then;
    if (plan.spilling.tensors.empty()) break;
  }
  return plan;
}

}  // namespace

Result<FittedPlan> fit_spilling(const OptionTable& table, const Assignment& wanted, const std::vector<char>& streamed,
                                std::vector<char> spilled, const Memory* within) {
  for (;;) {  // every round spills one more activation, so it ends
    Fitter fitter(table, wanted, streamed, spilled, within);
    auto fitted = fitter.fit();
    if (fitted) {
      auto spilling = lay_out_as_is(table, fitted.value(), spilled, within);
      GATEFOLD_ENSURE(spilling.has_value());  // the fitter laid it out so
      return bring_back({std::move(fitted).value(), *std::move(spilling)}, table, within);
    }
    const std::optional<TensorId> next = fitter.to_spill();
    if (!next || table.spec().spill_capacity == Bytes(0)) return std::move(fitted).error();
    if (spilled.empty()) spilled.resize(table.graph().activations.size(), 0);
    spilled[next->at()] = 1;
  }
}

}  // namespace gatefold
