// What a layer takes over from the operators behind it: an activation, a quantisation.
//
// Only where nobody else reads the value in between; and only activations that a post-processor applies while it stores
// (Relu, Clip, LeakyRelu), other functions are work of the vector unit.
#include <cmath>

#include "gatefold/graph/layer_builder.h"

namespace gatefold {
namespace {

bool joins(const Unary& op) { return op.kind == UnaryKind::kRelu || op.kind == UnaryKind::kClip || op.kind == UnaryKind::kLeakyRelu; }

/// True if quantising what was dequantised by the same parameters gives back every stored integer: the scale must be
/// far enough from denormal numbers for scale * 255 / scale to round to 255.
bool inverts(const Quantisation& quantisation) {
  for (const float scale : quantisation.scale) {
    if (!std::isnormal(scale) || !std::isfinite(scale * 255.0F)) return false;
  }
  return true;
}

}  // namespace

std::optional<LayerId> LayerBuilder::open_producer(ValueId id) {
  const Source& from = source(id);
  if (!from.sole || !from.operand.tensor || from.operand.dequantise || from.operand.type != ElementType::kFloat32) return std::nullopt;
  const auto& producer = graph_.activation(*from.operand.tensor).producer;
  if (!producer) return std::nullopt;
  const Layer& layer = graph_.layer(*producer);
  if (layer.outputs.size() != 1 || layer.epilogue.quantise) return std::nullopt;
  return producer;
}

void LayerBuilder::rename_result(LayerId layer_id, ValueId input, ValueId output, ElementType type) {
  Layer& layer = graph_.layers[layer_id.at()];
  layer.output_type = type;
  Activation& activation = graph_.activations[layer.outputs[0].at()];
  activation.type = type;
  activation.name = value(output).name;
  view(output, source(input));
  sources_[output.at()]->operand.type = type;
}

bool LayerBuilder::unslide(ValueId id) {
  const Source& from = source(id);
  if (!from.sole || !from.operand.tensor || !from.operand.dequantise) return false;
  const auto& producer = graph_.activation(*from.operand.tensor).producer;
  if (!producer || !slid_[producer->at()] || graph_.layer(*producer).outputs.size() != 1) return false;
  // The reader may have dequantised with parameters of its own since.
  if (from.operand.dequantise != slid_[producer->at()]) return false;
  Layer& layer = graph_.layers[producer->at()];
  for (Operand& operand : layer.inputs) {
    if (operand.type == slid_[producer->at()]->type) operand.dequantise = slid_[producer->at()];
  }
  slid_[producer->at()].reset();
  rename_result(*producer, id, id, ElementType::kFloat32);
  sources_[id.at()]->operand.dequantise.reset();
  return true;
}

Status LayerBuilder::form(const Unary& op, const Node& node) {
  const ValueId x = *node.inputs[0];
  if (joins(op)) {
    const auto producer = open_producer(x);
    if (producer && graph_.layer(*producer).kind != LayerKind::kMove && !graph_.layer(*producer).epilogue.activation) {
      graph_.layers[producer->at()].epilogue.activation = op;
      rename_result(*producer, x, node.outputs[0], ElementType::kFloat32);
      return Done{};
    }
  }
  return form_plain(LayerKind::kVector, op, node);
}

Status LayerBuilder::form(const Quantize& op, const Node& node) {
  const ValueId x = *node.inputs[0];
  const ValueId y = node.outputs[0];
  const Quantisation quantisation = quantisation_of(node, model_.values);
  if (source(x).operand.dequantise == quantisation && source(x).operand.tensor && inverts(quantisation)) {
    view(y, source(x));
    sources_[y.at()]->operand.dequantise.reset();
    return Done{};
  }
  if (quantisation.per_tensor()) {
    unslide(x);
    if (const auto producer = open_producer(x)) {
      graph_.layers[producer->at()].epilogue.quantise = quantisation;
      rename_result(*producer, x, y, quantisation.type);
      return Done{};
    }
  }
  return form_plain(LayerKind::kVector, op, node);
}

}  // namespace gatefold
