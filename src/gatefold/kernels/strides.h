// Row-major strides and the odometer that walks a shape with several operands at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "gatefold/model/tensor.h"

namespace gatefold {

/// Distance in elements between neighbours along each axis; unused entries are 0.
using Strides = std::array<std::int64_t, Shape::kRankMax>;

[[nodiscard]] inline Strides row_major(const Shape& shape) {
  Strides strides{};
  std::int64_t step = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = step;
    step *= shape[axis];
  }
  return strides;
}

/// Strides that read `from` under the broadcast shape `to`: 0 along axes that are repeated.
/// Requires: `from` broadcasts to `to`.
[[nodiscard]] inline Strides broadcast_strides(const Shape& from, const Shape& to) {
  GATEFOLD_REQUIRE(from.rank() <= to.rank());
  const Strides own = row_major(from);
  Strides strides{};
  const int lead = to.rank() - from.rank();
  for (int axis = 0; axis < from.rank(); ++axis) {
    GATEFOLD_REQUIRE(from[axis] == 1 || from[axis] == to[axis + lead]);
    strides[static_cast<std::size_t>(axis + lead)] = from[axis] == 1 ? 0 : own[static_cast<std::size_t>(axis)];
  }
  return strides;
}

/// The shape two operands broadcast to. Requires: they do.
[[nodiscard]] inline Shape broadcast_shape(const Shape& a, const Shape& b) {
  const int rank = a.rank() > b.rank() ? a.rank() : b.rank();
  std::array<std::int64_t, Shape::kRankMax> dims{};
  for (int axis = 0; axis < rank; ++axis) {
    const int axis_a = axis - (rank - a.rank());
    const int axis_b = axis - (rank - b.rank());
    const std::int64_t extent_a = axis_a < 0 ? 1 : a[axis_a];
    const std::int64_t extent_b = axis_b < 0 ? 1 : b[axis_b];
    GATEFOLD_REQUIRE(extent_a == extent_b || extent_a == 1 || extent_b == 1);
    dims[static_cast<std::size_t>(axis)] = extent_a == 1 ? extent_b : extent_a;
  }
  return Shape(std::span<const std::int64_t>(dims.data(), static_cast<std::size_t>(rank)));
}

/// Calls visit(offsets) for every index of `shape` in row-major order; offsets[i] is the index under strides[i].
template <std::size_t N, class Visit>
void walk(const Shape& shape, const std::array<Strides, N>& strides, Visit visit) {
  if (shape.elements() == 0) return;
  std::array<std::int64_t, Shape::kRankMax> index{};
  std::array<std::int64_t, N> offsets{};
  for (;;) {
    visit(offsets);
    int axis = shape.rank() - 1;
    for (; axis >= 0; --axis) {
      const auto at = static_cast<std::size_t>(axis);
      ++index[at];
      for (std::size_t i = 0; i < N; ++i) offsets[i] += strides[i][at];
      if (index[at] < shape[axis]) break;
      for (std::size_t i = 0; i < N; ++i) offsets[i] -= strides[i][at] * shape[axis];
      index[at] = 0;
    }
    if (axis < 0) return;
  }
}

/// A non-negative axis. Requires: -rank <= axis < rank (or == rank where an operator splits after the last axis).
[[nodiscard]] inline int normal_axis(std::int64_t axis, int rank) {
  const std::int64_t positive = axis < 0 ? axis + rank : axis;
  GATEFOLD_REQUIRE(positive >= 0 && positive <= rank);
  return static_cast<int>(positive);
}

}  // namespace gatefold
