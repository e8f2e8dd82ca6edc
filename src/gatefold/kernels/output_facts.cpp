#include "gatefold/kernels/output_facts.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "gatefold/kernels/slice_spec.h"
#include "gatefold/kernels/strides.h"
#include "gatefold/kernels/window.h"

namespace gatefold {
namespace {

using Tensors = std::span<const Tensor* const>;
using Facts = std::vector<OutputFact>;
using Dims = std::vector<std::int64_t>;

bool has(Tensors in, std::size_t index) { return index < in.size() && in[index] != nullptr; }

const Tensor& at(Tensors in, std::size_t index) {
  GATEFOLD_REQUIRE(has(in, index));
  return *in[index];
}

Dims list(Tensors in, std::size_t index) {
  Dims values;
  if (!has(in, index)) return values;
  for (std::int64_t i = 0; i < in[index]->shape().elements(); ++i) values.push_back(in[index]->integer_at(i));
  return values;
}

Dims dims_of(const Shape& shape) { return {shape.dims().begin(), shape.dims().end()}; }
Shape shape_of(const Dims& dims) { return Shape(std::span<const std::int64_t>(dims)); }

/// [n, channels, oh, ow] of a window over x.
Shape windowed(const Window& window, const Shape& x, std::int64_t channels, bool ceil_mode) {
  std::array<std::int64_t, 2> extents{};
  for (std::size_t i = 0; i < 2; ++i) {
    const WindowAxis axis{window.kernel[i], window.stride[i], window.dilation[i], window.pads[i], window.pads[i + 2]};
    extents[i] = window_positions(axis, x[static_cast<int>(i) + 2], ceil_mode);
  }
  return {x[0], channels, extents[0], extents[1]};
}

Facts facts(const Conv& op, Tensors in) {
  const Shape& w = at(in, 1).shape();
  Window window = op.window;
  window.kernel = {w[2], w[3]};
  return {{at(in, 0).type(), windowed(window, at(in, 0).shape(), w[0], false)}};
}

Facts facts(const MatMul& op, Tensors in) {
  const Shape& a = at(in, 0).shape();
  const Shape& b = at(in, 1).shape();
  const auto batch = [](const Shape& shape) { return Shape(shape.dims().first(static_cast<std::size_t>(std::max(shape.rank() - 2, 0)))); };
  Dims dims = dims_of(broadcast_shape(batch(a), batch(b)));
  if (a.rank() > 1) dims.push_back(op.transpose_a ? a[a.rank() - 1] : a[a.rank() - 2]);
  if (b.rank() > 1) dims.push_back(op.transpose_b ? b[b.rank() - 2] : b[b.rank() - 1]);
  return {{at(in, 0).type(), shape_of(dims)}};
}

Facts facts(const Pool& op, Tensors in) {
  const Shape& x = at(in, 0).shape();
  if (op.global) return {{at(in, 0).type(), Shape{x[0], x[1], 1, 1}}};
  return {{at(in, 0).type(), windowed(op.window, x, x[1], op.ceil_mode)}};
}

Facts same(Tensors in) { return {{at(in, 0).type(), at(in, 0).shape()}}; }
Facts facts(const Unary&, Tensors in) { return same(in); }
Facts facts(const Softmax&, Tensors in) { return same(in); }
Facts facts(const BatchNorm&, Tensors in) { return same(in); }
Facts facts(const Lrn&, Tensors in) { return same(in); }
Facts facts(const Identity&, Tensors in) { return same(in); }
Facts facts(const Binary&, Tensors in) { return {{at(in, 0).type(), broadcast_shape(at(in, 0).shape(), at(in, 1).shape())}}; }
Facts facts(const Quantize&, Tensors in) { return {{has(in, 2) ? in[2]->type() : ElementType::kUInt8, at(in, 0).shape()}}; }
Facts facts(const Dequantize&, Tensors in) { return {{ElementType::kFloat32, at(in, 0).shape()}}; }
Facts facts(const Cast& op, Tensors in) { return {{op.to, at(in, 0).shape()}}; }

Facts facts(const Reduce& op, Tensors in) {
  const Shape& x = at(in, 0).shape();
  const Dims axes = list(in, 1);
  Dims dims;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool reduced =
        axes.empty() || std::any_of(axes.begin(), axes.end(), [&](std::int64_t one) { return normal_axis(one, x.rank()) == axis; });
    if (!reduced) dims.push_back(x[axis]);
    else if (op.keep_dims) dims.push_back(1);
  }
  return {{at(in, 0).type(), shape_of(dims)}};
}

Facts facts(const Reshape& op, Tensors in) {
  const Shape& x = at(in, 0).shape();
  Dims dims = list(in, 1);
  std::int64_t known = 1;
  std::int64_t* open = nullptr;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 && !op.allow_zero) dims[i] = x[static_cast<int>(i)];
    if (dims[i] == -1) open = &dims[i];
    else known *= dims[i];
  }
  if (open != nullptr) *open = known == 0 ? 0 : x.elements() / known;
  return {{at(in, 0).type(), shape_of(dims)}};
}

Facts facts(const Flatten& op, Tensors in) {
  const Shape& x = at(in, 0).shape();
  const int axis = normal_axis(op.axis, x.rank());
  return {{at(in, 0).type(), Shape{x.elements(0, axis), x.elements(axis, x.rank())}}};
}

