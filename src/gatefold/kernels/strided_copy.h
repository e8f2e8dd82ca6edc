// Copying a tensor from one order of its elements in memory to another.
#pragma once

#include <optional>

#include "gatefold/kernels/strides.h"

namespace gatefold {

/// An axis of a copy: its distances in elements on both sides.
struct CopyAxis {
  std::int64_t extent = 1, from = 1, to = 1;
};

/// What a copy from one order to another is, once extents of one are gone, axes that lie together in both orders are one, and
/// the longest run that one side has without gaps is innermost.
class StridedCopy {
 public:
  StridedCopy() = default;
  /// Strides in elements of `element` (1, 2, 4 or 8) bytes. `flip`: every byte's sign bit is inverted on the way (bytes only).
  StridedCopy(const Shape& shape, const Strides& from, const Strides& to, std::int64_t element, bool flip = false);
  void run(const std::byte* from, std::byte* to) const;

 private:
  Shape outer_;  ///< walked
  Strides outer_from_{}, outer_to_{};
  std::int64_t count_ = 0;  ///< of the innermost run
  std::int64_t step_from_ = 1, step_to_ = 1;
  CopyAxis group_;  ///< copied whole at each element of the run, if its extent is above 1
  std::int64_t element_ = 1;
  bool flip_ = false;
};

/// The strides under which `to` reads the elements that `from` and `strides` describe, if there are any: a reshape that moves
/// nothing. Requires: equal element counts.
[[nodiscard]] std::optional<Strides> reshaped_strides(const Shape& from, const Strides& strides, const Shape& to);

/// [n, h, w, c] in memory for a shape [n, c, h, w]; for more axes the last two are h and w, and all between are channels.
/// Row-major below rank 4.
[[nodiscard]] Strides channels_last(const Shape& shape);

/// The elements follow each other in some order without gaps.
[[nodiscard]] bool is_dense(const Shape& shape, const Strides& strides);

/// Equal where it matters: axes of extent 1 have no stride to speak of.
[[nodiscard]] bool same_order(const Shape& shape, const Strides& a, const Strides& b);

}  // namespace gatefold
