// Vector layers that stay integers under Numerics::kInteger: sums and products of two quantised tensors and global averages.
#pragma once

#include <span>

#include "gatefold/kernels/requantize.h"

namespace gatefold {

/// True if the integer contract has a formula of its own for this layer (requantize.h): operands and result stored in one
/// 8-bit type with one scale each, nothing or a Relu between operator and store. Every other layer is computed in float32.
[[nodiscard]] bool has_integer_form(const Layer& layer);

/// Limits of the result, a Relu before the store included. Requires: has_integer_form(layer).
[[nodiscard]] SaturationLimits integer_limits(const Layer& layer);

/// As `run_layer`. Requires: has_integer_form(layer).
void run_integer_layer(const Layer& layer, std::span<const TensorView> inputs, const MutableTensorView& output);

}  // namespace gatefold
