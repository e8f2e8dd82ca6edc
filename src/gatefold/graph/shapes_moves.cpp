// Shape rules of the operators that only move elements, and of the two that turn shapes into values and back.
// Based on: the operator pages of the ONNX specification, opset 7 to 18.
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "gatefold/graph/shape_rules.h"

namespace gatefold::shape_rules {
namespace {

/// Axes of a Squeeze or Unsqueeze in a tensor of `rank` dimensions, each once, ascending.
Result<std::vector<std::int64_t>> distinct_axes(const Site& site, std::size_t position, int rank) {
  GATEFOLD_TRY(std::vector<std::int64_t> axes, site.integers(position, "axes"));
  for (std::int64_t& axis : axes) {
    GATEFOLD_TRY(axis, site.axis(axis, rank));
  }
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end()) return site.invalid("an axis is listed twice");
  return axes;
}

/// One axis of a Slice: start and end in normal form and the extent that is left. An end before the first element
/// (negative step) is -(dim + 1), which counting from the end cannot reach.
struct Cut {
  std::int64_t start = 0;
  std::int64_t end = 0;
  std::int64_t count = 0;
};

Cut cut(std::int64_t dim, std::int64_t start, std::int64_t end, std::int64_t step) {
  const auto from_front = [dim](std::int64_t at) { return at < 0 ? std::max(at, -dim - 1) + dim : at; };
  if (step > 0) {
    start = std::clamp<std::int64_t>(from_front(start), 0, dim);
    end = std::clamp<std::int64_t>(from_front(end), 0, dim);
    return {start, end, end > start ? (end - start - 1) / step + 1 : 0};
  }
  start = std::clamp<std::int64_t>(from_front(start), 0, std::max<std::int64_t>(dim - 1, 0));
  end = std::clamp<std::int64_t>(from_front(end), -1, std::max<std::int64_t>(dim - 1, 0));
  const std::int64_t stride = -std::max(step, -INT64_MAX);  // -INT64_MIN does not exist; no extent tells it from -INT64_MAX
  const std::int64_t count = start > end && dim > 0 ? (start - end - 1) / stride + 1 : 0;
  return {start, end < 0 ? -(dim + 1) : end, count};
}

}  // namespace

Outcome infer_one(Identity&, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(1, 1));
  return one(site.type(0), site.shape(0));
}

Outcome infer_one(Reshape& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(2, 2));
  const Shape& x = site.shape(0);
  GATEFOLD_TRY(std::vector<std::int64_t> dims, site.integers(1, "shape"));
  const std::vector<std::int64_t> wanted = dims;
  std::optional<std::size_t> open;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 && !op.allow_zero) {
      if (static_cast<int>(i) >= x.rank()) {
        return site.invalid(fmt::format("shape entry {} copies an extent that {} does not have", i, x.text()));
      }
      dims[i] = x[static_cast<int>(i)];
    } else if (dims[i] == -1) {
      if (open) return site.invalid("found two extents of -1, want at most one");
      open = i;
      dims[i] = 1;
    }
  }
  GATEFOLD_TRY(Shape y, site.checked(dims));
  if (open && y.elements() > 0) {
    dims[*open] = x.elements() / y.elements();
    GATEFOLD_TRY(y, site.checked(dims));
  }
  if (y.elements() != x.elements()) {
    return site.invalid(fmt::format("found {} of {} elements, want a shape [{}]", x.text(), x.elements(), fmt::join(wanted, ", ")));
  }
  return one(site.type(0), y);
}

Outcome infer_one(Flatten& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(1, 1));
  const Shape& x = site.shape(0);
  if (op.axis == x.rank()) return one(site.type(0), Shape{x.elements(), 1});
  GATEFOLD_TRY(op.axis, site.axis(op.axis, x.rank()));
  const int split = static_cast<int>(op.axis);
  return one(site.type(0), Shape{x.elements(0, split), x.elements(split, x.rank())});
}

