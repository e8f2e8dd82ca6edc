// A broadcast of two operands as runs of elements in which each either advances or stays.
#pragma once

#include <vector>

#include "gatefold/kernels/strides.h"

namespace gatefold {

/// A broadcast with neighbouring axes merged where both operands walk them as one: [1, c, h, w] + [1, c, 1, 1] has the
/// axes c and h * w. The last axis is the run; an operand advances along it by 1 or stays.
struct Runs {
  Shape outer;
  Strides a{}, b{};
  std::int64_t count = 1;
  std::int64_t step_a = 0, step_b = 0;
};

/// Of two operands read under `shape`, whose strides are 0 along axes that are repeated.
[[nodiscard]] inline Runs runs_of(const Shape& shape, const Strides& a, const Strides& b) {
  std::vector<std::int64_t> extents;  // innermost first
  std::vector<std::int64_t> strides_a, strides_b;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const auto at = static_cast<std::size_t>(axis);
    if (shape[axis] == 1) continue;
    if (!extents.empty() && a[at] == strides_a.back() * extents.back() && b[at] == strides_b.back() * extents.back()) {
      extents.back() *= shape[axis];
      continue;
    }
    extents.push_back(shape[axis]);
    strides_a.push_back(a[at]);
    strides_b.push_back(b[at]);
  }
  Runs runs;
  if (extents.empty()) return runs;
  runs.count = extents[0];
  runs.step_a = strides_a[0];
  runs.step_b = strides_b[0];
  std::vector<std::int64_t> outer(extents.rbegin(), extents.rend() - 1);
  runs.outer = Shape(std::span<const std::int64_t>(outer));
  for (std::size_t i = 0; i < outer.size(); ++i) {
    runs.a[i] = strides_a[outer.size() - i];
    runs.b[i] = strides_b[outer.size() - i];
  }
  return runs;
}

}  // namespace gatefold
