// Shape rules of the operators that compute, and of what all rules share.
// Based on: the operator pages of the ONNX specification, opset 7 to 18.
#include "gatefold/graph/shapes.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "gatefold/graph/shape_rules.h"

namespace gatefold {
namespace shape_rules {
namespace {

/// Bound on window attributes; (kernel - 1) * dilation + pads of two such numbers stays far below 2^63.
constexpr std::int64_t kWindowMax = std::int64_t{1} << 30;

constexpr std::array<const char*, 2> kSide{"height", "width"};

/// Pads of one axis under SAME: the output has ceil(in / stride) positions; an odd total goes to one side.
std::array<std::int64_t, 2> same_pads(std::int64_t in, std::int64_t reach, std::int64_t stride, bool upper) {
  const std::int64_t out = (in + stride - 1) / stride;
  const std::int64_t total = std::max<std::int64_t>(0, (out - 1) * stride + reach - in);
  const std::int64_t less = total / 2;
  return upper ? std::array{less, total - less} : std::array{total - less, less};
}

/// Resolves automatic pads and returns [oh, ow].
Result<std::array<std::int64_t, 2>> slide(Window& window, const Shape& x, bool ceil_mode, const Site& site) {
  std::array<std::int64_t, 2> out{};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t in = x[static_cast<int>(i) + 2];
    const std::int64_t stride = window.stride[i];
    for (const std::int64_t attribute : {window.kernel[i], stride, window.dilation[i]}) {
      if (attribute < 1 || attribute > kWindowMax) {
        return site.invalid(fmt::format("{}: found kernel {}, stride {}, dilation {}, want 1 to {}", kSide[i], window.kernel[i], stride,
                                        window.dilation[i], kWindowMax));
      }
    }
    const std::int64_t reach = (window.kernel[i] - 1) * window.dilation[i] + 1;
    if (window.auto_pad == AutoPad::kSameUpper || window.auto_pad == AutoPad::kSameLower) {
      const auto pads = same_pads(in, reach, stride, window.auto_pad == AutoPad::kSameUpper);
      window.pads[i] = pads[0];
      window.pads[i + 2] = pads[1];
    } else if (window.auto_pad == AutoPad::kValid) {
      window.pads[i] = window.pads[i + 2] = 0;
    }
    const std::int64_t begin = window.pads[i];
    const std::int64_t end = window.pads[i + 2];
    if (begin < 0 || end < 0 || begin > kWindowMax || end > kWindowMax) {
      return site.invalid(fmt::format("{}: found pads {} and {}, want 0 to {}", kSide[i], begin, end, kWindowMax));
    }
    const std::int64_t room = in + begin + end - reach;
    if (room < 0) {
      return site.invalid(
          fmt::format("{}: found {} + pads {} and {}, want at least the window's reach of {}", kSide[i], in, begin, end, reach));
    }
    out[i] = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
    // A window that would start in the end padding sees nothing and is dropped.
    if (ceil_mode && (out[i] - 1) * stride >= in + begin) --out[i];
  }
  window.auto_pad = AutoPad::kExplicit;
  return out;
}

Status expect_image(const Site& site) {
  if (site.shape(0).rank() != 4) {
    return site.unsupported(fmt::format("found shape {}, want [n, c, h, w]: windows are two-dimensional", site.shape(0).text()));
  }
  return Done{};
}

/// Scale and zero point of a quantise or dequantise node; brings `axis` into normal form.
Status check_quantisation(std::int64_t& axis, const Site& site, bool positive) {
  const TypedValue& scale = site.value(1);
  if (!scale.constant || (site.has(2) && !site.value(2).constant)) {
    return site.unsupported("the scale or zero point is computed at run time, want constants");
  }
  GATEFOLD_CHECK(site.expect_type(1, ElementType::kFloat32));
  if (scale.dequantise || (site.has(2) && site.value(2).dequantise)) return site.unsupported("the scale is itself quantised");
  const std::int64_t count = scale.fact.shape.elements();
  if (scale.fact.shape.rank() > 1 || count < 1) {
    return site.unsupported(fmt::format("found a scale of shape {}, want one or one per index of an axis", scale.fact.shape.text()));
  }
  if (site.has(2) && site.shape(2).elements() != count) {
    return site.invalid(fmt::format("found {} scales and {} zero points", count, site.shape(2).elements()));
  }
  const Tensor dense = scale.constant->dense();
  const std::span<const float> factors = dense.values<float>();
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const float factor = factors[i];
    if (!std::isfinite(factor) || factor < 0 || (positive && factor == 0)) {
      return site.invalid(fmt::format("found scale {} at index {}, want a positive number", factor, i));
    }
  }
  if (count == 1) {
    axis = 0;
    return Done{};
  }
  GATEFOLD_TRY(axis, site.axis(axis, site.shape(0).rank()));
  if (site.shape(0)[static_cast<int>(axis)] != count) {
    return site.invalid(fmt::format("found {} scales for axis {} of {}", count, axis, site.shape(0).text()));
  }
  return Done{};
}

/// One-element parameters become scalars, so that "per axis" is exactly "1-D".
void normalise_quantisation(const Site& site, Inferred& inferred) {
  for (const std::size_t position : {std::size_t{1}, std::size_t{2}}) {
    if (site.has(position) && site.shape(position).rank() > 0 && site.shape(position).elements() == 1) {
      inferred.normal_inputs.emplace_back(position, site.value(position).constant->reshaped(Shape{}));
    }
  }
}

}  // namespace

