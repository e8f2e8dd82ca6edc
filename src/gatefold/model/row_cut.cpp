// Which axis of a layer's output can be cut, and what a part of the layer then is.
#include "gatefold/model/row_cut.h"

#include <algorithm>
#include <cstring>

namespace gatefold {
namespace {

using Axes = std::optional<std::vector<int>>;

int from_front(std::int64_t axis, int rank) { return static_cast<int>(axis < 0 ? axis + rank : axis); }

/// The constant integers of an operand; nothing if it is absent or computed.
std::optional<std::vector<std::int64_t>> integers(const Layer& layer, std::size_t operand) {
  if (operand >= layer.inputs.size() || !layer.inputs[operand].constant) return std::nullopt;
  const Tensor& tensor = *layer.inputs[operand].constant;
  std::vector<std::int64_t> values;
  for (std::int64_t i = 0; i < tensor.shape().elements(); ++i) values.push_back(static_cast<std::int64_t>(tensor.number_at(i)));
  return values;
}

/// The axes of the operands that belong to output axis `axis`, if outputs at different positions along it do not depend on
/// each other and a position of the output reads the same position of the operands.
struct SamePosition {
  const Layer& layer;
  int axis;

  [[nodiscard]] const Shape& x() const { return layer.inputs[0].shape; }
  /// The first operand along `first`; every other one whole.
  [[nodiscard]] Axes one(int first) const {
    std::vector<int> axes(layer.inputs.size(), LayerCut::kWhole);
    axes[0] = first;
    return axes;
  }
  [[nodiscard]] Axes unless(bool dependent) const { return dependent ? std::nullopt : one(axis); }
  /// A broadcast operand: aligned at the last axis.
  [[nodiscard]] int broadcast(const Shape& shape) const {
    const int own = axis - (layer.output_shape.rank() - shape.rank());
    return own < 0 || shape[own] != layer.output_shape[axis] ? LayerCut::kWhole : own;
  }

