// Moves as data: output element [i0, i1, ..] is input element offset[0][i0] + offset[1][i1] + .., or a fill value where
// any of the offsets is kFill. Transposition, slicing, splitting, expansion, gathering, padding and nearest resizing are
// nothing but such tables, one per output axis; one loop carries them all out.
#pragma once

#include <cstdint>
#include <vector>

#include "gatefold/model/tensor.h"

namespace gatefold {

struct ElementMap {
  static constexpr std::int64_t kFill = INT64_MIN;
  /// One table per output axis, as long as its extent; offsets in elements of the input.
  std::vector<std::vector<std::int64_t>> offset;

  /// A table for an axis whose neighbours lie `stride` apart: `count` entries from index `first`, `step` apart.
  void add_axis(std::int64_t count, std::int64_t stride, std::int64_t first = 0, std::int64_t step = 1);
};

/// Copies elements of `element_bytes` bytes from `x` to `y` (row-major). `fill` points to one element; it may be null if
/// no table holds kFill. Contiguous runs are copied as blocks.
void copy_mapped(const ElementMap& map, std::int64_t element_bytes, const std::byte* x, const std::byte* fill, std::byte* y);

}  // namespace gatefold