Status Site::expect_inputs(std::size_t least, std::size_t most) const {
  if (count() < least || count() > most) {
    return invalid(fmt::format("found {} inputs, want {} to {}", count(), least, most));
  }
  for (std::size_t i = 0; i < least; ++i) {
    if (!has(i)) return invalid(fmt::format("input {} is absent", i));
  }
  return Done{};
}

Status Site::expect_type(std::size_t position, ElementType wanted) const {
  if (type(position) == wanted) return Done{};
  return invalid(fmt::format("input {} ('{}'): found {}, want {}", position, value(position).name, gatefold::name(type(position)),
                             gatefold::name(wanted)));
}

Result<std::int64_t> Site::axis(std::int64_t axis, int rank) const {
  if (axis < -rank || axis >= rank) return invalid(fmt::format("found axis {}, want one of {} dimensions", axis, rank));
  return axis < 0 ? axis + rank : axis;
}

Result<std::vector<std::int64_t>> Site::integers(std::size_t position, const char* what) const {
  const TypedValue& list = value(position);
  if (!list.constant) {
    return unsupported(fmt::format("{} ('{}') is known only at run time, want a constant", what, list.name));
  }
  if (is_float(list.fact.type)) return invalid(fmt::format("{} ('{}'): found float values, want integers", what, list.name));
  if (list.fact.shape.rank() > 1 || list.fact.shape.elements() > 1024) {
    return invalid(fmt::format("{} ('{}'): found shape {}, want a short list", what, list.name, list.fact.shape.text()));
  }
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 0; i < list.fact.shape.elements(); ++i) numbers.push_back(list.constant->integer_at(i));
  return numbers;
}

Result<Shape> Site::checked(std::span<const std::int64_t> dims) const {
  if (dims.size() > static_cast<std::size_t>(Shape::kRankMax)) {
    return unsupported(fmt::format("found {} dimensions, want at most {}", dims.size(), Shape::kRankMax));
  }
  std::int64_t elements = 1;
  for (const std::int64_t dim : dims) {
    if (dim < 0) return invalid(fmt::format("found an extent of {}", dim));
    if (dim > kElementsMax || __builtin_mul_overflow(elements, std::max<std::int64_t>(dim, 1), &elements) || elements > kElementsMax) {
      return invalid(fmt::format("the result has more than {} elements", kElementsMax));
    }
  }
  return Shape(dims);
}

Result<Shape> Site::broadcast(const Shape& a, const Shape& b) const {
  const int rank = std::max(a.rank(), b.rank());
  std::vector<std::int64_t> dims(static_cast<std::size_t>(rank));
  for (int i = 0; i < rank; ++i) {
    const std::int64_t from_a = i < rank - a.rank() ? 1 : a[i - (rank - a.rank())];
    const std::int64_t from_b = i < rank - b.rank() ? 1 : b[i - (rank - b.rank())];
    if (from_a != from_b && from_a != 1 && from_b != 1) {
      return invalid(fmt::format("shapes {} and {} do not broadcast", a.text(), b.text()));
    }
    dims[static_cast<std::size_t>(i)] = from_a == 1 ? from_b : from_a;
  }
  return checked(dims);
}

Tensor integer_tensor(std::span<const std::int64_t> values) {
  return Tensor::of<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values);
}

