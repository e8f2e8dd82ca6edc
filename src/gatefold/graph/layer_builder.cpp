#include "gatefold/graph/layer_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace gatefold {

Operand constant_operand(Tensor tensor, std::optional<Quantisation> dequantise) {
  Operand operand;
  operand.type = tensor.type();
  operand.shape = tensor.shape();
  operand.constant = std::move(tensor);
  operand.dequantise = std::move(dequantise);
  return operand;
}

namespace {

std::size_t constant_bytes(const TypedModel& model) {
  std::size_t bytes = 0;
  for (const TypedValue& value : model.values) {
    if (!value.constant || value.constant->is_splat()) continue;
    bytes += static_cast<std::size_t>(value.constant->shape().elements() * element_size(value.constant->type()));
  }
  return bytes;
}

}  // namespace

LayerBuilder::LayerBuilder(TypedModel model)
    : model_(std::move(model)), pool_(constant_bytes(model_)), sources_(model_.values.size()), uses_(model_.values.size(), 0) {
  for (const Node& node : model_.nodes) {
    for (const auto& id : node.inputs) {
      if (id) ++uses_[id->at()];
    }
  }
  for (const ValueId output : model_.outputs) ++uses_[output.at()];
  unread_ = uses_;
}

Result<LayerGraph> LayerBuilder::build() && {
  graph_.name = model_.name;
  graph_.quantised = model_.quantised;
  const auto layers_max = static_cast<std::size_t>(std::count_if(model_.nodes.begin(), model_.nodes.end(), [](const Node& node) {
    return !std::holds_alternative<Quantize>(node.op) && !std::holds_alternative<Dequantize>(node.op);
  }));
  graph_.layers.reserve(layers_max);
  graph_.activations.reserve(layers_max + model_.inputs.size());
  for (const ValueId id : model_.inputs) {
    const TypedValue& input = value(id);
    const TensorId tensor(graph_.activations.size());
    Activation& activation = graph_.activations.emplace_back();
    activation.name = input.name;
    activation.type = input.fact.type;
    activation.shape = input.fact.shape;
    graph_.inputs.push_back(tensor);
    Operand& operand = (sources_[id.at()] = std::make_unique<Source>())->operand;
    operand.tensor = tensor;
    operand.type = input.fact.type;
    operand.shape = input.fact.shape;
  }
  for (const Node& node : model_.nodes) {
    GATEFOLD_CHECK(std::visit([&](const auto& op) { return form(op, node); }, node.op));
    for (const auto& id : node.inputs) {
      if (id && --unread_[id->at()] == 0) sources_[id->at()].reset();
    }
  }
  for (const ValueId output : model_.outputs) GATEFOLD_CHECK(resolve_output(output));
  name_copies();
  for (Layer& layer : graph_.layers) {
    if (layer.kind == LayerKind::kDot) GATEFOLD_CHECK(finish_dot(layer));
  }
  return std::move(graph_);
}

const LayerBuilder::Source& LayerBuilder::source(ValueId id) {
  auto& source = sources_.at(id.at());
  if (source != nullptr) return *source;
  TypedValue& constant = model_.values[id.at()];
  GATEFOLD_ENSURE(constant.constant.has_value());
  source = std::make_unique<Source>();
  source->operand = constant_operand(*constant.constant, std::move(constant.dequantise));
  return *source;
}

Operand LayerBuilder::taken(const Node& node, std::size_t position) {
  const ValueId id = *node.inputs[position];
  const Operand& operand = source(id).operand;
  return unread_[id.at()] == 1 ? std::move(sources_[id.at()]->operand) : operand;
}

void LayerBuilder::name_copies() {
  std::set<std::string> names;
  for (const Layer& layer : graph_.layers) names.insert(layer.name);
  for (const auto& [id, wanted] : copies_) {
    std::string name = wanted;
    while (!names.insert(name).second) name += '\'';
    graph_.layers[id.at()].name = std::move(name);
  }
}

Error LayerBuilder::unsupported(const Node& node, const std::string& what) const {
  return {ErrorCode::kUnsupported, fmt::format("node '{}': {}", node.name, what)};
}

void LayerBuilder::view(ValueId output, const Source& from) {
  Source viewed = from;
  viewed.operand.shape = value(output).fact.shape;
  if (viewed.operand.constant) viewed.operand.constant = viewed.operand.constant->reshaped(viewed.operand.shape);
  viewed.sole = from.sole && read_once(output);
  sources_[output.at()] = std::make_unique<Source>(std::move(viewed));
}

