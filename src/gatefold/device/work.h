// What a layer asks of a chip, in the chip's own terms. The device room knows no networks: this is all it sees of one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "gatefold/base/quantity.h"

namespace gatefold {

enum class WorkClass : std::uint8_t {
  kDense,       ///< every filter reads every input channel
  kDepthwise,   ///< one filter per channel
  kGrouped,     ///< filters read the channels of their group
  kVector,      ///< values through the post-processors or the vector unit
  kController,  ///< values that the vector unit cannot compute, one by one in the fabric controller
  kMove,        ///< bytes over the output bus
};

/// Where the non-zero weights of a layer are, for chips that exploit it. `ic` of the work leaves out the channels whose
/// weights are all zero.
struct WeightDensity {
  std::int64_t nonzeros = 0;
  std::optional<std::int64_t> odd_filter;  ///< a filter whose weights are not -a, 0 or a
  /// densest[n - 1]: non-zero weights of the fullest filter slice when the channels are divided over n cores.
  std::vector<std::int64_t> densest;
};

struct Work {
  WorkClass kind = WorkClass::kVector;
  // ---- dot work ----
  std::int64_t positions = 0;  ///< n * oh * ow
  std::int64_t ic = 0;         ///< input channels, all groups
  std::int64_t oc = 0;         ///< filters, all groups
  std::int64_t window = 1;     ///< kh * kw
  std::int64_t group = 1;
  Bytes weights;                                 ///< with bias, compressed where the chip does
  std::shared_ptr<const WeightDensity> density;  ///< null where every weight counts
  // ---- vector and move work ----
  Values values;  ///< through the vector unit (pool: kh * kw per output; softmax: 3 per output)
  Bytes read;     ///< SRAM bytes read (each operand once; pools read `values`; softmax three times)
  // ---- both ----
  Bytes element{1};  ///< size of one input element of a dot layer as stored
  Bytes input;       ///< all activation operands, once
  Bytes output;      ///< as stored
  /// How many ways the operand can be divided over cores: input channels, or for vector and move work the channels of
  /// the result. Options with more cores are illegal.
  std::int64_t divisible = 1;

  [[nodiscard]] bool dot() const { return kind == WorkClass::kDense || kind == WorkClass::kDepthwise || kind == WorkClass::kGrouped; }
  /// Multiply-accumulates, padded taps included, idle lanes excluded (EQ-11).
  [[nodiscard]] Macs macs() const {
    if (!dot()) return Macs(0);
    return Macs(positions * (density != nullptr ? density->nonzeros : oc * window * (ic / group)));
  }
};

}  // namespace gatefold
