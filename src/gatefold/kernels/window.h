// How many positions a sliding window has along one spatial axis.
#pragma once

#include <cstdint>

#include "gatefold/base/contract.h"

namespace gatefold {

/// One axis of a window.
struct WindowAxis {
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t pad_begin = 0;
  std::int64_t pad_end = 0;
};

/// Output extent for an input of `extent` elements. With `ceil_mode` a last, partial window counts if it starts inside
/// the input or its leading padding. Requires: stride > 0 and a window that fits the padded input.
[[nodiscard]] inline std::int64_t window_positions(const WindowAxis& axis, std::int64_t extent, bool ceil_mode = false) {
  GATEFOLD_REQUIRE(axis.stride > 0 && axis.kernel > 0 && axis.dilation > 0);
  const std::int64_t slack = extent + axis.pad_begin + axis.pad_end - axis.dilation * (axis.kernel - 1) - 1;
  GATEFOLD_REQUIRE(slack >= 0 || ceil_mode);
  if (!ceil_mode) return slack / axis.stride + 1;
  std::int64_t positions = (slack + axis.stride - 1) / axis.stride + 1;
  if ((positions - 1) * axis.stride >= extent + axis.pad_begin) --positions;
  return positions;
}

}  // namespace gatefold
