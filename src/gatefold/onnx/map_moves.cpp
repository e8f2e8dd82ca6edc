// Moves, shapes and constants: mostly attributes that newer opsets turned into inputs.
#include <utility>

#include "gatefold/onnx/mapping.h"

namespace gatefold::onnx_file {
namespace {

Tensor vector_of(const std::vector<float>& values) {
  return Tensor::of<float>(Shape{static_cast<std::int64_t>(values.size())}, std::span<const float>(values));
}

/// x and, if the attribute is there, its value as a constant input. From `input_since` on it is an input already.
Inputs with_axes(Context& node, std::int64_t input_since) {
  if (node.opset() >= input_since) return node.inputs(2);
  Inputs inputs = node.inputs(1);
  if (node.has("axes")) inputs.emplace_back(node.constant_input("axes", node.integers("axes")));
  return inputs;
}

Result<ResizeMode> resize_mode(const Context& node) {
  const std::string text = node.text("mode", "nearest");
  if (text == "nearest") return ResizeMode::kNearest;
  if (text == "linear") return ResizeMode::kLinear;
  return node.unsupported("mode is '{}', want nearest or linear", printable(text));
}

Result<ResizeCoordinates> resize_coordinates(const Context& node) {
  const std::string text = node.text("coordinate_transformation_mode", "half_pixel");
  if (text == "half_pixel") return ResizeCoordinates::kHalfPixel;
  if (text == "pytorch_half_pixel") return ResizeCoordinates::kPytorchHalfPixel;
  if (text == "asymmetric") return ResizeCoordinates::kAsymmetric;
  if (text == "align_corners") return ResizeCoordinates::kAlignCorners;
  return node.unsupported("coordinate_transformation_mode is '{}', want half_pixel, pytorch_half_pixel, asymmetric or align_corners",
                          printable(text));
}

Result<ResizeRounding> resize_rounding(const Context& node) {
  const std::string text = node.text("nearest_mode", "round_prefer_floor");
  if (text == "round_prefer_floor") return ResizeRounding::kRoundPreferFloor;
  if (text == "round_prefer_ceil") return ResizeRounding::kRoundPreferCeil;
  if (text == "floor") return ResizeRounding::kFloor;
  if (text == "ceil") return ResizeRounding::kCeil;
  return node.unsupported("nearest_mode is '{}', want round_prefer_floor, round_prefer_ceil, floor or ceil", printable(text));
}

/// Before opset 11 the standard named no rule; its own reference and the runtimes take coordinate / scale, rounded down.
Result<Resize> old_resize(const Context& node) {
  GATEFOLD_TRY(const ResizeMode mode, resize_mode(node));
  return Resize{mode, ResizeCoordinates::kAsymmetric, ResizeRounding::kFloor};
}

/// The input, unless it is absent or an empty constant, which opset 11 writes for "absent".
std::optional<ValueId> unless_empty(const Context& node, std::size_t index) {
  const Tensor* value = node.constant(index);
  if (value != nullptr && value->shape().elements() == 0) return std::nullopt;
  return node.input(index);
}

}  // namespace

Status map_reshape(Context& node) { return node.emit(Reshape{node.integer("allowzero", 0) != 0}, node.inputs(2)); }
Status map_flatten(Context& node) { return node.emit(Flatten{node.integer("axis", 1)}, node.inputs(1)); }
Status map_squeeze(Context& node) { return node.emit(Squeeze{}, with_axes(node, 13)); }
Status map_unsqueeze(Context& node) { return node.emit(Unsqueeze{}, with_axes(node, 13)); }
Status map_transpose(Context& node) { return node.emit(Transpose{node.integers("perm")}, node.inputs(1)); }
Status map_concat(Context& node) { return node.emit(Concat{node.integer("axis", 0)}, node.inputs(node.input_count())); }

Status map_slice(Context& node) {
  if (node.opset() >= 10) return node.emit(Slice{}, node.inputs(5));
  const auto starts = node.integers("starts");
  const auto ends = node.integers("ends");
  const auto axes = node.integers("axes");
  if (starts.size() != ends.size()) return node.invalid("starts has {} entries and ends {}, want equal", starts.size(), ends.size());
  if (node.has("axes") && axes.size() != starts.size()) {
    return node.invalid("axes has {} entries, want {} as starts", axes.size(), starts.size());
  }
  Inputs inputs = node.inputs(1);
  inputs.emplace_back(node.constant_input("starts", starts));
  inputs.emplace_back(node.constant_input("ends", ends));
  if (node.has("axes")) inputs.emplace_back(node.constant_input("axes", axes));
  return node.emit(Slice{}, inputs);
}

Status map_split(Context& node) {
  const std::size_t outputs = node.output_count();
  std::optional<std::int64_t> parts;  // as far as they are known
  if (const Tensor* split = node.constant(1)) parts = split->shape().elements();
  if (node.has("split")) parts = static_cast<std::int64_t>(node.integers("split").size());
  if (node.has("num_outputs")) {
    if (node.input(1)) return node.invalid("both split and num_outputs are given, want one of them");
    parts = node.integer("num_outputs", 0);
  }
  if (parts && !std::cmp_equal(*parts, outputs)) return node.invalid("{} parts, but {} outputs", *parts, outputs);
  Inputs inputs = node.inputs(2);
  if (node.has("split")) inputs[1] = node.constant_input("split", node.integers("split"));
  return node.emit(Split{node.integer("axis", 0)}, inputs, outputs);
}

Status map_gather(Context& node) { return node.emit(Gather{node.integer("axis", 0)}, node.inputs(2)); }

Status map_pad(Context& node) {
  Pad pad;
  const std::string mode = node.text("mode", "constant");
  if (mode == "reflect") pad.mode = PadMode::kReflect;
  else if (mode == "edge") pad.mode = PadMode::kEdge;
  else if (mode != "constant") return node.unsupported("mode is '{}', want constant, reflect or edge", printable(mode));
  if (node.input(3)) return node.unsupported("axes (input 3) are given; only pads of all axes are supported");
  if (node.opset() >= 11) return node.emit(pad, node.inputs(3));
  const auto pads = node.integers("pads");
  if (pads.size() % 2 != 0) return node.invalid("pads has {} entries, want two for each axis", pads.size());
  Inputs inputs = node.inputs(1);
  inputs.emplace_back(node.constant_input("pads", pads));
  if (node.number("value", 0) != 0) inputs.emplace_back(node.constant_input("value", Tensor::of<float>({}, {node.number("value", 0)})));
  return node.emit(pad, inputs);
}

Status map_resize(Context& node) {
  if (node.opset() < 11) {
    GATEFOLD_TRY(const Resize resize, old_resize(node));
    return node.emit(resize, node.inputs(2));
  }
  Resize resize;
  GATEFOLD_TRY(resize.mode, resize_mode(node));
  GATEFOLD_TRY(resize.coordinates, resize_coordinates(node));
  GATEFOLD_TRY(resize.rounding, resize_rounding(node));
  if (node.integer("antialias", 0) != 0) return node.unsupported("antialias is set, which is not supported");
  if (node.has("axes")) return node.unsupported("axes are given; only extents of all axes are supported");
  if (const std::string policy = node.text("keep_aspect_ratio_policy", "stretch"); policy != "stretch") {
    return node.unsupported("keep_aspect_ratio_policy is '{}', want stretch", printable(policy));
  }
  const auto scales = unless_empty(node, 2);
  const auto sizes = unless_empty(node, 3);
  if (scales.has_value() == sizes.has_value()) {
    return node.invalid("{} of scales and sizes are given, want one of them", scales ? "both" : "none");
  }
  return node.emit(resize, {node.input(0), scales, sizes});
}

Status map_upsample(Context& node) {
  GATEFOLD_TRY(const Resize resize, old_resize(node));
  if (node.opset() >= 9) return node.emit(resize, node.inputs(2));
  return node.emit(resize, {node.input(0), node.constant_input("scales", vector_of(node.numbers("scales")))});
}

Status map_expand(Context& node) { return node.emit(Expand{}, node.inputs(2)); }

Status map_shape(Context& node) { return node.emit(ShapeOf{node.integer("start", 0), node.integer("end", INT64_MAX)}, node.inputs(1)); }

Status map_constant_of_shape(Context& node) {
  const Tensor* value = node.tensor("value");
  if (value == nullptr) return node.emit(ConstantOfShape{Tensor::of<float>({1}, {0.0F})}, node.inputs(1));
  if (value->shape().elements() != 1) return node.invalid("value has shape {}, want one element", value->shape().text());
  return node.emit(ConstantOfShape{*value}, node.inputs(1));
}

Status map_constant(Context& node) {
  int forms = 0;
  for (const std::string_view form : {"value", "value_float", "value_floats", "value_int", "value_ints", "value_string", "value_strings"}) {
    if (node.has(form)) ++forms;
  }
  if (forms != 1) return node.invalid("{} values are given, want one", forms);
  if (const Tensor* value = node.tensor("value")) return node.define(*value);
  if (node.has("value_float")) return node.define(Tensor::of<float>({}, {node.number("value_float", 0)}));
  if (node.has("value_floats")) return node.define(vector_of(node.numbers("value_floats")));
  if (node.has("value_int")) return node.define(Tensor::of<std::int64_t>({}, {node.integer("value_int", 0)}));
  if (node.has("value_ints")) {
    const auto values = node.integers("value_ints");
    return node.define(Tensor::of<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, std::span(values.data(), values.size())));
  }
  return node.unsupported("the value is text, which is not supported");
}

}  // namespace gatefold::onnx_file