Facts facts(const Squeeze&, Tensors in) {
  const Shape& x = at(in, 0).shape();
  const Dims axes = list(in, 1);
  Dims dims;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool named = std::any_of(axes.begin(), axes.end(), [&](std::int64_t one) { return normal_axis(one, x.rank()) == axis; });
    if (named || (axes.empty() && x[axis] == 1)) GATEFOLD_REQUIRE(x[axis] == 1);
    else dims.push_back(x[axis]);
  }
  return {{at(in, 0).type(), shape_of(dims)}};
}

Facts facts(const Unsqueeze&, Tensors in) {
  const Shape& x = at(in, 0).shape();
  const Dims axes = list(in, 1);
  Dims dims(static_cast<std::size_t>(x.rank()) + axes.size(), -1);
  for (const std::int64_t axis : axes) dims[static_cast<std::size_t>(normal_axis(axis, static_cast<int>(dims.size())))] = 1;
  int next = 0;
  for (std::int64_t& dim : dims) {
    if (dim == -1) dim = x[next++];
  }
  return {{at(in, 0).type(), shape_of(dims)}};
}

Facts facts(const Transpose& op, Tensors in) {
  Dims dims = dims_of(at(in, 0).shape());
  if (op.permutation.empty()) std::reverse(dims.begin(), dims.end());
  for (std::size_t i = 0; i < op.permutation.size(); ++i) dims[i] = at(in, 0).shape()[static_cast<int>(op.permutation[i])];
  return {{at(in, 0).type(), shape_of(dims)}};
}

Facts facts(const Concat& op, Tensors in) {
  Dims dims = dims_of(at(in, 0).shape());
  const int axis = normal_axis(op.axis, at(in, 0).shape().rank());
  for (std::size_t i = 1; i < in.size(); ++i) dims[static_cast<std::size_t>(axis)] += at(in, i).shape()[axis];
  return {{at(in, 0).type(), shape_of(dims)}};
}

Facts facts(const Slice&, Tensors in) {
  Dims dims;
  for (const SliceAxis& axis : slice_axes(at(in, 0).shape(), list(in, 1), list(in, 2), list(in, 3), list(in, 4))) {
    dims.push_back(axis.count);
  }
  return {{at(in, 0).type(), shape_of(dims)}};
}

/// Without a list of sizes the number of outputs is not known here: networks always give it.
Facts facts(const Split& op, Tensors in) {
  const Dims sizes = list(in, 1);
  GATEFOLD_REQUIRE(!sizes.empty());
  Facts parts;
  for (const std::int64_t size : sizes) {
    Dims dims = dims_of(at(in, 0).shape());
    dims[static_cast<std::size_t>(normal_axis(op.axis, at(in, 0).shape().rank()))] = size;
    parts.push_back({at(in, 0).type(), shape_of(dims)});
  }
  return parts;
}

Facts facts(const Gather& op, Tensors in) {
  const Shape& x = at(in, 0).shape();
  const int axis = normal_axis(op.axis, x.rank());
  Dims dims = dims_of(x);
  const Dims indices = dims_of(at(in, 1).shape());
  dims.erase(dims.begin() + axis);
  dims.insert(dims.begin() + axis, indices.begin(), indices.end());
  return {{at(in, 0).type(), shape_of(dims)}};
}

Facts facts(const Pad&, Tensors in) {
  Dims dims = dims_of(at(in, 0).shape());
  const Dims pads = list(in, 1);
  GATEFOLD_REQUIRE(pads.size() == 2 * dims.size());
  for (std::size_t i = 0; i < dims.size(); ++i) dims[i] += pads[i] + pads[i + dims.size()];
  return {{at(in, 0).type(), shape_of(dims)}};
}

Facts facts(const Resize&, Tensors in) {
  const Dims sizes = list(in, 2);
  if (!sizes.empty()) return {{at(in, 0).type(), shape_of(sizes)}};
  Dims dims = dims_of(at(in, 0).shape());
  for (std::size_t i = 0; i < dims.size(); ++i) {
    // In float32, as the scales are: 3 * 0.6666667f is 2, in double it would be less.
    const auto scale = static_cast<float>(at(in, 1).number_at(static_cast<std::int64_t>(i)));
    dims[i] = static_cast<std::int64_t>(std::floor(static_cast<float>(dims[i]) * scale));
  }
  return {{at(in, 0).type(), shape_of(dims)}};
}

Facts facts(const Expand&, Tensors in) { return {{at(in, 0).type(), broadcast_shape(at(in, 0).shape(), shape_of(list(in, 1)))}}; }

Facts facts(const ShapeOf& op, Tensors in) {
  const std::int64_t rank = at(in, 0).shape().rank();
  const auto clamped = [&](std::int64_t axis) { return std::clamp<std::int64_t>(axis < 0 ? axis + rank : axis, 0, rank); };
  return {{ElementType::kInt64, Shape{std::max<std::int64_t>(0, clamped(op.end) - clamped(op.start))}}};
}

Facts facts(const ConstantOfShape& op, Tensors in) { return {{op.value.type(), shape_of(list(in, 0))}}; }

}  // namespace

std::vector<OutputFact> output_facts(const Operator& op, std::span<const Tensor* const> inputs) {
  return std::visit([&](const auto& one) { return facts(one, inputs); }, op);
}

}  // namespace gatefold