Outcome infer_one(Conv& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(2, 3));
  GATEFOLD_CHECK(expect_image(site));
  const Shape& x = site.shape(0);
  const Shape& w = site.shape(1);
  for (std::size_t i = 0; i < site.count(); ++i) {
    if (site.has(i)) GATEFOLD_CHECK(site.expect_type(i, ElementType::kFloat32));
  }
  if (w.rank() != 4) return site.invalid(fmt::format("weights: found shape {}, want [oc, ic / group, kh, kw]", w.text()));
  if (op.group < 1 || op.group > kWindowMax || w[1] * op.group != x[1] || w[0] % op.group != 0 || w[0] == 0) {
    return site.invalid(fmt::format("found {} input channels, weights {} and group {}, want weights of {} / group channels", x[1], w.text(),
                                    op.group, x[1]));
  }
  const std::array<std::int64_t, 2> kernel{w[2], w[3]};
  if (op.window.kernel == std::array<std::int64_t, 2>{0, 0}) op.window.kernel = kernel;
  if (op.window.kernel != kernel) {
    return site.invalid(
        fmt::format("found kernel_shape [{}, {}], want that of weights {}", op.window.kernel[0], op.window.kernel[1], w.text()));
  }
  if (site.has(2) && site.shape(2) != Shape{w[0]}) {
    return site.invalid(fmt::format("bias: found shape {}, want [{}]", site.shape(2).text(), w[0]));
  }
  GATEFOLD_TRY(const auto out, slide(op.window, x, false, site));
  GATEFOLD_TRY(const Shape y, site.checked(std::array{x[0], w[0], out[0], out[1]}));
  return one(ElementType::kFloat32, y);
}

Outcome infer_one(MatMul& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(2, 3));
  std::vector<std::int64_t> a(site.shape(0).dims().begin(), site.shape(0).dims().end());
  std::vector<std::int64_t> b(site.shape(1).dims().begin(), site.shape(1).dims().end());
  if (site.type(0) != site.type(1) || (site.has(2) && site.type(2) != site.type(0))) {
    return site.invalid(fmt::format("found {} times {}, want equal types", name(site.type(0)), name(site.type(1))));
  }
  if (a.empty() || b.empty()) return site.invalid("found a scalar operand, want matrices");
  const bool vector_a = a.size() == 1;
  const bool vector_b = b.size() == 1;
  if ((vector_a && op.transpose_a) || (vector_b && op.transpose_b)) return site.invalid("found a vector to transpose");
  if (vector_a) a.insert(a.begin(), 1);
  if (vector_b) b.push_back(1);
  if (op.transpose_a) std::swap(a[a.size() - 2], a[a.size() - 1]);
  if (op.transpose_b) std::swap(b[b.size() - 2], b[b.size() - 1]);
  if (a[a.size() - 1] != b[b.size() - 2]) {
    return site.invalid(fmt::format("shapes {} and {} do not agree: found {} columns and {} rows", site.shape(0).text(),
                                    site.shape(1).text(), a[a.size() - 1], b[b.size() - 2]));
  }
  GATEFOLD_TRY(const Shape batch, site.broadcast(Shape(std::span(a).first(a.size() - 2)), Shape(std::span(b).first(b.size() - 2))));
  std::vector<std::int64_t> dims(batch.dims().begin(), batch.dims().end());
  if (!vector_a) dims.push_back(a[a.size() - 2]);
  if (!vector_b) dims.push_back(b[b.size() - 1]);
  GATEFOLD_TRY(const Shape y, site.checked(dims));
  if (site.has(2)) {
    GATEFOLD_TRY(const Shape sum, site.broadcast(y, site.shape(2)));
    if (sum != y) return site.invalid(fmt::format("found c of shape {} for a product {}", site.shape(2).text(), y.text()));
  }
  return one(site.type(0), y);
}

Outcome infer_one(Pool& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(1, 1));
  GATEFOLD_CHECK(expect_image(site));
  const Shape& x = site.shape(0);
  if (op.global) op.window = Window{.kernel = {x[2], x[3]}};
  GATEFOLD_TRY(const auto out, slide(op.window, x, op.ceil_mode && !op.global, site));
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t reach = (op.window.kernel[i] - 1) * op.window.dilation[i] + 1;
    if (std::max(op.window.pads[i], op.window.pads[i + 2]) >= reach) {
      return site.invalid(fmt::format("{}: found pads {} and {}, want less than the window's reach of {}", kSide[i], op.window.pads[i],
                                      op.window.pads[i + 2], reach));
    }
  }
  if (op.kind == PoolKind::kAverage) GATEFOLD_CHECK(site.expect_type(0, ElementType::kFloat32));
  GATEFOLD_TRY(const Shape y, site.checked(std::array{x[0], x[1], out[0], out[1]}));
  return one(site.type(0), y);
}

