// Arithmetic on elements and along axes, where more than a name has to be translated.
#include <limits>

#include "gatefold/onnx/mapping.h"
#include "gatefold/onnx/tensors.h"

namespace gatefold::onnx_file {
namespace {

/// A bound of Clip in its input form. Errors: kUnsupported if it is computed, kInvalidInput if it is no scalar.
Result<float> bound(const Context& node, std::size_t index, std::string_view name, float otherwise) {
  if (!node.input(index)) return otherwise;
  const Tensor* value = node.constant(index);
  if (value == nullptr) return node.unsupported("{} is computed by the network, want a constant", name);
  if (value->shape().elements() != 1) return node.invalid("{} has shape {}, want a scalar", name, value->shape().text());
  return static_cast<float>(value->number_at(0));
}

Status map_softmax_kind(Context& node, bool log) {
  Softmax softmax;
  softmax.flatten = node.opset() < 13;
  softmax.axis = node.integer("axis", softmax.flatten ? 1 : -1);
  softmax.log = log;
  return node.emit(softmax, node.inputs(1));
}

}  // namespace

Status map_clip(Context& node) {
  constexpr float kLow = std::numeric_limits<float>::lowest();
  constexpr float kHigh = std::numeric_limits<float>::max();
  Unary clip{UnaryKind::kClip, node.number("min", kLow), node.number("max", kHigh)};
  if (node.opset() >= 11) {
    GATEFOLD_TRY(clip.alpha, bound(node, 1, "min", kLow));
    GATEFOLD_TRY(clip.beta, bound(node, 2, "max", kHigh));
  }
  return node.emit(clip, node.inputs(1));
}

Status map_reduce(Context& node, ReduceKind kind) {
  const Reduce reduce{kind, node.integer("keepdims", 1) != 0};
  const bool axes_are_input = node.opset() >= (kind == ReduceKind::kSum ? 13 : 18);
  if (!axes_are_input) {
    Inputs inputs = node.inputs(1);
    if (const auto axes = node.integers("axes"); !axes.empty()) inputs.emplace_back(node.constant_input("axes", axes));
    return node.emit(reduce, inputs);
  }
  const Tensor* axes = node.constant(1);
  const bool computed = node.input(1).has_value() && axes == nullptr;
  const bool empty = !computed && (axes == nullptr || axes->shape().elements() == 0);
  const bool noop_if_empty = node.integer("noop_with_empty_axes", 0) != 0;
  if (computed && noop_if_empty) {
    return node.unsupported("axes are computed by the network and noop_with_empty_axes is set; want constant axes");
  }
  if (empty && noop_if_empty) return node.emit(Identity{}, node.inputs(1));
  return node.emit(reduce, node.inputs(empty ? 1 : 2));
}

Status map_softmax(Context& node) { return map_softmax_kind(node, false); }
Status map_log_softmax(Context& node) { return map_softmax_kind(node, true); }

Status map_batch_norm(Context& node) {
  if (node.integer("training_mode", 0) != 0) return node.unsupported("training_mode is set; only inference is supported");
  if (node.integer("spatial", 1) == 0) return node.unsupported("spatial is 0; only statistics per channel are supported");
  for (std::size_t i = 1; i < node.output_count(); ++i) {
    if (node.output_used(i)) return node.unsupported("output {} is used; only output 0 exists at inference", i);
  }
  return node.emit(BatchNorm{node.number("epsilon", 1e-5F)}, node.inputs(5));
}

Status map_lrn(Context& node) {
  const Lrn lrn{node.number("alpha", 1e-4F), node.number("beta", 0.75F), node.number("bias", 1.0F), node.integer("size", 1)};
  if (lrn.size < 1 || lrn.size > INT32_MAX) return node.invalid("size is {}, want 1 to {}", lrn.size, INT32_MAX);
  return node.emit(lrn, node.inputs(1));
}

Status map_quantize(Context& node) { return node.emit(Quantize{node.integer("axis", 1)}, node.inputs(3)); }
Status map_dequantize(Context& node) { return node.emit(Dequantize{node.integer("axis", 1)}, node.inputs(3)); }

Status map_cast(Context& node) {
  const std::int64_t to = node.integer("to", 0);
  auto type = element_type(to >= 0 && to <= INT32_MAX ? static_cast<int>(to) : -1);
  if (!type) return node.unsupported("{}", type.error().message);
  return node.emit(Cast{type.value()}, node.inputs(1));
}

Status map_dropout(Context& node) {
  if (node.output_used(1)) return node.unsupported("the mask (output 1) is used; only inference is supported");
  if (node.input(2)) {
    const Tensor* training = node.constant(2);
    if (training == nullptr) return node.unsupported("training_mode is computed by the network, want a constant");
    if (training->shape().elements() != 1) return node.invalid("training_mode has shape {}, want a scalar", training->shape().text());
    if (training->number_at(0) != 0) return node.unsupported("training_mode is set; only inference is supported");
  }
  return node.emit(Identity{}, node.inputs(1));
}

}  // namespace gatefold::onnx_file
