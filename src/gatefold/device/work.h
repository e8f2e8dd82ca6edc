// What a layer asks of a chip, in the chip's own terms. The device room knows no networks: this is all it sees of one.
#pragma once

#include <cstdint>

#include "gatefold/base/quantity.h"

namespace gatefold {

enum class WorkClass : std::uint8_t {
  kDense,      ///< every filter reads every input channel
  kDepthwise,  ///< one filter per channel
  kGrouped,    ///< filters read the channels of their group
  kVector,     ///< values through the post-processors or the vector unit
  kMove,       ///< bytes over the output bus
};

struct Work {
  WorkClass kind = WorkClass::kVector;
  // ---- dot work ----
  std::int64_t positions = 0;  ///< n * oh * ow
  std::int64_t ic = 0;         ///< input channels, all groups
  std::int64_t oc = 0;         ///< filters, all groups
  std::int64_t window = 1;     ///< kh * kw
  std::int64_t group = 1;
  Bytes weights;  ///< with bias
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
  [[nodiscard]] Macs macs() const { return Macs(dot() ? positions * oc * window * (ic / group) : 0); }
};

}  // namespace gatefold
