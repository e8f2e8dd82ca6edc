#include "gatefold/cost/option_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace gatefold {
namespace {

constexpr std::size_t kSplits = 3;

/// The splits worth listing for a shape: one core has none; a reduction chip divides channels; arrays divide columns or rows.
std::vector<CoreSplit> splits_of(const DeviceSpec& spec, const Work& work, std::int64_t cores) {
  if (spec.core_kind == CoreKind::kReduction || !work.dot() || cores == 1) return {CoreSplit::kChannels};
  return {CoreSplit::kColumns, CoreSplit::kRows};
}

Option price(const DeviceSpec& spec, const Work& work, const Footprint& footprint, EnergyPerCycle always) {
  Option option;
  option.footprint = footprint;
  option.cycles = layer_cycles(spec, work, footprint);
  option.dynamic = dynamic_energy(spec, work, footprint);
  option.held = held_leakage(spec, work, footprint);
  option.alone = EnergyTotal(option.dynamic.total()) + EnergyTotal::over(always + option.held, option.cycles);
  option.weights_per_core = weights_per_core(spec, work, footprint);
  return option;
}

/// What the neighbours of a layer could lose at most if it took fewer of the same clusters and cores: cores that the next
/// layer then has to wake, and wires, whose bytes come and go inside the larger run.
EnergyTotal neighbours_loss(const DeviceSpec& spec, const Work& work, const Footprint& from, const Footprint& to) {
  const EnergyTotal wakes = EnergyTotal::repeated(spec.cluster.wake_energy, from.clusters - to.clusters) +
                            EnergyTotal::repeated(spec.core.wake_energy, from.total() - to.total());
  return wakes + EnergyTotal::repeated((work.input + work.output) * spec.wire_byte_pitch, from.clusters - 1);
}

bool dominates(const DeviceSpec& spec, const Work& work, const Option& other, const Option& option) {
  const bool subset = other.footprint.clusters <= option.footprint.clusters && other.footprint.cores <= option.footprint.cores;
  const bool smaller =
      other.footprint.total() < option.footprint.total() || (other.footprint.total() == option.footprint.total() && &other < &option);
  if (&other == &option || !subset || !smaller || other.cycles > option.cycles) return false;
  return other.alone + neighbours_loss(spec, work, option.footprint, other.footprint) <= option.alone;
}

void mark_dominated(const DeviceSpec& spec, const Work& work, std::vector<Option>& options) {
  for (Option& option : options) {
    const Option* best = nullptr;
    for (const Option& other : options) {
      if (dominates(spec, work, other, option) && (best == nullptr || other.alone < best->alone)) best = &other;
    }
    option.dominated = best != nullptr;
    if (best != nullptr) option.dominated_by = static_cast<std::int16_t>(best - options.data());
  }
}

LayerOptions options_of(const DeviceSpec& spec, const Work& work, EnergyPerCycle always) {
  LayerOptions layer;
  layer.work = work;
  for (std::int64_t clusters = 1; clusters <= spec.cluster_count; ++clusters) {
    for (std::int64_t cores = 1; cores <= spec.cores_per_cluster; ++cores) {
      for (const CoreSplit split : splits_of(spec, work, clusters * cores)) {
        const Footprint footprint{clusters, cores, split};
        const char* reason = nullptr;
        if (footprint_legal(spec, work, footprint, &reason)) layer.options.push_back(price(spec, work, footprint, always));
        else layer.rejected.push_back({footprint, reason});
      }
    }
  }
  mark_dominated(spec, work, layer.options);
  return layer;
}

Bytes peak_of(const LayerGraph& graph, const std::vector<Bytes>& sizes) {
  Bytes live;
  for (const TensorId input : graph.inputs) live += sizes[input.at()];
  Bytes peak = live;
  for (std::size_t i = 0; i < graph.layers.size(); ++i) {
    for (const TensorId output : graph.layers[i].outputs) live += sizes[output.at()];
    peak = std::max(peak, live);
    for (std::size_t t = 0; t < sizes.size(); ++t) {
      const Activation& activation = graph.activations[t];
      const bool dies = !activation.network_output &&
                        (activation.last_use ? activation.last_use->at() == i : activation.producer && activation.producer->at() == i);
      if (dies) live -= sizes[t];
    }
  }
  return peak;
}

}  // namespace

