// Moves: every one builds an ElementMap (see element_map.h) or copies blocks. Element types do not matter, only sizes.
#include <algorithm>
#include <array>
#include <cstring>

#include "gatefold/kernels/element_map.h"
#include "gatefold/kernels/element_visit.h"
#include "gatefold/kernels/plain.h"
#include "gatefold/kernels/slice_spec.h"
#include "gatefold/kernels/strides.h"

namespace gatefold {
namespace {

Status copy_whole(const Inputs& in, Outputs out) {
  const std::int64_t bytes = in[0].shape.elements() * element_size(in[0].type);
  GATEFOLD_REQUIRE(bytes == out[0].shape.elements() * element_size(out[0].type));
  if (bytes > 0) std::memcpy(out[0].bytes, in[0].bytes, static_cast<std::size_t>(bytes));
  return Done{};
}

void copy(const ElementMap& map, const TensorView& x, const MutableTensorView& y, const std::byte* fill = nullptr) {
  GATEFOLD_REQUIRE(x.type == y.type);
  copy_mapped(map, element_size(x.type), x.bytes, fill, y.bytes);
}

std::vector<std::int64_t> optional_integers(const Inputs& in, std::size_t index) {
  return in.has(index) ? integers(in[index]) : std::vector<std::int64_t>{};
}

}  // namespace

std::vector<std::int64_t> integers(const TensorView& view) {
  std::vector<std::int64_t> list(static_cast<std::size_t>(view.shape.elements()));
  visit_type(view.type, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_floating_point_v<T>) {
      GATEFOLD_REQUIRE(!is_float(view.type));
    } else {
      const auto values = view.values<T>();
      std::transform(values.begin(), values.end(), list.begin(), [](T value) { return static_cast<std::int64_t>(value); });
    }
  });
  return list;
}

Status plain(const Identity&, const Inputs& in, Outputs out) { return copy_whole(in, out); }
Status plain(const Reshape&, const Inputs& in, Outputs out) { return copy_whole(in, out); }
Status plain(const Flatten&, const Inputs& in, Outputs out) { return copy_whole(in, out); }
Status plain(const Squeeze&, const Inputs& in, Outputs out) { return copy_whole(in, out); }
Status plain(const Unsqueeze&, const Inputs& in, Outputs out) { return copy_whole(in, out); }

Status plain(const Transpose& op, const Inputs& in, Outputs out) {
  const Shape& shape = in[0].shape;
  const Strides strides = row_major(shape);
  ElementMap map;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const int from =
        op.permutation.empty() ? shape.rank() - 1 - axis : normal_axis(op.permutation[static_cast<std::size_t>(axis)], shape.rank());
    map.add_axis(shape[from], strides[static_cast<std::size_t>(from)]);
  }
  copy(map, in[0], out[0]);
  return Done{};
}

Status plain(const Concat& op, const Inputs& in, Outputs out) {
  const Shape& shape = out[0].shape;
  const int axis = normal_axis(op.axis, shape.rank());
  const std::int64_t size = element_size(out[0].type);
  const std::int64_t outer = shape.elements(0, axis);
  const std::int64_t row = shape.elements(axis, shape.rank()) * size;
  std::int64_t column = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    GATEFOLD_REQUIRE(in[i].type == out[0].type);
    const std::int64_t part = in[i].shape.elements(axis, in[i].shape.rank()) * size;
    for (std::int64_t r = 0; r < outer && part > 0; ++r) {
      std::memcpy(out[0].bytes + r * row + column, in[i].bytes + r * part, static_cast<std::size_t>(part));
    }
    column += part;
  }
  GATEFOLD_ENSURE(column == row);
  return Done{};
}

std::vector<SliceAxis> slice_axes(const Shape& shape, std::span<const std::int64_t> starts, std::span<const std::int64_t> ends,
                                  std::span<const std::int64_t> axes, std::span<const std::int64_t> steps) {
  std::vector<SliceAxis> slices(static_cast<std::size_t>(shape.rank()));
  for (std::size_t axis = 0; axis < slices.size(); ++axis) slices[axis].count = shape[static_cast<int>(axis)];
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const int axis = axes.empty() ? static_cast<int>(i) : normal_axis(axes[i], shape.rank());
    const std::int64_t extent = shape[axis];
    const std::int64_t step = steps.empty() ? 1 : steps[i];
    GATEFOLD_REQUIRE(step != 0);
    // A backward slice may end before the first element, which -1 stands for once negative indices are resolved.
    const std::int64_t low = step > 0 ? 0 : -1;
    const std::int64_t high = step > 0 ? extent : extent - 1;
    const auto clamped = [&](std::int64_t index) { return std::clamp(index < 0 ? index + extent : index, low, high); };
    const std::int64_t first = clamped(starts[i]);
    const std::int64_t distance = step > 0 ? clamped(ends[i]) - first : first - clamped(ends[i]);
    // |INT64_MIN| does not exist; any step longer than the axis selects one element.
    const std::int64_t stride = step > 0 ? step : (step == INT64_MIN ? INT64_MAX : -step);
    slices[static_cast<std::size_t>(axis)] = {first, step, distance > 0 ? (distance - 1) / stride + 1 : 0};
  }
  return slices;
}

