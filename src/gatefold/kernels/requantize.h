// The one definition of the integer contract's rounding (DESIGN.md section 4):
//     q = saturate(round_half_even(float(acc) * scale) + zero_point),   scale = sx * sw / sy in float32, in that order.
// Every executor calls these; nothing else rounds.
#pragma once

#include <cstdint>

#include "gatefold/model/layer.h"

namespace gatefold {

/// sx * sw / sy, each operation rounded to float32.
[[nodiscard]] inline float requantize_scale(float sx, float sw, float sy) { return sx * sw / sy; }

/// Limits of int8 or uint8 as int32.
struct SaturationLimits {
  std::int32_t low;
  std::int32_t high;
};
[[nodiscard]] inline SaturationLimits saturation_limits(ElementType type) {
  GATEFOLD_REQUIRE(is_quantised(type));
  return type == ElementType::kInt8 ? SaturationLimits{-128, 127} : SaturationLimits{0, 255};
}

/// Rounds half to even, adds the zero point, saturates. NaN becomes the zero point. Requires the default rounding mode.
[[nodiscard]] inline std::int32_t saturate_rounded(float value, std::int32_t zero_point, SaturationLimits limits) {
  // The bound is far outside both types and keeps the conversion defined for any float.
  constexpr float kBound = 65536.0F;
  // Around 1.5 * 2^23 neighbouring floats are 1 apart: the addition rounds to an integer, half to even, and unlike
  // nearbyint it is one instruction of every vector unit.
  constexpr float kInteger = 12582912.0F;
  float bounded = value == value ? value : 0.0F;
  bounded = bounded < -kBound ? -kBound : bounded;
  bounded = bounded > kBound ? kBound : bounded;
  const float shifted = bounded + kInteger;
  const std::int32_t rounded = static_cast<std::int32_t>(shifted - kInteger) + zero_point;
  const std::int32_t raised = rounded < limits.low ? limits.low : rounded;
  return raised > limits.high ? limits.high : raised;
}

[[nodiscard]] inline std::int32_t requantize(std::int32_t accumulator, float scale, std::int32_t zero_point, SaturationLimits limits) {
  return saturate_rounded(static_cast<float>(accumulator) * scale, zero_point, limits);
}

/// QuantizeLinear of one value: saturate(round_half_even(x / scale) + zero_point).
[[nodiscard]] inline std::int32_t quantize(float x, float scale, std::int32_t zero_point, SaturationLimits limits) {
  return saturate_rounded(x / scale, zero_point, limits);
}

}  // namespace gatefold