  Axes operator()(const Unary&) const { return one(axis); }
  Axes operator()(const Cast&) const { return one(axis); }
  Axes operator()(const Identity&) const { return one(axis); }
  Axes operator()(const Binary&) const {
    std::vector<int> axes;
    for (const Operand& operand : layer.inputs) axes.push_back(broadcast(operand.shape));
    return axes;
  }
  Axes operator()(const Pool&) const { return unless(axis > 1); }
  Axes operator()(const Softmax& op) const {
    const int own = from_front(op.axis, x().rank());
    return unless(op.flatten ? axis >= own : axis == own);
  }
  Axes operator()(const BatchNorm&) const { return unless(axis == 1); }
  Axes operator()(const Lrn&) const { return unless(axis == 1); }
  template <class Scaled>
  Axes scaled(const Scaled& op) const {
    return unless(layer.inputs[1].shape.elements() > 1 && axis == from_front(op.axis, x().rank()));
  }
  Axes operator()(const Quantize& op) const { return scaled(op); }
  Axes operator()(const Dequantize& op) const { return scaled(op); }
  Axes operator()(const Reduce& op) const {
    const auto listed = integers(layer, 1);
    if (!listed && layer.inputs.size() > 1 && layer.inputs[1].tensor) return std::nullopt;
    std::vector<char> reduced(static_cast<std::size_t>(x().rank()), !listed || listed->empty() ? 1 : 0);
    if (listed) {
      for (const std::int64_t own : *listed) reduced[static_cast<std::size_t>(from_front(own, x().rank()))] = 1;
    }
    int output = 0;
    for (int own = 0; own < x().rank(); ++own) {
      const bool gone = reduced[static_cast<std::size_t>(own)] != 0;
      if (gone && !op.keep_dims) continue;
      if (output++ == axis) return gone ? std::nullopt : one(own);
    }
    return std::nullopt;
  }
  Axes operator()(const Transpose& op) const {
    if (op.permutation.empty()) return one(x().rank() - 1 - axis);
    return one(from_front(op.permutation[static_cast<std::size_t>(axis)], x().rank()));
  }
  Axes operator()(const Concat& op) const {
    if (axis == from_front(op.axis, x().rank())) return std::nullopt;
    return std::vector<int>(layer.inputs.size(), axis);
  }
  Axes operator()(const Split& op) const { return unless(axis == from_front(op.axis, x().rank())); }
  Axes operator()(const Slice&) const {
    const auto steps = integers(layer, 4);
    const bool reversed = steps && std::any_of(steps->begin(), steps->end(), [](std::int64_t step) { return step < 0; });
    return unless(reversed || x()[axis] != layer.output_shape[axis]);
  }
  Axes operator()(const Gather& op) const {
    const int own = from_front(op.axis, x().rank());
    const int indices = layer.inputs[1].shape.rank();
    if (axis < own) return one(axis);
    return axis >= own + indices ? one(axis - indices + 1) : std::nullopt;
  }
  Axes operator()(const Pad&) const {
    const auto pads = integers(layer, 1);
    const auto at = static_cast<std::size_t>(axis);
    return unless(!pads || (*pads)[at] != 0 || (*pads)[at + static_cast<std::size_t>(x().rank())] != 0);
  }
  Axes operator()(const Resize&) const { return unless(x()[axis] != layer.output_shape[axis]); }
  Axes operator()(const Expand&) const { return one(broadcast(x())); }
  /// Convolutions and products are cut by their loops; what is left moves no byte or is folded away.
  template <class Other>
  Axes operator()(const Other&) const {
    return std::nullopt;
  }
};

/// Scales that differ along an axis would have to be cut with it.
bool scales_along(const std::optional<Quantisation>& by, int axis) { return by && !by->per_tensor() && by->axis == axis; }

bool scales_differ(const Layer& layer, const LayerCut& cut) {
  if (scales_along(layer.epilogue.quantise, cut.axis)) return true;
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    if (cut.operands[i] != LayerCut::kWhole && scales_along(layer.inputs[i].dequantise, cut.operands[i])) return true;
  }
  return false;
}

LayerCut whole(const Layer& layer) {
  LayerCut cut;
  cut.operands.assign(layer.inputs.size(), LayerCut::kWhole);
  return cut;
}

/// Along the height of a window. Whole if a window could lie in the padding altogether.
LayerCut by_window(const Layer& layer, std::int64_t extent, LayerCut cut, std::int64_t pad_end) {
  const std::int64_t reach = cut.dilation * (cut.kernel - 1) + 1;
  if (extent <= 1 || cut.pad_begin >= reach || pad_end >= reach) return whole(layer);
  cut.extent = extent;
  cut.axis = 2;
  cut.operands = whole(layer).operands;
  cut.operands[0] = 2;
  return scales_differ(layer, cut) ? whole(layer) : cut;
}

LayerCut dot_cut(const Layer& layer) {
  const DotGeometry& d = layer.dot;
  if (!std::holds_alternative<Conv>(layer.op)) {
    LayerCut cut = whole(layer);
    cut.extent = d.n;
    cut.operands[0] = LayerCut::kRows;
    const bool by_channel = layer.inputs[0].dequantise && !layer.inputs[0].dequantise->per_tensor();
    return d.n > 1 && !by_channel ? cut : whole(layer);
  }
  LayerCut window;
  window.kernel = d.kh;
  window.stride = d.sh;
  window.dilation = d.dh;
  window.pad_begin = d.pad_top;
  return by_window(layer, d.oh, window, d.pad_bottom);
}

LayerCut cut_along(const Layer& layer, int axis) {
  const Axes operands = std::visit(SamePosition{layer, axis}, layer.op);
  if (!operands) return whole(layer);
  LayerCut cut;
  cut.extent = layer.output_shape[axis];
  cut.axis = axis;
  cut.operands = *operands;
  return scales_differ(layer, cut) ? whole(layer) : cut;
}

Tensor rows_of(const Tensor& tensor, const CutView& view, Range range, const Shape& shape) {
  if (range.count() == view.extent) return tensor;
  const Tensor dense = tensor.dense();
  const std::int64_t element = element_size(tensor.type());
  Buffer buffer(static_cast<std::size_t>(shape.elements() * element));
  take_rows(view, range, element, dense.view().bytes, buffer.data());
  return Tensor(tensor.type(), shape, std::move(buffer));
}

Shape with_extent(const Shape& shape, int axis, std::int64_t extent) {
  std::vector<std::int64_t> dims(shape.dims().begin(), shape.dims().end());
  dims[static_cast<std::size_t>(axis)] = extent;
  return Shape(dims);
}

/// What is left of the padding at the edges of a part that reads [read) for [out).
struct Edges {
  std::int64_t begin;
  std::int64_t end;
};
Edges edges(const LayerCut& cut, Range out, Range read) {
  const std::int64_t first = out.begin * cut.stride - cut.pad_begin;
  const std::int64_t last = (out.end - 1) * cut.stride - cut.pad_begin + cut.dilation * (cut.kernel - 1) + 1;
  return {std::max<std::int64_t>(0, read.begin - first), std::max<std::int64_t>(0, last - read.end)};
}

}  // namespace

