#include "gatefold/remap/walk.h"

#include <algorithm>

#include "gatefold/remap/plan.h"

namespace gatefold {
namespace {

/// Raises the banks per core that are taken while a layer executes.
void raise_peaks(const OptionTable& table, const Placement& here, LayerId layer, const Residence& residence,
                 std::vector<std::int32_t>& peaks) {
  for (std::size_t c = 0; c < peaks.size(); ++c) {
    peaks[c] = std::max(peaks[c], table.spec().banks_per_core - residence.memory().empty_banks(CoreId(c)));
  }
  if (residence.spilled().empty()) return;
  const auto staging = static_cast<std::int32_t>(least_staging_banks(table, residence.spilled(), layer, here.core_count()));
  for (std::int32_t c = 0; c < here.core_count(); ++c) {
    const CoreId core = here.core(c, table.spec().cores_per_cluster);
    peaks[core.at()] = std::max(peaks[core.at()], table.spec().banks_per_core - residence.memory().empty_banks(core) + staging);
  }
}

/// One layer's activations come and go as they will at run time. Returns the layer whose operands did not fit. What a layer
/// with a failed home would hold is not there. `counts`, if given, receives in how many row blocks the layer executes; `peaks` grows
/// to the banks per core that were not empty.
std::optional<LayerId> walk_layer(const OptionTable& table, const Assignment& homes, LayerId layer, Residence& residence,
                                  std::vector<RowBlocks>* counts, std::vector<std::int32_t>* peaks) {
  const LayerGraph& graph = table.graph();
  const auto lost = [&](const Placement& home) { return failed_core(residence.memory(), home, table.spec().cores_per_cluster); };
  const Placement& here = homes[layer.at()];
  const bool runs = !lost(here);
  for (const Operand& operand : graph.layer(layer).inputs) {
    if (!operand.tensor || !runs || !residence.stored(*operand.tensor)) continue;
    const Layout layout = operand_layout(graph.layer(layer), operand.shape);
    if (residence.aligned(*operand.tensor, here, layout)) continue;
    residence.drop(*operand.tensor);  // a later reader elsewhere: it moves
    if (!residence.store(*operand.tensor, here, layout, {})) return layer;
  }
  std::vector<BlockId> avoid;
  for (const Operand& operand : graph.layer(layer).inputs) {
    if (!operand.tensor || !residence.stored(*operand.tensor)) continue;
    const auto blocks = residence.blocks(*operand.tensor);
    avoid.insert(avoid.end(), blocks.begin(), blocks.end());
  }
  for (const TensorId output : graph.layer(layer).outputs) {
    const Activation& activation = graph.activation(output);
    const LayerId reader = activation.consumers.empty() ? layer : activation.consumers.front();
    if (residence.stored(output) || (lost(homes[reader.at()]) && !residence.spilled(output))) continue;
    if (!residence.store(output, homes[reader.at()], table.tensor_layout(output), avoid)) return reader;
  }
  if (runs && !residence.room_to_stage(layer, here)) return layer;
  if (counts != nullptr) counts->push_back(residence.stageable(layer, here).value());
  if (peaks != nullptr) raise_peaks(table, here, layer, residence, *peaks);
  for (std::size_t t = 0; t < graph.activations.size(); ++t) {
    const Activation& activation = graph.activations[t];
    if (activation.network_output || !residence.stored(TensorId(t))) continue;
    if (!activation.last_use || *activation.last_use <= layer) residence.drop(TensorId(t));
  }
  return std::nullopt;
}

}  // namespace

std::optional<LayerId> walk(const OptionTable& table, const Assignment& homes, std::optional<LayerId> next, const std::vector<char>& done,
                            Residence& residence, std::vector<RowBlocks>* counts, std::vector<std::int32_t>* peaks) {
  const LayerGraph& graph = table.graph();
  for (std::size_t i = 0; !next && i < graph.inputs.size(); ++i) {
    const TensorId input = graph.inputs[i];
    if (graph.activation(input).consumers.empty()) continue;
    const LayerId reader = graph.activation(input).consumers.front();
    if (failed_core(residence.memory(), homes[reader.at()], table.spec().cores_per_cluster)) continue;
    if (!residence.store(input, homes[reader.at()], table.tensor_layout(input), {})) return reader;
  }
  for (std::size_t v = next ? next->at() : 0; v < graph.layers.size(); ++v) {
    if (!done.empty() && done[v] != 0) continue;
    if (const auto failed = walk_layer(table, homes, LayerId(v), residence, counts, peaks)) return failed;
  }
  return std::nullopt;
}

}  // namespace gatefold
