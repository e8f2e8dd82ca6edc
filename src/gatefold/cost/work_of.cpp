#include "gatefold/cost/work_of.h"

#include <algorithm>

namespace gatefold {
namespace {

/// Values through the vector unit for one execution of a vector layer (EQ-7).
struct ValuesOf {
  std::int64_t outputs;
  std::int64_t inputs;

  std::int64_t operator()(const Pool& pool) const { return outputs * pool.window.kernel[0] * pool.window.kernel[1]; }
  std::int64_t operator()(const Softmax&) const { return 3 * outputs; }
  std::int64_t operator()(const Reduce&) const { return inputs; }
  std::int64_t operator()(const Lrn& lrn) const { return outputs * lrn.size; }
  template <class Other>
  std::int64_t operator()(const Other&) const {
    return outputs;
  }
};

void add_dot(const DeviceSpec& spec, const Layer& layer, Work& work) {
  const DotGeometry& dot = layer.dot;
  work.kind = dot.group == 1 ? WorkClass::kDense : dot.depthwise() ? WorkClass::kDepthwise : WorkClass::kGrouped;
  work.positions = dot.n * dot.oh * dot.ow;
  work.ic = dot.ic;
  work.oc = dot.oc;
  work.window = dot.kh * dot.kw;
  work.group = dot.group;
  work.element = modelled_element(spec, layer.inputs[0].type);
  work.divisible = dot.ic;
  const Operand& weights = layer.inputs[1];
  constexpr std::int64_t kBiasBytes = 4;  // int32 per output channel (docs/cost-model.md, Units and symbols)
  work.weights = modelled_element(spec, weights.type) * weights.shape.elements() + Bytes(kBiasBytes * dot.oc);
}

void add_vector(const DeviceSpec& spec, const Layer& layer, Work& work) {
  std::int64_t inputs = 0;
  for (const Operand& operand : layer.inputs) {
    const Bytes size = modelled_element(spec, operand.type) * operand.shape.elements();
    if (operand.constant) {
      work.weights += size;
    } else {
      inputs += operand.shape.elements();
      work.divisible = std::min(work.divisible, operand_layout(layer, operand.shape).units);
    }
    work.read += size;
  }
  if (layer.kind == LayerKind::kMove) {
    work.kind = WorkClass::kMove;
    return;
  }
  work.kind = WorkClass::kVector;
  work.values = Values(std::visit(ValuesOf{layer.output_shape.elements(), inputs}, layer.op));
  const Bytes element = layer.inputs.empty() ? Bytes(1) : modelled_element(spec, layer.inputs[0].type);
  if (std::holds_alternative<Pool>(layer.op)) work.read = element * work.values.count();
  if (std::holds_alternative<Softmax>(layer.op)) work.read = work.read * 3;
}

}  // namespace

Bytes modelled_element(const DeviceSpec& spec, ElementType type) { return is_float(type) ? spec.float_element : Bytes(element_size(type)); }

Bytes modelled_size(const DeviceSpec& spec, const Activation& activation) {
  return modelled_element(spec, activation.type) * activation.shape.elements();
}

Work work_of(const DeviceSpec& spec, const LayerGraph& graph, const Layer& layer) {
  Bytes output;
  for (const TensorId id : layer.outputs) output += modelled_size(spec, graph.activation(id));
  return work_of(spec, layer, output);
}

Work work_of(const DeviceSpec& spec, const Layer& layer, Bytes output) {
  Work work;
  work.output = output;
  work.divisible = std::max<std::int64_t>(1, plain_layout(layer.output_shape).units);
  for (const Operand& operand : layer.inputs) {
    if (operand.tensor) work.input += modelled_element(spec, operand.type) * operand.shape.elements();
  }
  if (layer.kind == LayerKind::kDot) add_dot(spec, layer, work);
  else add_vector(spec, layer, work);
  return work;
}

Layout plain_layout(const Shape& shape) {
  if (shape.rank() == 0) return {1, 1, 1};
  if (shape.rank() == 1) return {1, shape[0], 1};
  return {shape[0], shape[1], shape.elements(2, shape.rank())};
}

Layout operand_layout(const Layer& layer, const Shape& shape) {
  if (layer.kind == LayerKind::kDot && !std::holds_alternative<Conv>(layer.op)) {
    const std::int64_t k = layer.dot.ic;
    return {shape.elements() / k, k, 1};
  }
  return plain_layout(shape);
}

}  // namespace gatefold
