// Single operators on dense views with preallocated outputs: the code behind `evaluate`, and behind `run_layer` where no
// specialised loop exists. Shapes and types are the caller's; nothing here allocates an output.
//
// Float32 in, float32 out; sums (convolution, matrix product, average, reduction, softmax) are taken in double and
// rounded once, so that the reference is closer to the real number than any executor it judges.
#pragma once

#include <span>
#include <vector>

#include "gatefold/base/result.h"
#include "gatefold/model/operators.h"

namespace gatefold {

/// The inputs of one operator; a view without bytes is an optional input that is absent.
class Inputs {
 public:
  explicit Inputs(std::span<const TensorView> views) : views_(views) {}
  [[nodiscard]] std::size_t size() const { return views_.size(); }
  [[nodiscard]] bool has(std::size_t index) const { return index < views_.size() && views_[index].bytes != nullptr; }
  [[nodiscard]] const TensorView& operator[](std::size_t index) const {
    GATEFOLD_REQUIRE(has(index));
    return views_[index];
  }

 private:
  std::span<const TensorView> views_;
};

using Outputs = std::span<const MutableTensorView>;

/// The elements of an integer tensor. Requires: an integer type.
[[nodiscard]] std::vector<std::int64_t> integers(const TensorView& view);

// One per operator. Errors: kUnsupported for an element type without code; kInvalidInput for a bad value (Gather index,
// integer division by zero).
[[nodiscard]] Status plain(const Conv& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const MatMul& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Pool& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Unary& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Binary& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Cast& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Reduce& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Softmax& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const BatchNorm& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Lrn& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Quantize& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Dequantize& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Identity& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Reshape& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Flatten& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Squeeze& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Unsqueeze& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Transpose& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Concat& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Slice& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Split& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Gather& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Pad& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Resize& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const Expand& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const ShapeOf& op, const Inputs& in, Outputs out);
[[nodiscard]] Status plain(const ConstantOfShape& op, const Inputs& in, Outputs out);

}  // namespace gatefold
