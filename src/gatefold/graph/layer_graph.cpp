// The passes from a Model to a LayerGraph, and what is known about the result before anything runs.
//
//   bind symbols -> infer and fold -> drop dead nodes -> form layers -> analyse
//
// Each stage has a type of its own (Model, BoundInputs, TypedModel, LayerGraph), so that no pass can run on a network it
// is too early for. What a pass promises is checked after it: a broken promise is a bug of that pass, not of the file.
#include "gatefold/graph/layer_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "gatefold/graph/bind.h"
#include "gatefold/graph/fold.h"
#include "gatefold/graph/layer_builder.h"

namespace gatefold {
namespace {

/// Beyond the invariants of a Model: every value that is read is a constant, an input or computed before.
bool holds(const TypedModel& model) {
  std::vector<bool> known(model.values.size(), false);
  for (std::size_t i = 0; i < model.values.size(); ++i) {
    const TypedValue& value = model.values[i];
    if (value.constant && value.constant->shape() != value.fact.shape) return false;
    if (value.dequantise && (!value.constant || value.fact.type != ElementType::kFloat32)) return false;
    known[i] = value.constant.has_value();
  }
  for (const ValueId input : model.inputs) known[input.at()] = true;
  for (const Node& node : model.nodes) {
    for (const auto& input : node.inputs) {
      if (input && !known[input->at()]) return false;
    }
    for (const ValueId output : node.outputs) known[output.at()] = true;
  }
  return std::all_of(model.outputs.begin(), model.outputs.end(), [&](ValueId id) { return known[id.at()]; });
}

bool holds(const Operand& operand, const LayerGraph& graph, std::size_t layer) {
  if (operand.tensor.has_value() == operand.constant.has_value()) return false;
  if (operand.constant) return operand.constant->type() == operand.type && operand.constant->shape() == operand.shape;
  const Activation& activation = graph.activation(*operand.tensor);
  return activation.type == operand.type && activation.shape.elements() == operand.shape.elements() &&
         (!activation.producer || activation.producer->at() < layer);
}

/// Operands agree with what is stored, layers stand in topological order and have names of their own.
bool holds(const LayerGraph& graph) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < graph.layers.size(); ++i) {
    const Layer& layer = graph.layers[i];
    if (!names.insert(layer.name).second) return false;
    if (!std::all_of(layer.inputs.begin(), layer.inputs.end(), [&](const Operand& x) { return holds(x, graph, i); })) return false;
    for (const TensorId output : layer.outputs) {
      if (graph.activation(output).producer != LayerId(i) || graph.activation(output).type != layer.output_type) return false;
    }
    if (layer.kind == LayerKind::kDot && (layer.inputs.size() < 2 || layer.outputs.size() != 1)) return false;
  }
  return std::all_of(graph.outputs.begin(), graph.outputs.end(), [&](const NetworkOutput& output) {
    return graph.activation(output.tensor).network_output && graph.activation(output.tensor).producer &&
           graph.activation(output.tensor).shape.elements() == output.shape.elements();
  });
}

/// Every pass goes through here: its error leaves with the network's name, its promise is checked.
template <class Pass, class Promise>
auto run_pass(const std::string& network, Pass pass, Promise promise) -> decltype(pass()) {
  auto result = pass();
  if (!result) return std::move(result).error().within(network);
  GATEFOLD_ENSURE(promise(result.value()));
  return result;
}

/// Consumers and last uses.
void analyse(LayerGraph& graph) {
  for (std::size_t i = 0; i < graph.layers.size(); ++i) {
    for (const Operand& operand : graph.layers[i].inputs) {
      if (!operand.tensor) continue;
      auto& consumers = graph.activations[operand.tensor->at()].consumers;
      if (consumers.empty() || consumers.back() != LayerId(i)) consumers.emplace_back(i);
    }
  }
  for (Activation& activation : graph.activations) {
    if (activation.network_output) continue;
    activation.last_use = activation.consumers.empty() ? activation.producer : activation.consumers.back();
  }
}

}  // namespace

Result<LayerGraph> build_layer_graph(Model model, const BuildOptions& options) {
  const std::string network = model.name;
  const auto bind = [&] { return bind_symbols(model, options); };
  GATEFOLD_TRY(const BoundInputs bound,
               run_pass(network, bind, [&](const BoundInputs& result) { return result.shapes.size() == model.inputs.size(); }));

  // Beyond this point every extent of every input is a number.
  const auto infer = [&]() -> Result<TypedModel> {
    GATEFOLD_TRY(TypedModel typed, infer_and_fold(std::move(model), bound));
    drop_dead_nodes(typed);
    return typed;
  };
  GATEFOLD_TRY(TypedModel typed, run_pass(network, infer, [](const TypedModel& result) { return holds(result); }));

  // Beyond this point every value has a type and a shape, operators are normal, and all that is left depends on an input.
  const auto form = [&] { return LayerBuilder(std::move(typed)).build(); };
  GATEFOLD_TRY(LayerGraph graph, run_pass(network, form, [](const LayerGraph& result) { return holds(result); }));
  graph.bound_symbols = bound.notes;
  analyse(graph);
  return graph;
}

std::int64_t stored_bytes(const Activation& activation) { return activation.shape.elements() * element_size(activation.type); }

std::int64_t weight_elements(const Layer& layer) {
  if (layer.kind != LayerKind::kDot) return 0;
  std::int64_t elements = 0;
  for (std::size_t i = 1; i < layer.inputs.size(); ++i) elements += layer.inputs[i].shape.elements();
  return elements;
}

std::vector<std::vector<LayerId>> groups_sharing_operands(const LayerGraph& graph) {
  // Union-find; the root of a group is its first layer, so groups come out in order.
  std::vector<std::size_t> parent(graph.layers.size());
  std::iota(parent.begin(), parent.end(), std::size_t{0});
  const auto root = [&parent](std::size_t at) {
    while (parent[at] != at) at = parent[at] = parent[parent[at]];
    return at;
  };
  for (std::size_t i = 0; i < graph.layers.size(); ++i) {
    const Layer& layer = graph.layers[i];
    std::set<TensorId> read;
    for (const Operand& operand : layer.inputs) {
      if (operand.tensor) read.insert(*operand.tensor);
    }
    if (layer.kind != LayerKind::kVector || read.size() < 2) continue;
    for (const TensorId tensor : read) {
      const auto& producer = graph.activation(tensor).producer;
      if (!producer) continue;
      const std::size_t own = root(i);
      const std::size_t other = root(producer->at());
      parent[std::max(own, other)] = std::min(own, other);
    }
  }
  std::vector<std::vector<LayerId>> by_root(graph.layers.size());
  for (std::size_t i = 0; i < graph.layers.size(); ++i) by_root[root(i)].emplace_back(i);
  std::vector<std::vector<LayerId>> groups;
  for (auto& group : by_root) {
    if (group.size() > 1) groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace gatefold
