#include "gatefold/runtime/prepared.h"

#include <algorithm>

namespace gatefold {

Result<std::shared_ptr<const PackedSlice>> WeightStore::slice(std::size_t layer, const DotKernel& kernel, const DotGeometry& geometry,
                                                              const DotSlice& slice) {
  const Key key{layer * 2 + (kernel.accumulator_type() == ElementType::kInt32 ? 1 : 0),
                geometry.n,
                geometry.ih,
                geometry.oh,
                geometry.pad_top,
                geometry.pad_bottom,
                slice.ic.begin,
                slice.ic.end,
                slice.oc.begin,
                slice.oc.end};
  const std::lock_guard lock(mutex_);
  if (const auto found = slices_.find(key); found != slices_.end()) return found->second;
  GATEFOLD_TRY(auto packed, kernel.pack(slice));
  slices_.emplace(key, packed);
  return packed;
}

Result<std::shared_ptr<const PreparedNetwork>> PreparedNetwork::make(std::shared_ptr<const LayerGraph> graph,
                                                                     std::shared_ptr<const DeviceSpec> spec, OffChip off_chip) {
  auto network = std::make_shared<PreparedNetwork>();
  network->graph_ = graph;
  network->spec_ = spec;
  GATEFOLD_TRY(OptionTable table, OptionTable::build(graph, spec));
  network->table_ = std::make_unique<const OptionTable>(std::move(table));
  GATEFOLD_TRY(network->plan_, plan_static(*network->table_, std::nullopt, off_chip));
  network->store_ = std::make_unique<WeightStore>();
  const std::size_t layers = graph->layers.size();
  network->decided_with_.resize(layers);
  network->dying_after_.resize(layers);
  for (std::size_t v = 0; v < layers; ++v) {
    std::optional<LayerId> last;
    for (const Operand& operand : graph->layers[v].inputs) {
      if (!operand.tensor) continue;
      const auto producer = graph->activation(*operand.tensor).producer;
      if (producer && (!last || *producer > *last)) last = producer;
    }
    network->last_producers_.push_back(last);
    if (last) network->decided_with_[last->at()].push_back(LayerId(v));
  }
  for (std::size_t t = 0; t < graph->activations.size(); ++t) {
    const Activation& activation = graph->activations[t];
    if (activation.network_output) continue;
    const auto dies = activation.last_use ? activation.last_use : activation.producer;
    if (dies) network->dying_after_[dies->at()].push_back(TensorId(t));
  }
  return std::shared_ptr<const PreparedNetwork>(std::move(network));
}

bool fully_resident(const PreparedNetwork& network) {
  const Assignment& plan = network.plan().assignment;
  if (!network.plan().spilling.tensors.empty()) return false;
  return std::none_of(plan.begin(), plan.end(), [](const Placement& placement) { return placement.streamed; });
}

Result<std::shared_ptr<const PreparedNetwork>> prepare(std::shared_ptr<const LayerGraph> graph, std::shared_ptr<const DeviceSpec> device) {
  return PreparedNetwork::make(std::move(graph), std::move(device), OffChip::kAllowed);
}

Result<std::shared_ptr<const PreparedNetwork>> prepare_resident(std::shared_ptr<const LayerGraph> graph,
                                                                std::shared_ptr<const DeviceSpec> device) {
  return PreparedNetwork::make(std::move(graph), std::move(device), OffChip::kRefused);
}

}  // namespace gatefold
