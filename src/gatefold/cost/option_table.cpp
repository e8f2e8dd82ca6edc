#include "gatefold/cost/option_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

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

/// What an option costs apart from cores that its successor on a chain has to wake where the option does not hold them: of
/// two options, one on a subset of the other's clusters and cores loses at most the wakes between them.
EnergyTotal without_wakes(const DeviceSpec& spec, const Option& option) {
  return option.alone - EnergyTotal::repeated(spec.cluster.wake_energy, option.footprint.clusters) -
         EnergyTotal::repeated(spec.core.wake_energy, option.footprint.total());
}

/// The options seen so far with at most so many cores per cluster that may dominate later ones: the more cycles, the cheaper.
using Frontier = std::map<Cycles, std::int32_t>;

/// Marks options that another one on a subset of their clusters and cores dominates: no slower, and no dearer even if it
/// costs the neighbours all the wakes it spares itself and every byte that comes and goes travels the larger run.
/// O(n log n) for n options: they are looked at by clusters, then cores; a frontier for each number of cores keeps what is
/// not both slower and dearer than another.
void mark_dominated(const DeviceSpec& spec, const Work& work, std::vector<Option>& options) {
  std::vector<EnergyTotal> cost;
  for (const Option& option : options) cost.push_back(without_wakes(spec, option));
  std::vector<Frontier> frontiers(static_cast<std::size_t>(spec.cores_per_cluster) + 1);
  const auto at = [&](std::int32_t position) -> EnergyTotal { return cost[static_cast<std::size_t>(position)]; };
  for (std::size_t i = 0; i < options.size(); ++i) {
    Option& option = options[i];
    const EnergyTotal limit =
        cost[i] - EnergyTotal::repeated((work.input + work.output) * spec.wire_byte_pitch, option.footprint.clusters - 1);
    std::int32_t best = -1;
    for (std::int64_t cores = 1; cores <= option.footprint.cores; ++cores) {
      const Frontier& frontier = frontiers[static_cast<std::size_t>(cores)];
      const auto slower = frontier.upper_bound(option.cycles);
      if (slower == frontier.begin()) continue;
      const std::int32_t other = std::prev(slower)->second;
      if (at(other) <= limit && (best < 0 || at(other) < at(best))) best = other;
    }
    option.dominated = best >= 0;
    option.dominated_by = best;
    Frontier& frontier = frontiers[static_cast<std::size_t>(option.footprint.cores)];
    const auto slower = frontier.upper_bound(option.cycles);
    if (slower != frontier.begin() && at(std::prev(slower)->second) <= cost[i]) continue;
    auto next = frontier.lower_bound(option.cycles);
    while (next != frontier.end() && cost[i] <= at(next->second)) next = frontier.erase(next);
    frontier.insert_or_assign(option.cycles, static_cast<std::int32_t>(i));
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
  layer.by_cost.resize(layer.options.size());
  std::iota(layer.by_cost.begin(), layer.by_cost.end(), 0);
  std::stable_sort(layer.by_cost.begin(), layer.by_cost.end(), [&](std::int32_t a, std::int32_t b) {
    return layer.options[static_cast<std::size_t>(a)].alone < layer.options[static_cast<std::size_t>(b)].alone;
  });
  return layer;
}

/// Errors: kUnsupported, naming the layer and what the chip lacks.
Status check_options(const Layer& layer, const DeviceSpec& spec, const LayerOptions& options) {
  const auto refuse = [&](const std::string& why) {
    return Error{ErrorCode::kUnsupported, fmt::format("layer '{}' ({}): device '{}' {}", layer.name, name(layer.op), spec.name, why)};
  };
  const auto& density = options.work.density;
  if (density != nullptr && density->odd_filter) {
    return refuse(fmt::format("takes weights of -a, 0 or a in every filter; found others in filter {}", *density->odd_filter));
  }
  if (!options.options.empty()) return Done{};
  return refuse(fmt::format("has no legal placement for it: {}", options.rejected.back().reason));
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
    table.weight_bytes_ += works.back().weights;
  }
  table.peak_activation_bytes_ = peak_of(g, table.tensor_bytes_);
  table.always_ = s.floor + s.bank.retention * ceil_div(table.weight_bytes_, s.bank.size);
  for (const UncoreSpec& part : s.uncore) table.always_ += part.use == UncoreUse::kRequests ? part.gate.on : part.gate.gated;

  const std::size_t shapes = static_cast<std::size_t>(s.core_count()) * kSplits;
  for (std::size_t i = 0; i < works.size(); ++i) {
    table.layers_.push_back(options_of(s, works[i], table.always_));
    const LayerOptions& layer = table.layers_.back();
    GATEFOLD_CHECK(check_options(g.layers[i], s, layer));
    std::vector<std::int32_t> positions(shapes, -1);
    for (std::size_t o = 0; o < layer.options.size(); ++o) {
      positions[table.index_of(placed_at(layer.options[o].footprint, 0))] = static_cast<std::int32_t>(o);
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
  const std::int32_t position = by_shape_[id.at()][index_of(placement)];
  GATEFOLD_REQUIRE(position >= 0);
  return layers_[id.at()].options[static_cast<std::size_t>(position)];
}

}  // namespace gatefold