Outcome infer_one(Squeeze&, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(1, 2));
  const Shape& x = site.shape(0);
  std::vector<std::int64_t> axes;
  if (site.has(1)) {
    GATEFOLD_TRY(axes, distinct_axes(site, 1, x.rank()));
    for (const std::int64_t axis : axes) {
      const std::int64_t extent = x[static_cast<int>(axis)];
      if (extent != 1) return site.invalid(fmt::format("axis {} of {}: found {}, want 1", axis, x.text(), extent));
    }
  } else {
    for (int axis = 0; axis < x.rank(); ++axis) {
      if (x[axis] == 1) axes.push_back(axis);
    }
  }
  std::vector<std::int64_t> dims;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (!std::binary_search(axes.begin(), axes.end(), axis)) dims.push_back(x[axis]);
  }
  return one(site.type(0), Shape(dims));
}

Outcome infer_one(Unsqueeze&, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(2, 2));
  const Shape& x = site.shape(0);
  GATEFOLD_TRY(const std::vector<std::int64_t> raw, site.integers(1, "axes"));
  const int rank = x.rank() + static_cast<int>(raw.size());
  GATEFOLD_TRY(const std::vector<std::int64_t> axes, distinct_axes(site, 1, rank));
  std::vector<std::int64_t> dims(x.dims().begin(), x.dims().end());
  for (const std::int64_t axis : axes) dims.insert(dims.begin() + axis, 1);
  GATEFOLD_TRY(const Shape y, site.checked(dims));
  return one(site.type(0), y);
}

Outcome infer_one(Transpose& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(1, 1));
  const Shape& x = site.shape(0);
  if (op.permutation.empty()) {
    for (int axis = x.rank() - 1; axis >= 0; --axis) op.permutation.push_back(axis);
  }
  std::vector<std::int64_t> sorted = op.permutation;
  std::sort(sorted.begin(), sorted.end());
  bool whole = sorted.size() == static_cast<std::size_t>(x.rank());
  for (std::size_t i = 0; whole && i < sorted.size(); ++i) whole = sorted[i] == static_cast<std::int64_t>(i);
  if (!whole) {
    return site.invalid(fmt::format("found permutation [{}] of {} dimensions", fmt::join(op.permutation, ", "), x.rank()));
  }
  std::vector<std::int64_t> dims;
  for (const std::int64_t axis : op.permutation) dims.push_back(x[static_cast<int>(axis)]);
  return one(site.type(0), Shape(dims));
}

Outcome infer_one(Concat& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(1, SIZE_MAX));
  const Shape& first = site.shape(0);
  GATEFOLD_TRY(op.axis, site.axis(op.axis, first.rank()));
  std::vector<std::int64_t> dims(first.dims().begin(), first.dims().end());
  for (std::size_t i = 1; i < site.count(); ++i) {
    if (!site.has(i)) return site.invalid(fmt::format("input {} is absent", i));
    GATEFOLD_CHECK(site.expect_type(i, site.type(0)));
    const Shape& part = site.shape(i);
    bool fits = part.rank() == first.rank();
    for (int axis = 0; fits && axis < part.rank(); ++axis) fits = axis == op.axis || part[axis] == first[axis];
    if (!fits) return site.invalid(fmt::format("cannot join {} and {} along axis {}", first.text(), part.text(), op.axis));
    dims[static_cast<std::size_t>(op.axis)] += part[static_cast<int>(op.axis)];
  }
  GATEFOLD_TRY(const Shape y, site.checked(dims));
  return one(site.type(0), y);
}