Status plain(const Slice&, const Inputs& in, Outputs out) {
  const Shape& shape = in[0].shape;
  const Strides strides = row_major(shape);
  const auto slices = slice_axes(shape, integers(in[1]), integers(in[2]), optional_integers(in, 3), optional_integers(in, 4));
  ElementMap map;
  for (std::size_t axis = 0; axis < slices.size(); ++axis) {
    map.add_axis(slices[axis].count, strides[axis], slices[axis].first, slices[axis].count > 1 ? slices[axis].step : 1);
  }
  copy(map, in[0], out[0]);
  return Done{};
}

Status plain(const Split& op, const Inputs& in, Outputs out) {
  const Shape& shape = in[0].shape;
  const int axis = normal_axis(op.axis, shape.rank());
  const Strides strides = row_major(shape);
  std::int64_t first = 0;
  for (const MutableTensorView& part : out) {
    ElementMap map;
    for (int i = 0; i < shape.rank(); ++i) {
      map.add_axis(part.shape[i], strides[static_cast<std::size_t>(i)], i == axis ? first : 0);
    }
    copy(map, in[0], part);
    first += part.shape[axis];
  }
  return Done{};
}

Status plain(const Gather& op, const Inputs& in, Outputs out) {
  const Shape& shape = in[0].shape;
  const int axis = normal_axis(op.axis, shape.rank());
  const std::int64_t extent = shape[axis];
  std::vector<std::int64_t> indices = integers(in[1]);
  for (std::int64_t& index : indices) {
    if (index < -extent || index >= extent) {
      return Error{ErrorCode::kInvalidInput, fmt::format("Gather: index {} is outside axis {} of {}", index, axis, shape.text())};
    }
    index = (index < 0 ? index + extent : index) * shape.elements(axis + 1, shape.rank());
  }
  ElementMap map;
  map.add_axis(shape.elements(0, axis), shape.elements(axis, shape.rank()));
  map.offset.push_back(std::move(indices));
  map.add_axis(shape.elements(axis + 1, shape.rank()), 1);
  copy(map, in[0], out[0]);
  return Done{};
}

namespace {

/// Where output index `at` of a padded axis comes from.
std::int64_t padded_source(PadMode mode, std::int64_t at, std::int64_t extent) {
  if (at >= 0 && at < extent) return at;
  if (mode == PadMode::kConstant) return ElementMap::kFill;
  if (mode == PadMode::kEdge) return at < 0 ? 0 : extent - 1;
  if (extent == 1) return 0;
  // Reflection without repeating the border has the period 2 * (extent - 1).
  const std::int64_t period = 2 * (extent - 1);
  const std::int64_t phase = (at % period + period) % period;
  return phase < extent ? phase : period - phase;
}

}  // namespace

Status plain(const Pad& op, const Inputs& in, Outputs out) {
  const Shape& shape = in[0].shape;
  const Strides strides = row_major(shape);
  const std::vector<std::int64_t> pads = integers(in[1]);
  GATEFOLD_REQUIRE(static_cast<int>(pads.size()) == 2 * shape.rank());
  ElementMap map;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto at = static_cast<std::size_t>(axis);
    map.add_axis(out[0].shape[axis], 1, -pads[at]);
    for (std::int64_t& offset : map.offset.back()) {
      offset = padded_source(op.mode, offset, shape[axis]);
      if (offset != ElementMap::kFill) offset *= strides[at];
    }
  }
  constexpr std::array<std::byte, 8> zero{};
  GATEFOLD_REQUIRE(!in.has(2) || in[2].type == in[0].type);
  copy(map, in[0], out[0], in.has(2) ? in[2].bytes : zero.data());
  return Done{};
}

Status plain(const Expand&, const Inputs& in, Outputs out) {
  const Strides strides = broadcast_strides(in[0].shape, out[0].shape);
  ElementMap map;
  for (int axis = 0; axis < out[0].shape.rank(); ++axis) map.add_axis(out[0].shape[axis], strides[static_cast<std::size_t>(axis)]);
  copy(map, in[0], out[0]);
  return Done{};
}

Status plain(const ShapeOf& op, const Inputs& in, Outputs out) {
  const std::int64_t rank = in[0].shape.rank();
  const auto extents = out[0].values<std::int64_t>();
  const std::int64_t first = std::clamp<std::int64_t>(op.start < 0 ? op.start + rank : op.start, 0, rank);
  for (std::size_t i = 0; i < extents.size(); ++i) extents[i] = in[0].shape[static_cast<int>(first) + static_cast<int>(i)];
  return Done{};
}

Status plain(const ConstantOfShape& op, const Inputs&, Outputs out) {
  const Tensor value = op.value.dense();
  ElementMap map;
  map.add_axis(out[0].shape.elements(), 0);
  copy(map, value.view(), out[0]);
  return Done{};
}

}  // namespace gatefold