Placement placed_at(const Footprint& footprint, std::int32_t first) {
  return {static_cast<std::int16_t>(first), static_cast<std::int16_t>(footprint.clusters),
          static_cast<std::uint16_t>((1U << footprint.cores) - 1U), footprint.split};
}

Result<OptionTable> OptionTable::build(std::shared_ptr<const LayerGraph> graph, std::shared_ptr<const DeviceSpec> spec) {
  OptionTable table;
  table.graph_ = std::move(graph);
  table.spec_ = std::move(spec);
  const LayerGraph& g = *table.graph_;
  const DeviceSpec& s = *table.spec_;
  for (const Activation& activation : g.activations) {
    table.tensor_bytes_.push_back(modelled_size(s, activation));
    table.tensor_layouts_.push_back(plain_layout(activation.shape));
    if (activation.consumers.empty()) continue;
    const Layer& reader = g.layer(activation.consumers.front());
    const TensorId self(table.tensor_bytes_.size() - 1);
    const auto operand = std::find_if(reader.inputs.begin(), reader.inputs.end(), [self](const Operand& o) { return o.tensor == self; });
    GATEFOLD_REQUIRE(operand != reader.inputs.end());
    table.tensor_layouts_.back() = operand_layout(reader, operand->shape);
  }
  std::vector<Work> works;
  for (const Layer& layer : g.layers) {
    works.push_back(work_of(s, g, layer));
    table.cuts_.push_back(cut_of(layer));
    table.weight_bytes_ += works.back().weights;
  }
  table.peak_activation_bytes_ = peak_of(g, table.tensor_bytes_);
  table.always_ = s.floor + s.bank.retention * ceil_div(table.weight_bytes_, s.bank.size);
  for (const UncoreSpec& part : s.uncore) table.always_ += part.use == UncoreUse::kRequests ? part.gate.on : part.gate.gated;

  const std::size_t shapes = static_cast<std::size_t>(s.core_count()) * kSplits;
  for (std::size_t i = 0; i < works.size(); ++i) {
    table.layers_.push_back(options_of(s, works[i], table.always_));
    const LayerOptions& layer = table.layers_.back();
    if (layer.options.empty()) {
      return Error{ErrorCode::kUnsupported, fmt::format("layer '{}' ({}): device '{}' has no legal placement for it", g.layers[i].name,
                                                        name(g.layers[i].op), s.name)};
    }
    std::vector<std::int16_t> positions(shapes, -1);
    for (std::size_t o = 0; o < layer.options.size(); ++o) {
      positions[table.index_of(placed_at(layer.options[o].footprint, 0))] = static_cast<std::int16_t>(o);
    }
    table.by_shape_.push_back(std::move(positions));
  }
  return table;
}

std::size_t OptionTable::index_of(const Placement& placement) const {
  const auto shape = static_cast<std::size_t>((placement.clusters - 1) * spec_->cores_per_cluster + placement.cores_per_cluster() - 1);
  return shape * kSplits + static_cast<std::size_t>(placement.split);
}

bool OptionTable::has_option(LayerId id, const Placement& placement) const { return by_shape_[id.at()][index_of(placement)] >= 0; }

const Option& OptionTable::option(LayerId id, const Placement& placement) const {
  const std::int16_t position = by_shape_[id.at()][index_of(placement)];
  GATEFOLD_REQUIRE(position >= 0);
  return layers_[id.at()].options[static_cast<std::size_t>(position)];
}

}  // namespace gatefold