Outcome infer_one(Slice&, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(3, 5));
  const Shape& x = site.shape(0);
  GATEFOLD_TRY(std::vector<std::int64_t> starts, site.integers(1, "starts"));
  GATEFOLD_TRY(std::vector<std::int64_t> ends, site.integers(2, "ends"));
  std::vector<std::int64_t> axes;
  if (site.has(3)) {
    GATEFOLD_TRY(axes, distinct_axes(site, 3, x.rank()));
    GATEFOLD_TRY(axes, site.integers(3, "axes"));  // as listed: starts and ends follow that order
  } else {
    for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  }
  std::vector<std::int64_t> steps(starts.size(), 1);
  if (site.has(4)) {
    GATEFOLD_TRY(steps, site.integers(4, "steps"));
  }
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) {
    return site.invalid(
        fmt::format("found {} starts, {} ends, {} axes and {} steps", starts.size(), ends.size(), axes.size(), steps.size()));
  }
  std::vector<std::int64_t> dims(x.dims().begin(), x.dims().end());
  for (std::size_t i = 0; i < starts.size(); ++i) {
    GATEFOLD_TRY(axes[i], site.axis(axes[i], x.rank()));
    if (steps[i] == 0) return site.invalid("found a step of 0");
    const Cut left = cut(x[static_cast<int>(axes[i])], starts[i], ends[i], steps[i]);
    starts[i] = left.start;
    ends[i] = left.end;
    dims[static_cast<std::size_t>(axes[i])] = left.count;
  }
  Inferred inferred = one(site.type(0), Shape(dims));
  std::size_t position = 1;
  for (const auto& list : {starts, ends, axes, steps}) inferred.normal_inputs.emplace_back(position++, integer_tensor(list));
  return inferred;
}

Outcome infer_one(Split& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(1, 2));
  const Shape& x = site.shape(0);
  GATEFOLD_TRY(op.axis, site.axis(op.axis, x.rank()));
  const std::int64_t total = x[static_cast<int>(op.axis)];
  const auto parts = static_cast<std::int64_t>(site.output_count());
  std::vector<std::int64_t> sizes;
  if (site.has(1)) {
    GATEFOLD_TRY(sizes, site.integers(1, "split"));
  } else {
    // Opset 18 lets the last part be smaller; before, the parts were equal, which is the same formula.
    const std::int64_t size = (total + parts - 1) / parts;
    for (std::int64_t i = 0; i < parts; ++i) sizes.push_back(std::max<std::int64_t>(0, std::min(size, total - i * size)));
  }
  std::int64_t sum = 0;
  Inferred inferred;
  std::vector<std::int64_t> dims(x.dims().begin(), x.dims().end());
  for (const std::int64_t size : sizes) {
    if (size < 0 || size > total) return site.invalid(fmt::format("found a part of {} of {}", size, total));
    sum += size;
    dims[static_cast<std::size_t>(op.axis)] = size;
    inferred.outputs.push_back({site.type(0), Shape(dims)});
  }
  if (sum != total) return site.invalid(fmt::format("found parts [{}], want a sum of {}", fmt::join(sizes, ", "), total));
  inferred.normal_inputs.emplace_back(1, integer_tensor(sizes));
  return inferred;
}

Outcome infer_one(Gather& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(2, 2));
  const Shape& x = site.shape(0);
  const Shape& indices = site.shape(1);
  GATEFOLD_TRY(op.axis, site.axis(op.axis, x.rank()));
  if (site.type(1) != ElementType::kInt64 && site.type(1) != ElementType::kInt32) {
    return site.invalid(fmt::format("indices: found {}, want int32 or int64", name(site.type(1))));
  }
  std::vector<std::int64_t> dims;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (axis != op.axis) dims.push_back(x[axis]);
    else dims.insert(dims.end(), indices.dims().begin(), indices.dims().end());
  }
  GATEFOLD_TRY(const Shape y, site.checked(dims));
  return one(site.type(0), y);
}

