// The one definition of the integer contract's rounding. Every executor calls these; nothing else rounds.
//
// Sums of products (dot layers, global averages):
//     q = saturate(round_half_even(float(acc) * scale) + zero_point)
// with scale = sx * sw / sy, or sx / (sy * count) for an average, in float32, in that order.
//
// Sums and products of two quantised tensors never become real numbers either, and round with the zero point inside:
//     sum:      q = saturate(round_half_even(fma(a, ra, fma(b, rb, fixed)))),  fixed = zy - fma(ra, za, rb * zb)
//     product:  q = saturate(round_half_even((a - za) * (b - zb) * scale + zy))
// with ra = sa / sy, rb = sb / sy, scale = sa * sb / sy. Where the exact value lies half way between two steps the order
// of these operations alone decides, and one such step, early in a network, is dozens at its end.
// Based on: MLAS (ONNX Runtime), its AVX2 kernels for QLinearAdd and QLinearMul and its QLinearGlobalAveragePool, which
// the known answers of integer networks come from.
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

/// sx / (sy * count), each operation rounded to float32: the scale of a mean of `count` values, applied to their sum.
[[nodiscard]] inline float average_scale(float sx, float sy, std::int64_t count) { return sx / (sy * static_cast<float>(count)); }

/// fma(x, factor, sum) without the processor's help: the product of 9 and 24 bits is exact in double, and so is the sum
/// unless one term is a million times the other. Requires: |x| < 2^9.
[[nodiscard]] inline float fused(std::int32_t x, float factor, float sum) {
  return static_cast<float>(static_cast<double>(x) * static_cast<double>(factor) + static_cast<double>(sum));
}

/// What the sum of two quantised tensors needs to know of their scales and zero points.
struct SumScale {
  float a, b;   ///< steps of the result in one step of the operand
  float fixed;  ///< all zero points together, in steps of the result
};
[[nodiscard]] inline SumScale sum_scale(float sa, std::int32_t za, float sb, std::int32_t zb, float sy, std::int32_t zy) {
  const float a = sa / sy;
  const float b = sb / sy;
  return {a, b, static_cast<float>(zy) - fused(za, a, b * static_cast<float>(zb))};
}

/// a + b of quantised tensors as they are stored.
[[nodiscard]] inline std::int32_t requantize_sum(std::int32_t a, std::int32_t b, SumScale scale, SaturationLimits limits) {
  return saturate_rounded(fused(a, scale.a, fused(b, scale.b, scale.fixed)), 0, limits);
}

/// A product of two quantised tensors' values, each less its zero point; scale = requantize_scale(sa, sb, sy).
[[nodiscard]] inline std::int32_t requantize_product(std::int32_t product, float scale, std::int32_t zero_point, SaturationLimits limits) {
  const float scaled = static_cast<float>(product) * scale;
  return saturate_rounded(scaled + static_cast<float>(zero_point), 0, limits);
}

/// QuantizeLinear of one value: saturate(round_half_even(x / scale) + zero_point).
[[nodiscard]] inline std::int32_t quantize(float x, float scale, std::int32_t zero_point, SaturationLimits limits) {
  return saturate_rounded(x / scale, zero_point, limits);
}

}  // namespace gatefold
