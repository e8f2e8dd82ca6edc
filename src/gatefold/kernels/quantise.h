// Quantising and dequantising whole tensors, per tensor or per index of an axis.
#pragma once

#include "gatefold/base/result.h"
#include "gatefold/model/layer.h"

namespace gatefold {

/// y = scale * (x - zero_point) in float32. `x`: int8, uint8 or int32; `y`: x.shape elements. Errors: kUnsupported type.
[[nodiscard]] Status dequantise(const Quantisation& by, const TensorView& x, float* y);

/// y = saturate(round_half_even(x / scale) + zero_point). `x`: y.shape elements; `y`: int8 or uint8. Errors: kUnsupported type.
[[nodiscard]] Status quantise(const Quantisation& by, const float* x, const MutableTensorView& y);

}  // namespace gatefold
