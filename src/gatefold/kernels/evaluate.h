// The numbers of single operators (plain, exact, unhurried code) and of vector and move layers (the same, with loops of
// their own in fast.h where that would be slow), on whole tensors. Dot layers of a network go through dot_kernel.h.
#pragma once

#include <span>
#include <vector>

#include "gatefold/base/result.h"
#include "gatefold/model/layer.h"

namespace gatefold {

/// Computes one operator on dense or splat inputs (nullptr: an optional input that is absent), node by node as the
/// ONNX specification reads, in float32 for float types. Used to fold constants, and as the reference of every test.
/// Requires: shapes, types and counts fit the operator (graph/ has inferred them). Windows have explicit pads.
/// Errors: kUnsupported for an element type the operator has no code for; kInvalidInput for a value that only shows at
/// run time (a Gather index out of range).
[[nodiscard]] Result<std::vector<Tensor>> evaluate(const Operator& op, std::span<const Tensor* const> inputs);

/// Computes a vector or move layer: dequantises operands as they are read, applies the operator in float32 (or moves
/// stored elements untouched where no operand is dequantised), then the epilogue. Under Numerics::kInteger sums, products
/// and global averages of 8-bit tensors are integers from end to end (requantize.h); all else is the same under both.
/// `inputs[i]` is the dense value of layer.inputs[i], activation or constant; a view without bytes is an optional operand that is absent.
/// `outputs[i]` is preallocated with the inferred shape and stored type.
[[nodiscard]] Status run_layer(const Layer& layer, Numerics numerics, std::span<const TensorView> inputs,
                               std::span<const MutableTensorView> outputs);

}  // namespace gatefold