Outcome infer_one(Pad& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(2, 3));
  const Shape& x = site.shape(0);
  GATEFOLD_TRY(const std::vector<std::int64_t> pads, site.integers(1, "pads"));
  const auto rank = static_cast<std::size_t>(x.rank());
  if (pads.size() != 2 * rank) return site.invalid(fmt::format("pads has {} entries, want {}", pads.size(), 2 * rank));
  if (site.has(2)) {
    GATEFOLD_CHECK(site.expect_type(2, site.type(0)));
    if (site.shape(2).elements() != 1) return site.invalid(fmt::format("value: found shape {}, want a scalar", site.shape(2).text()));
  }
  std::vector<std::int64_t> dims;
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t extent = x[static_cast<int>(i)];
    const std::int64_t begin = pads[i];
    const std::int64_t end = pads[rank + i];
    if (begin < -extent || end < -extent || begin > kElementsMax || end > kElementsMax) {
      return site.invalid(fmt::format("axis {}: found pads {} and {} of extent {}", i, begin, end, extent));
    }
    if (op.mode == PadMode::kReflect && (begin >= extent || end >= extent)) {
      return site.invalid(fmt::format("axis {}: found pads {} and {}, want less than {} to reflect", i, begin, end, extent));
    }
    if (op.mode == PadMode::kEdge && extent == 0) return site.invalid(fmt::format("axis {} has no edge to repeat", i));
    dims.push_back(extent + begin + end);
  }
  GATEFOLD_TRY(const Shape y, site.checked(dims));
  return one(site.type(0), y);
}

Outcome infer_one(Resize&, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(1, 3));
  const Shape& x = site.shape(0);
  const bool by_scales = site.has(1) && site.shape(1).elements() > 0;
  const bool by_sizes = site.has(2) && site.shape(2).elements() > 0;
  if (by_scales == by_sizes) return site.invalid("found scales and sizes both present or both absent, want one");
  if (by_sizes) {
    GATEFOLD_TRY(const std::vector<std::int64_t> sizes, site.integers(2, "sizes"));
    if (sizes.size() != static_cast<std::size_t>(x.rank())) {
      return site.invalid(fmt::format("found {} sizes, want {}", sizes.size(), x.rank()));
    }
    GATEFOLD_TRY(const Shape y, site.checked(sizes));
    if (x.elements() == 0 || y.elements() == 0) return site.invalid("found an extent of 0");
    return one(site.type(0), y);
  }
  const TypedValue& scales = site.value(1);
  if (!scales.constant) return site.unsupported(fmt::format("scales ('{}') are known only at run time, want a constant", scales.name));
  GATEFOLD_CHECK(site.expect_type(1, ElementType::kFloat32));
  if (scales.fact.shape.elements() != x.rank() || scales.dequantise) {
    return site.invalid(fmt::format("found scales of shape {}, want [{}]", scales.fact.shape.text(), x.rank()));
  }
  std::vector<std::int64_t> dims;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const float scale = static_cast<float>(scales.constant->number_at(axis));
    const float extent = std::floor(static_cast<float>(x[axis]) * scale);
    if (!(scale > 0) || !(extent >= 1) || extent > static_cast<float>(kElementsMax)) {
      return site.invalid(fmt::format("axis {}: found scale {} of extent {}", axis, scale, x[axis]));
    }
    dims.push_back(static_cast<std::int64_t>(extent));
  }
  GATEFOLD_TRY(const Shape y, site.checked(dims));
  return one(site.type(0), y);
}

Outcome infer_one(Expand&, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(2, 2));
  GATEFOLD_TRY(const std::vector<std::int64_t> dims, site.integers(1, "shape"));
  GATEFOLD_TRY(const Shape wanted, site.checked(dims));
  GATEFOLD_TRY(const Shape y, site.broadcast(site.shape(0), wanted));
  return one(site.type(0), y);
}

Outcome infer_one(ShapeOf& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(1, 1));
  const std::int64_t rank = site.shape(0).rank();
  const auto clamped = [rank](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? std::max(at, -rank) + rank : at, 0, rank); };
  op.start = clamped(op.start);
  op.end = std::max(op.start, clamped(op.end));
  return one(ElementType::kInt64, Shape{op.end - op.start});
}

Outcome infer_one(ConstantOfShape& op, const Site& site) {
  GATEFOLD_CHECK(site.expect_inputs(1, 1));
  GATEFOLD_TRY(const std::vector<std::int64_t> dims, site.integers(0, "shape"));
  GATEFOLD_TRY(const Shape y, site.checked(dims));
  if (op.value.shape().elements() != 1) {
    return site.invalid(fmt::format("value: found shape {}, want one element", op.value.shape().text()));
  }
  return one(op.value.type(), y);
}

}  // namespace gatefold::shape_rules