Outcome infer_one(Unary&, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(1, 1));
  return one(site.type(0), site.shape(0));
}

Outcome infer_one(Binary& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(2, 2));
  // An exponent may have another type than the base, which gives the result its type.
  if (op.kind != BinaryKind::kPow) GATEFOLD_CHECK(site.expect_type(1, site.type(0)));
  GATEFOLD_TRY(const Shape y, site.broadcast(site.shape(0), site.shape(1)));
  return one(site.type(0), y);
}

Outcome infer_one(Reduce& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(1, 2));
  const Shape& x = site.shape(0);
  std::vector<std::int64_t> axes;
  if (site.has(1)) {
    GATEFOLD_TRY(axes, site.integers(1, "axes"));
    for (std::int64_t& axis : axes) {
      GATEFOLD_TRY(axis, site.axis(axis, x.rank()));
    }
  }
  Inferred inferred;
  if (axes.empty()) {
    for (int axis = 0; axis < x.rank(); ++axis) axes.push_back(axis);
  }
  if (x.rank() > 0 && site.count() > 1) inferred.normal_inputs.emplace_back(1, integer_tensor(axes));
  std::vector<std::int64_t> dims;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool reduced = std::find(axes.begin(), axes.end(), axis) != axes.end();
    if (!reduced) dims.push_back(x[axis]);
    if (reduced && op.keep_dims) dims.push_back(1);
  }
  GATEFOLD_TRY(const Shape y, site.checked(dims));
  inferred.outputs = {{site.type(0), y}};
  return inferred;
}

Outcome infer_one(Softmax& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(1, 1));
  GATEFOLD_TRY(op.axis, site.axis(op.axis, site.shape(0).rank()));
  return one(site.type(0), site.shape(0));
}

Outcome infer_one(BatchNorm&, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(5, 5));
  if (site.shape(0).rank() < 2) return site.invalid(fmt::format("found shape {}, want [n, c, ..]", site.shape(0).text()));
  for (std::size_t i = 1; i < 5; ++i) {
    GATEFOLD_CHECK(site.expect_type(i, site.type(0)));
    if (site.shape(i) != Shape{site.shape(0)[1]}) {
      return site.invalid(fmt::format("input {}: found shape {}, want [{}]", i, site.shape(i).text(), site.shape(0)[1]));
    }
  }
  return one(site.type(0), site.shape(0));
}

Outcome infer_one(Lrn& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(1, 1));
  if (site.shape(0).rank() < 2) return site.invalid(fmt::format("found shape {}, want [n, c, ..]", site.shape(0).text()));
  if (op.size < 1 || op.size > kWindowMax) return site.invalid(fmt::format("found size {}, want at least 1", op.size));
  return one(site.type(0), site.shape(0));
}

Outcome infer_one(Quantize& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(2, 3));
  GATEFOLD_CHECK(site.expect_type(0, ElementType::kFloat32));
  GATEFOLD_CHECK(check_quantisation(op.axis, site, true));
  const ElementType type = site.has(2) ? site.type(2) : ElementType::kUInt8;
  if (!is_quantised(type)) return site.unsupported(fmt::format("quantises to {}, want int8 or uint8", name(type)));
  Inferred inferred = one(type, site.shape(0));
  normalise_quantisation(site, inferred);
  return inferred;
}

Outcome infer_one(Dequantize& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(2, 3));
  const ElementType type = site.type(0);
  if (!is_quantised(type) && type != ElementType::kInt32) {
    return site.unsupported(fmt::format("dequantises {}, want int8, uint8 or int32", name(type)));
  }
  if (site.has(2)) GATEFOLD_CHECK(site.expect_type(2, type));
  GATEFOLD_CHECK(check_quantisation(op.axis, site, false));
  Inferred inferred = one(ElementType::kFloat32, site.shape(0));
  normalise_quantisation(site, inferred);
  return inferred;
}

Outcome infer_one(Cast& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(1, 1));
  return one(op.to, site.shape(0));
}

}  // namespace shape_rules

Result<Inferred> infer(Node& node, const TypedValues& values) {
  const shape_rules::Site site(node, values);
  GATEFOLD_TRY(Inferred inferred, std::visit([&site](auto& op) { return shape_rules::infer_one(op, site); }, node.op));
  if (inferred.outputs.size() != node.outputs.size()) {
    return site.invalid(fmt::format("found {} outputs, want {}", node.outputs.size(), inferred.outputs.size()));
  }
  return inferred;
}

}  // namespace gatefold
