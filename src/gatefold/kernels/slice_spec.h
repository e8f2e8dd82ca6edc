// Slice's starts, ends, axes and steps, clamped as ONNX defines them, for one axis at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gatefold/model/tensor.h"

namespace gatefold {

/// `count` indices from `first`, `step` apart.
struct SliceAxis {
  std::int64_t first = 0;
  std::int64_t step = 1;
  std::int64_t count = 0;
};

/// One entry per axis of `shape`. Empty `axes` means 0, 1, ..; empty `steps` means all 1. Requires: steps are not 0.
[[nodiscard]] std::vector<SliceAxis> slice_axes(const Shape& shape, std::span<const std::int64_t> starts,
                                                std::span<const std::int64_t> ends, std::span<const std::int64_t> axes,
                                                std::span<const std::int64_t> steps);

}  // namespace gatefold
