#include "gatefold/cost/work_of.h"

#include <algorithm>
#include <numeric>

#include "gatefold/device/equations.h"
#include "gatefold/kernels/zeros.h"

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

/// The fullest slice of any filter, with channels [0, channels) divided over n cores, for every n up to `cores`. `counts` is
/// [filters, channels].
std::vector<std::int64_t> densest_slices(const std::vector<std::int64_t>& counts, std::int64_t channels, std::int64_t cores) {
  const std::int64_t filters = std::ssize(counts) / channels;
  std::vector<std::int64_t> densest;
  for (std::int64_t n = 1; n <= std::min(cores, channels); ++n) {
    std::int64_t most = 0;
    for (std::int64_t c = 0; c < n; ++c) {
      const Range share = part_of(channels, n, c);
      for (std::int64_t f = 0; f < filters; ++f) {
        const auto row = counts.begin() + f * channels;
        most = std::max(most, std::accumulate(row + share.begin, row + share.end, std::int64_t{0}));
      }
    }
    densest.push_back(most);
  }
  return densest;
}

/// Ternary weights (EQ-48, EQ-49): where they are not zero, without the input channels whose weights all are.
void add_density(const DeviceSpec& spec, const Layer& layer, Work& work) {
  const Operand& weights = layer.inputs[1];
  const std::int64_t channels = work.ic / work.group;
  NonzeroWeights found;
  if (weights.constant->is_splat()) {  // a graph without its weights: taken as dense
    found.counts.assign(static_cast<std::size_t>(work.oc * channels), static_cast<std::int32_t>(work.window));
  } else {
    found = nonzero_weights(*weights.constant, weights.dequantise ? weights.dequantise->zero_point : std::vector<std::int32_t>());
  }
  std::vector<std::int64_t> live;
  for (std::int64_t c = 0; c < channels; ++c) {
    bool used = work.group > 1;
    for (std::int64_t f = 0; f < work.oc && !used; ++f) used = found.counts[static_cast<std::size_t>(f * channels + c)] > 0;
    if (used) live.push_back(c);
  }
  if (live.empty()) live.push_back(0);
  WeightDensity density;
  std::vector<std::int64_t> counts;
  for (std::int64_t f = 0; f < work.oc; ++f) {
    for (const std::int64_t c : live) counts.push_back(found.counts[static_cast<std::size_t>(f * channels + c)]);
  }
  density.nonzeros = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  density.densest = densest_slices(counts, std::ssize(live), spec.core_count());
  if (!found.ternary) density.odd_filter = found.filter;
  work.ic = std::ssize(live) * work.group;
  work.weights = ternary_bytes(work.oc * std::ssize(live) * work.window, density.nonzeros, work.oc);
  work.density = std::make_shared<const WeightDensity>(std::move(density));
}

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
  if (spec.ternary) add_density(spec, layer, work);
}

/// What the vector unit must be able to do for a layer; empty: what every unit can (a cast, a requantisation).
struct FunctionOf {
  std::string_view operator()(const Pool&) const { return "pool"; }
  std::string_view operator()(const Unary&) const { return "unary"; }
  std::string_view operator()(const Binary&) const { return "binary"; }
  std::string_view operator()(const Reduce&) const { return "reduce"; }
  std::string_view operator()(const Softmax&) const { return "softmax"; }
  std::string_view operator()(const Lrn&) const { return "lrn"; }
  template <class Other>
  std::string_view operator()(const Other&) const {
    return "";
  }
};

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
  const std::string_view function = std::visit(FunctionOf{}, layer.op);
  const bool lacks = std::find(spec.vector_lacks.begin(), spec.vector_lacks.end(), function) != spec.vector_lacks.end();
  work.kind = lacks ? WorkClass::kController : WorkClass::kVector;
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
  Work work;
  work.divisible = std::max<std::int64_t>(1, plain_layout(layer.output_shape).units);
  for (const Operand& operand : layer.inputs) {
    if (operand.tensor) work.input += modelled_element(spec, operand.type) * operand.shape.elements();
  }
  for (const TensorId output : layer.outputs) work.output += modelled_size(spec, graph.activation(output));
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
