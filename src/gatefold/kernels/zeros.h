// Counting zeros: what a chip that gates or skips zero operands would find in the data of an execution.
#pragma once

#include <cstdint>
#include <vector>

#include "gatefold/model/layer.h"

namespace gatefold {

/// Elements whose stored value is not `zero` (the zero point of a quantised tensor, else 0; floats: neither 0.0 nor -0.0).
/// Linear in the tensor's size.
[[nodiscard]] std::int64_t nonzero_count(TensorView x, std::int64_t zero);

/// Chunks of a window that hold anything but zeros, over all output positions of a dense dot layer.
struct ChunkCount {
  std::int64_t slowest = 0;  ///< sum over positions of the chunks of the core that has most, at least one a position
  std::int64_t all = 0;      ///< sum over positions and cores
};
/// Every core of `cores` holds an equal share of the input channels but for one (part_of). Its window at one position, in the
/// order channel, kernel row, kernel column, is cut into chunks of `inputs`; padding counts as zero. `x` is the whole input,
/// [n, ic, ih, iw] as stored. Requires: group == 1. Stops at the first non-zero element of a chunk, so the more there are the
/// fewer are read: at most positions * ic * kh * kw.
[[nodiscard]] ChunkCount nonzero_chunks(const DotGeometry& dot, TensorView x, std::int64_t zero, std::int64_t cores, std::int64_t inputs);

/// Non-zero weights of a dot layer, per filter and input channel of its group: [oc, ic / group].
struct NonzeroWeights {
  std::vector<std::int32_t> counts;
  /// True if the weights of every filter are -a, 0 or a, with an a of its own.
  bool ternary = true;
  std::int64_t filter = 0;  ///< the first filter that is not
};
/// `weights` is [oc, ic / group, kh, kw]; `zero_points` has one entry, or one per filter, or none (0).
[[nodiscard]] NonzeroWeights nonzero_weights(const Tensor& weights, const std::vector<std::int32_t>& zero_points);

}  // namespace gatefold