TensorId LayerBuilder::store(ValueId output, ElementType type, const Shape& shape, LayerId producer) {
  const TensorId tensor(graph_.activations.size());
  Activation& activation = graph_.activations.emplace_back();
  activation.name = value(output).name;
  activation.type = type;
  activation.shape = shape;
  activation.producer = producer;
  Source& stored = *(sources_[output.at()] = std::make_unique<Source>());
  stored.operand.tensor = tensor;
  stored.operand.type = type;
  stored.operand.shape = shape;
  stored.sole = read_once(output);
  return tensor;
}

Result<LayerId> LayerBuilder::emit(const Node& node, LayerKind kind, Operator op, std::vector<Operand> inputs) {
  for (const ValueId output : node.outputs) {
    const Fact& fact = value(output).fact;
    if (fact.shape.elements() == 0) {
      return unsupported(node, fmt::format("its result '{}' of shape {} has no elements", value(output).name, fact.shape.text()));
    }
  }
  return append(node.name, kind, std::move(op), std::move(inputs), node.outputs);
}

void LayerBuilder::emit_copy(ValueId id, std::string name, LayerKind kind, Operator op, std::vector<Operand> inputs) {
  const LayerId layer = append("", kind, std::move(op), std::move(inputs), {id});
  copies_.emplace_back(layer, std::move(name));
}

LayerId LayerBuilder::append(std::string name, LayerKind kind, Operator op, std::vector<Operand> inputs,
                             const std::vector<ValueId>& outputs) {
  const LayerId id(graph_.layers.size());
  const Fact& first = value(outputs.front()).fact;
  Layer& layer = graph_.layers.emplace_back();
  layer.name = std::move(name);
  layer.kind = kind;
  layer.op = std::move(op);
  layer.inputs = std::move(inputs);
  layer.output_shape = first.shape;
  layer.output_type = first.type;
  for (const ValueId output : outputs) layer.outputs.push_back(store(output, value(output).fact.type, value(output).fact.shape, id));
  slid_.emplace_back();
  return id;
}

Result<Operand> LayerBuilder::operand(ValueId id) {
  const Operand& stored = source(id).operand;
  if (!stored.constant) return stored;
  GATEFOLD_TRY(Tensor tensor, real({value(id).name, value(id).fact, stored.constant, stored.dequantise}));
  return constant_operand(std::move(tensor));
}

Result<std::vector<Operand>> LayerBuilder::operands(const Node& node) {
  std::vector<Operand> inputs;
  inputs.reserve(node.inputs.size());
  for (const auto& id : node.inputs) {
    if (id) {
      GATEFOLD_TRY(Operand input, operand(*id));
      inputs.push_back(std::move(input));
    } else {
      // An absent optional input is an empty constant, as in the file format.
      inputs.push_back(constant_operand(Tensor(ElementType::kFloat32, Shape{0}, Buffer(0))));
    }
  }
  return inputs;
}

void LayerBuilder::materialise(ValueId id) {
  const Source from = source(id);
  if (!from.operand.dequantise || from.operand.constant || unslide(id)) return;
  const Quantisation& quantisation = *from.operand.dequantise;
  Operand stored = from.operand;
  stored.dequantise.reset();
  emit_copy(id, from.dequantised_by, LayerKind::kVector, Dequantize{quantisation.axis},
            {stored, constant_operand(scale_tensor(quantisation)), constant_operand(zero_point_tensor(quantisation))});
}

Status LayerBuilder::resolve_output(ValueId id) {
  materialise(id);
  const bool computed = source(id).operand.tensor && graph_.activation(*source(id).operand.tensor).producer;
  if (!computed) {
    // A constant, or a network input under another name: copied, so that every output is some layer's result.
    if (value(id).fact.shape.elements() == 0) {
      return Error{ErrorCode::kUnsupported, fmt::format("output '{}' has no elements", value(id).name)};
    }
    GATEFOLD_TRY(Operand stored, operand(id));
    emit_copy(id, value(id).name, LayerKind::kMove, Identity{}, {std::move(stored)});
  }
  const TensorId tensor = *source(id).operand.tensor;
  graph_.activations[tensor.at()].network_output = true;
  graph_.outputs.push_back({value(id).name, tensor, value(id).fact.shape});
  return Done{};
}

}  // namespace gatefold
