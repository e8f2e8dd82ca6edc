#include "gatefold/report/inspection.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace gatefold {
namespace {

/// Activations alive while layer `at` runs. A network input is alive from the start.
bool alive(const Activation& activation, LayerId at) {
  if (activation.producer && *activation.producer > at) return false;
  if (activation.network_output) return true;
  if (activation.last_use) return *activation.last_use >= at;
  return activation.producer == at;
}

LayerInspection inspect_layer(const LayerGraph& graph, LayerId id) {
  const Layer& layer = graph.layer(id);
  LayerInspection row;
  row.name = layer.name;
  row.op = std::string(name(layer.op));
  row.kind = layer.kind;
  row.macs = layer.kind == LayerKind::kDot ? layer.dot.macs() : 0;
  std::set<TensorId> read;
  std::set<LayerId> producers;
  for (const Operand& operand : layer.inputs) {
    if (operand.constant) row.weights += Bytes(operand.shape.elements() * element_size(operand.type));
    if (!operand.tensor || !read.insert(*operand.tensor).second) continue;
    const Activation& activation = graph.activation(*operand.tensor);
    row.inputs += Bytes(stored_bytes(activation));
    if (activation.producer) producers.insert(*activation.producer);
    else row.reads_network_input = true;
  }
  row.producers.assign(producers.begin(), producers.end());
  std::set<LayerId> consumers;
  for (const TensorId output : layer.outputs) {
    const Activation& activation = graph.activation(output);
    row.outputs += Bytes(stored_bytes(activation));
    consumers.insert(activation.consumers.begin(), activation.consumers.end());
  }
  row.routes = static_cast<std::int64_t>(producers.size() + consumers.size());
  for (const Activation& activation : graph.activations) {
    if (alive(activation, id)) row.live += Bytes(stored_bytes(activation));
  }
  return row;
}

}  // namespace

Inspection inspect(const LayerGraph& graph) {
  Inspection inspection;
  inspection.model = graph.name;
  inspection.quantised = graph.quantised;
  inspection.notes = graph.bound_symbols;
  for (std::size_t i = 0; i < graph.layers.size(); ++i) {
    const LayerInspection& row = inspection.layers.emplace_back(inspect_layer(graph, LayerId(i)));
    inspection.by_shift_price.emplace_back(i);
    inspection.weights += row.weights;
    inspection.live_peak = std::max(inspection.live_peak, row.live);
    inspection.macs += row.macs;
  }
  std::sort(inspection.by_shift_price.begin(), inspection.by_shift_price.end(), [&](LayerId a, LayerId b) {
    const LayerInspection& left = inspection.layers[a.at()];
    const LayerInspection& right = inspection.layers[b.at()];
    return std::tuple(left.shift_bytes(), left.routes, a) < std::tuple(right.shift_bytes(), right.routes, b);
  });
  return inspection;
}

std::string_view name(LayerKind kind) {
  switch (kind) {
    case LayerKind::kDot: return "dot";
    case LayerKind::kVector: return "vector";
    case LayerKind::kMove: return "move";
  }
  GATEFOLD_REQUIRE(false);
}

}  // namespace gatefold
