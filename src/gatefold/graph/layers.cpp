// What each operator becomes, but for dot products (dot_layers.cpp) and what joins a producer (epilogues.cpp).
#include <algorithm>
#include <limits>

#include "gatefold/graph/layer_builder.h"

namespace gatefold {
namespace {

/// True if only extents of 1 change place, so that no byte moves.
bool keeps_bytes(const Transpose& op, const Shape& x) {
  std::int64_t last = -1;
  for (const std::int64_t axis : op.permutation) {
    if (x[static_cast<int>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

bool positive(const Quantisation& quantisation) {
  return std::all_of(quantisation.scale.begin(), quantisation.scale.end(), [](float scale) { return scale > 0; });
}

/// The integer that stands for exactly `number`, as a scalar.
std::optional<Tensor> stored_exactly(float number, const Quantisation& quantisation) {
  const float scale = quantisation.scale[0];
  const auto low = quantisation.type == ElementType::kInt8 ? std::numeric_limits<std::int8_t>::min() : 0;
  for (std::int32_t stored = low; stored <= low + 255; ++stored) {
    if (scale * static_cast<float>(stored - quantisation.zero_point[0]) != number) continue;
    if (quantisation.type == ElementType::kInt8) return Tensor::of<std::int8_t>(Shape{}, {static_cast<std::int8_t>(stored)});
    return Tensor::of<std::uint8_t>(Shape{}, {static_cast<std::uint8_t>(stored)});
  }
  return std::nullopt;
}

}  // namespace

Status LayerBuilder::form_plain(LayerKind kind, const Operator& op, const Node& node) {
  GATEFOLD_TRY(std::vector<Operand> inputs, operands(node));
  GATEFOLD_TRY(const LayerId layer, emit(node, kind, op, std::move(inputs)));
  static_cast<void>(layer);
  return Done{};
}

Status LayerBuilder::form_view(const Node& node) {
  const ValueId x = *node.inputs[0];
  const auto& dequantise = source(x).operand.dequantise;
  const ValueId y = node.outputs[0];
  if (dequantise && !dequantise->per_tensor() && value(x).fact.shape != value(y).fact.shape) materialise(x);
  view(y, source(x));
  return Done{};
}

Status LayerBuilder::form_sliding(LayerKind kind, const Operator& op, const Node& node, std::size_t data_count) {
  const std::optional<Quantisation> shared = input(node, 0).operand.dequantise;
  bool slides = shared && shared->per_tensor() && is_quantised(shared->type) && positive(*shared);
  for (std::size_t i = 0; slides && i < data_count; ++i) slides = input(node, i).operand.dequantise == shared;
  if (!slides) return form_plain(kind, op, node);

  std::vector<Operand> inputs;
  for (std::size_t i = 0; i < data_count; ++i) {
    inputs.push_back(input(node, i).operand);
    inputs.back().dequantise.reset();
  }
  GATEFOLD_TRY(std::vector<Operand> all, operands(node));
  inputs.insert(inputs.end(), all.begin() + static_cast<std::ptrdiff_t>(data_count), all.end());
  const std::string dequantised_by = input(node, 0).dequantised_by;
  GATEFOLD_TRY(const LayerId id, emit(node, kind, op, std::move(inputs)));
  Layer& layer = graph_.layers[id.at()];
  layer.output_type = shared->type;
  slid_[id.at()] = shared;
  for (std::size_t i = 0; i < layer.outputs.size(); ++i) {
    graph_.activations[layer.outputs[i].at()].type = shared->type;
    Source& slid = *sources_[node.outputs[i].at()];
    slid.operand.type = shared->type;
    slid.operand.dequantise = shared;
    slid.dequantised_by = dequantised_by;
  }
  return Done{};
}

Status LayerBuilder::form(const Pool& op, const Node& node) {
  if (op.kind == PoolKind::kMax) return form_sliding(LayerKind::kVector, op, node, 1);
  return form_plain(LayerKind::kVector, op, node);
}

Status LayerBuilder::form(const Binary& op, const Node& node) {
  if (op.kind == BinaryKind::kAdd) {
    GATEFOLD_TRY(const bool joined, join_bias(node));
    if (joined) return Done{};
  }
  return form_plain(LayerKind::kVector, op, node);
}

Status LayerBuilder::form(const Reduce& op, const Node& node) { return form_plain(LayerKind::kVector, op, node); }
Status LayerBuilder::form(const Softmax& op, const Node& node) { return form_plain(LayerKind::kVector, op, node); }
Status LayerBuilder::form(const Lrn& op, const Node& node) { return form_plain(LayerKind::kVector, op, node); }

Status LayerBuilder::form(const BatchNorm& op, const Node& node) {
  GATEFOLD_TRY(const bool joined, join_batch_norm(op, node));
  return joined ? Status(Done{}) : form_plain(LayerKind::kVector, op, node);
}

Status LayerBuilder::form(const Dequantize&, const Node& node) {
  const Source& x = input(node, 0);
  if (!is_quantised(x.operand.type)) return form_plain(LayerKind::kVector, node.op, node);
  view(node.outputs[0], x);
  Source& y = *sources_[node.outputs[0].at()];
  y.operand.dequantise = quantisation_of(node, model_.values);
  y.dequantised_by = node.name;
  return Done{};
}

Status LayerBuilder::form(const Cast& op, const Node& node) {
  if (value(*node.inputs[0]).fact.type == op.to) return form_view(node);
  return form_plain(LayerKind::kVector, op, node);
}

Status LayerBuilder::form(const Identity&, const Node& node) { return form_view(node); }
Status LayerBuilder::form(const Reshape&, const Node& node) { return form_view(node); }
Status LayerBuilder::form(const Flatten&, const Node& node) { return form_view(node); }
Status LayerBuilder::form(const Squeeze&, const Node& node) { return form_view(node); }
Status LayerBuilder::form(const Unsqueeze&, const Node& node) { return form_view(node); }

Status LayerBuilder::form(const Transpose& op, const Node& node) {
  if (keeps_bytes(op, value(*node.inputs[0]).fact.shape)) return form_view(node);
  return form_sliding(LayerKind::kMove, op, node, 1);
}

Status LayerBuilder::form(const Concat& op, const Node& node) {
  if (node.inputs.size() == 1) return form_view(node);
  return form_sliding(LayerKind::kMove, op, node, node.inputs.size());
}

Status LayerBuilder::form(const Slice& op, const Node& node) { return form_sliding(LayerKind::kMove, op, node, 1); }
Status LayerBuilder::form(const Split& op, const Node& node) { return form_sliding(LayerKind::kMove, op, node, 1); }
Status LayerBuilder::form(const Gather& op, const Node& node) { return form_sliding(LayerKind::kMove, op, node, 1); }

Status LayerBuilder::form(const Pad& op, const Node& node) {
  if (op.mode != PadMode::kConstant) return form_sliding(LayerKind::kMove, op, node, 1);
  // Among stored integers the padding value must be one of them, standing for exactly the real number.
  const auto& dequantise = input(node, 0).operand.dequantise;
  if (!dequantise || !dequantise->per_tensor()) return form_plain(LayerKind::kMove, op, node);
  double padding = 0;
  if (has(node, 2)) {
    if (!value(*node.inputs[2]).constant) return form_plain(LayerKind::kMove, op, node);
    GATEFOLD_TRY(const Operand number, operand(*node.inputs[2]));
    padding = number.constant->number_at(0);
  }
  const std::optional<Tensor> stored = stored_exactly(static_cast<float>(padding), *dequantise);
  if (!stored) return form_plain(LayerKind::kMove, op, node);
  GATEFOLD_CHECK(form_sliding(LayerKind::kMove, op, node, 1));
  if (!slid_.back()) return Done{};
  Layer& layer = graph_.layers.back();
  layer.inputs.resize(2);
  layer.inputs.push_back(constant_operand(*stored));
  return Done{};
}

Status LayerBuilder::form(const Resize& op, const Node& node) {
  if (op.mode == ResizeMode::kNearest) return form_sliding(LayerKind::kMove, op, node, 1);
  return form_plain(LayerKind::kVector, op, node);
}

Status LayerBuilder::form(const Expand& op, const Node& node) {
  if (value(*node.inputs[0]).fact.shape == value(node.outputs[0]).fact.shape) return form_view(node);
  return form_sliding(LayerKind::kMove, op, node, 1);
}

// Folding makes constants of both: every shape is known.
Status LayerBuilder::form(const ShapeOf&, const Node&) { GATEFOLD_REQUIRE(false); }
Status LayerBuilder::form(const ConstantOfShape&, const Node&) { GATEFOLD_REQUIRE(false); }

}  // namespace gatefold
