// Row blocks: cutting a layer into parts that are computed one after another, each from only the rows that it reads.
//
// A part of a layer is itself a layer: the same operator on fewer rows, with the padding that is left at its edges. Most
// layers are cut along the height of an image; what has no height, or needs all of it, along another axis on which its
// outputs do not depend on each other (the channels of a global pool, the rows of a matrix). Softmax is never cut along
// its own axis, a reduction never along what it sums. Where no such axis is left the layer stays whole.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "gatefold/model/layer.h"

namespace gatefold {

/// A value seen as [outer, extent, inner], to be cut along `extent`.
struct CutView {
  std::int64_t outer = 1;
  std::int64_t extent = 1;
  std::int64_t inner = 1;
  friend bool operator==(const CutView&, const CutView&) = default;
};

/// How a layer can be cut.
struct LayerCut {
  std::int64_t extent = 1;  ///< positions of the output along the cut; 1: the layer stays whole
  int axis = -1;            ///< of the output; -1: matrix rows, all leading axes together
  /// Per operand the axis along which it is cut; kWhole: every part reads all of it; kRows: its matrix rows.
  std::vector<int> operands;
  // ---- the first operand of a convolution or pool is read through a window; for all others this is a window of one ----
  std::int64_t kernel = 1, stride = 1, dilation = 1, pad_begin = 0;

  static constexpr int kWhole = -2;
  static constexpr int kRows = -1;

  /// EQ-50: positions of the input, of `extent` positions, that output positions `out` read: halo included, padding left out.
  [[nodiscard]] Range read(Range out, std::int64_t extent) const;
  /// At most so many input positions are read by `count` output positions.
  [[nodiscard]] std::int64_t read_at_most(std::int64_t count, std::int64_t extent) const;
  /// An output of this shape, or an operand cut along `axis`.
  [[nodiscard]] CutView view(const Shape& shape, int axis) const;
  [[nodiscard]] CutView output_view(const Shape& shape) const { return view(shape, axis); }
};

/// How `layer` can be cut; extent 1 if not at all.
[[nodiscard]] LayerCut cut_of(const Layer& layer);

/// EQ-50: the layer that computes output positions `out` of `layer` alone: its activation operands hold what `cut.read` says,
/// its constants are cut along. Requires: out is not empty and inside the cut's extent.
[[nodiscard]] Layer part_of_layer(const Layer& layer, const LayerCut& cut, Range out);

/// Copies positions [range) of a value between the whole of it, laid out as `view`, and a value of their own.
void take_rows(const CutView& view, Range range, std::int64_t element, const std::byte* whole, std::byte* part);
void put_rows(const CutView& view, Range range, std::int64_t element, const std::byte* part, std::byte* whole);

}  // namespace gatefold