Range LayerCut::read(Range out, std::int64_t inputs) const {
  const std::int64_t first = out.begin * stride - pad_begin;
  const std::int64_t last = (out.end - 1) * stride - pad_begin + dilation * (kernel - 1) + 1;
  return {std::max<std::int64_t>(0, first), std::min(inputs, last)};
}

std::int64_t LayerCut::read_at_most(std::int64_t count, std::int64_t inputs) const {
  return std::min(inputs, (count - 1) * stride + dilation * (kernel - 1) + 1);
}

CutView LayerCut::view(const Shape& shape, int own) const {
  if (own == kWhole) return {1, 1, shape.elements()};
  if (own == kRows) return {1, extent, shape.elements() / extent};
  return {shape.elements(0, own), shape[own], shape.elements(own + 1, shape.rank())};
}

LayerCut cut_of(const Layer& layer) {
  if (layer.kind == LayerKind::kDot) return dot_cut(layer);
  if (layer.inputs.empty()) return whole(layer);
  if (const auto* pool = std::get_if<Pool>(&layer.op); pool && !pool->global) {
    LayerCut window;
    window.kernel = pool->window.kernel[0];
    window.stride = pool->window.stride[0];
    window.dilation = pool->window.dilation[0];
    window.pad_begin = pool->window.pads[0];
    LayerCut cut = by_window(layer, layer.output_shape[2], window, pool->window.pads[2]);
    if (cut.extent > 1) return cut;
  }
  LayerCut best = whole(layer);
  for (int axis = 0; axis < layer.output_shape.rank(); ++axis) {
    if (layer.output_shape[axis] <= 1) continue;
    LayerCut cut = cut_along(layer, axis);
    if (cut.extent > 1 && axis == 2) return cut;  // the rows of an image
    if (cut.extent > best.extent) best = std::move(cut);
  }
  return best;
}

Layer part_of_layer(const Layer& layer, const LayerCut& cut, Range out) {
  GATEFOLD_REQUIRE(out.begin >= 0 && out.begin < out.end && out.end <= cut.extent);
  Layer part = layer;
  if (cut.extent == 1) return part;
  Range windowed = out;
  for (std::size_t i = 0; i < part.inputs.size(); ++i) {
    Operand& operand = part.inputs[i];
    const int axis = cut.operands[i];
    if (axis == LayerCut::kWhole) continue;
    const CutView view = cut.view(operand.shape, axis);
    const Range read = cut.read(out, view.extent);
    if (i == 0) windowed = read;
    operand.shape = axis == LayerCut::kRows ? Shape{read.count(), view.inner} : with_extent(operand.shape, axis, read.count());
    if (operand.constant) operand.constant = rows_of(*operand.constant, view, read, operand.shape);
  }
  const bool rows = cut.axis == LayerCut::kRows;
  part.output_shape =
      rows ? Shape{out.count(), layer.output_shape.elements() / cut.extent} : with_extent(layer.output_shape, cut.axis, out.count());
  if (layer.kind == LayerKind::kDot && rows) part.dot.n = out.count();
  if (cut.axis != 2) return part;
  const Edges edge = edges(cut, out, windowed);
  if (layer.kind == LayerKind::kDot) {
    part.dot.ih = windowed.count();
    part.dot.oh = out.count();
    part.dot.pad_top = edge.begin;
    part.dot.pad_bottom = edge.end;
  }
  if (auto* pool = std::get_if<Pool>(&part.op)) {
    // Averages may count the padding: all of it where the image ends, none where rows follow.
    const bool last = windowed.end == layer.inputs[0].shape[2];
    pool->window.pads[0] = edge.begin;
    pool->window.pads[2] = last ? pool->window.pads[2] : 0;
  }
  return part;
}

void take_rows(const CutView& view, Range range, std::int64_t element, const std::byte* whole, std::byte* part) {
  const std::int64_t run = range.count() * view.inner * element;
  for (std::int64_t o = 0; o < view.outer; ++o) {
    std::memcpy(part + o * run, whole + (o * view.extent + range.begin) * view.inner * element, static_cast<std::size_t>(run));
  }
}

void put_rows(const CutView& view, Range range, std::int64_t element, const std::byte* part, std::byte* whole) {
  const std::int64_t run = range.count() * view.inner * element;
  for (std::int64_t o = 0; o < view.outer; ++o) {
    std::memcpy(whole + (o * view.extent + range.begin) * view.inner * element, part + o * run, static_cast<std::size_t>(run));
  }
}

}  // namespace gatefold
