// The operators a network is made of: plain structs, one per family, in one variant.
//
// This is the form after import: attribute defaults are filled, attributes that newer opsets turned into inputs *are*
// inputs (as constants), and ONNX names are gone. Inputs are listed in order; "?" marks one that may be absent.
// Spatial attributes are two-dimensional, [height, width]. Axes may be negative (counted from the end) until shapes
// are inferred.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "gatefold/model/tensor.h"

namespace gatefold {

/// How padding is chosen. Shape inference turns every other kind into kExplicit.
enum class AutoPad : std::uint8_t { kExplicit, kSameUpper, kSameLower, kValid };

/// A sliding window over [n, c, h, w].
struct Window {
  std::array<std::int64_t, 2> kernel{1, 1};
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::int64_t, 2> dilation{1, 1};
  std::array<std::int64_t, 4> pads{0, 0, 0, 0};  ///< top, left, bottom, right
  AutoPad auto_pad = AutoPad::kExplicit;
  friend bool operator==(const Window&, const Window&) = default;
};

/// inputs: x [n, ic, ih, iw], w [oc, ic/group, kh, kw], b? [oc] -> [n, oc, oh, ow]. An all-zero kernel = from w.
struct Conv {
  Window window;
  std::int64_t group = 1;
  friend bool operator==(const Conv&, const Conv&) = default;
};

/// alpha * a * b + beta * c. inputs: a [.., m, k], b [.., k, n], c? broadcastable to [m, n]. ONNX MatMul and Gemm.
struct MatMul {
  bool transpose_a = false;
  bool transpose_b = false;
  float alpha = 1;
  float beta = 1;
  friend bool operator==(const MatMul&, const MatMul&) = default;
};

enum class PoolKind : std::uint8_t { kMax, kAverage };

/// inputs: x [n, c, ih, iw] -> [n, c, oh, ow].
struct Pool {
  PoolKind kind = PoolKind::kMax;
  Window window;
  bool global = false;  ///< the window is the whole image; `window` is ignored until shapes are inferred
  bool ceil_mode = false;
  bool count_include_pad = false;  ///< average only
  friend bool operator==(const Pool&, const Pool&) = default;
};

enum class UnaryKind : std::uint8_t {
  kRelu,
  kLeakyRelu /* alpha */,
  kClip /* alpha = low, beta = high */,
  kSigmoid,
  kTanh,
  kExp,
  kLog,
  kSqrt,
  kAbs,
  kNeg,
  kReciprocal,
  kFloor,
  kCeil,
  kRound /* half to even */,
  kErf,
  kHardSigmoid /* alpha x + beta */,
  kHardSwish,
  kElu /* alpha */,
  kSoftplus,
  kSign,
  kNot
};

/// inputs: x -> the same shape.
struct Unary {
  UnaryKind kind = UnaryKind::kRelu;
  float alpha = 0;
  float beta = 0;
  friend bool operator==(const Unary&, const Unary&) = default;
};

enum class BinaryKind : std::uint8_t { kAdd, kSub, kMul, kDiv, kPow, kMin, kMax };

/// inputs: a, b, broadcast against each other. ONNX Sum, Min, Max of more inputs become chains.
struct Binary {
  BinaryKind kind = BinaryKind::kAdd;
  friend bool operator==(const Binary&, const Binary&) = default;
};

enum class ReduceKind : std::uint8_t { kMean, kSum, kMax, kMin };

/// inputs: x, axes? (int64 constant; absent = all).
struct Reduce {
  ReduceKind kind = ReduceKind::kMean;
  bool keep_dims = true;
  friend bool operator==(const Reduce&, const Reduce&) = default;
};

/// inputs: x. `flatten`: opset < 13, the axes from `axis` on are one.
struct Softmax {
  std::int64_t axis = -1;
  bool log = false;
  bool flatten = false;
  friend bool operator==(const Softmax&, const Softmax&) = default;
};

/// inputs: x [n, c, ..], scale [c], bias [c], mean [c], variance [c].
struct BatchNorm {
  float epsilon = 1e-5F;
  friend bool operator==(const BatchNorm&, const BatchNorm&) = default;
};

/// Local response normalisation across channels. inputs: x [n, c, ..].
struct Lrn {
  float alpha = 1e-4F;
  float beta = 0.75F;
  float bias = 1;
  std::int64_t size = 1;
  friend bool operator==(const Lrn&, const Lrn&) = default;
};

/// inputs: x (float), scale, zero_point? -> the zero point's type (uint8 if absent). Per axis if scale is 1-D.
struct Quantize {
  std::int64_t axis = 1;
  friend bool operator==(const Quantize&, const Quantize&) = default;
};
/// inputs: x (int8, uint8, int32), scale, zero_point? -> float32.
struct Dequantize {
  std::int64_t axis = 1;
  friend bool operator==(const Dequantize&, const Dequantize&) = default;
};
/// inputs: x.
struct Cast {
  ElementType to = ElementType::kFloat32;
  friend bool operator==(const Cast&, const Cast&) = default;
};

// ---- Moves: the same elements elsewhere, or fewer or more of them; no arithmetic. ----

/// inputs: x. Also what Dropout and an inference-time no-op become.
struct Identity {
  friend bool operator==(const Identity&, const Identity&) = default;
};
/// inputs: x, shape (int64).
struct Reshape {
  bool allow_zero = false;
  friend bool operator==(const Reshape&, const Reshape&) = default;
};
/// inputs: x -> 2-D, split at `axis`.
struct Flatten {
  std::int64_t axis = 1;
  friend bool operator==(const Flatten&, const Flatten&) = default;
};
/// inputs: x, axes? (int64).
struct Squeeze {
  friend bool operator==(const Squeeze&, const Squeeze&) = default;
};
/// inputs: x, axes (int64).
struct Unsqueeze {
  friend bool operator==(const Unsqueeze&, const Unsqueeze&) = default;
};
/// inputs: x. An empty permutation reverses the axes.
struct Transpose {
  std::vector<std::int64_t> permutation;
  friend bool operator==(const Transpose&, const Transpose&) = default;
};
/// inputs: one or more.
struct Concat {
  std::int64_t axis = 0;
  friend bool operator==(const Concat&, const Concat&) = default;
};
/// inputs: x, starts, ends, axes?, steps? (integers).
struct Slice {
  friend bool operator==(const Slice&, const Slice&) = default;
};
/// inputs: x, split? (int64) -> several outputs.
struct Split {
  std::int64_t axis = 0;
  friend bool operator==(const Split&, const Split&) = default;
};
/// inputs: x, indices (integers).
struct Gather {
  std::int64_t axis = 0;
  friend bool operator==(const Gather&, const Gather&) = default;
};
enum class PadMode : std::uint8_t { kConstant, kReflect, kEdge };
/// inputs: x, pads (int64 [2 * rank]: all begins, then all ends), value? (scalar).
struct Pad {
  PadMode mode = PadMode::kConstant;
  friend bool operator==(const Pad&, const Pad&) = default;
};
enum class ResizeMode : std::uint8_t { kNearest, kLinear };
enum class ResizeCoordinates : std::uint8_t { kHalfPixel, kPytorchHalfPixel, kAsymmetric, kAlignCorners };
enum class ResizeRounding : std::uint8_t { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil };
/// inputs: x, scales? (float32 [rank]), sizes? (int64 [rank]); one of the two is present.
struct Resize {
  ResizeMode mode = ResizeMode::kNearest;
  ResizeCoordinates coordinates = ResizeCoordinates::kHalfPixel;
  ResizeRounding rounding = ResizeRounding::kRoundPreferFloor;
  friend bool operator==(const Resize&, const Resize&) = default;
};
/// inputs: x, shape (int64).
struct Expand {
  friend bool operator==(const Expand&, const Expand&) = default;
};
/// inputs: x -> int64 [end - start], the extents of x in [start, end) after clamping.
struct ShapeOf {
  std::int64_t start = 0;
  std::int64_t end = INT64_MAX;
  friend bool operator==(const ShapeOf&, const ShapeOf&) = default;
};
/// inputs: shape (int64) -> every element is `value` (one element).
struct ConstantOfShape {
  Tensor value;
};

using Operator =
    std::variant<Conv, MatMul, Pool, Unary, Binary, Reduce, Softmax, BatchNorm, Lrn, Quantize, Dequantize, Cast, Identity, Reshape, Flatten,
                 Squeeze, Unsqueeze, Transpose, Concat, Slice, Split, Gather, Pad, Resize, Expand, ShapeOf, ConstantOfShape>;

/// The operator's name as tables print it: "Conv", "MaxPool", "Relu", "Add", "LogSoftmax".
[[nodiscard]] std::string_view name(const Operator& op);

}  // namespace gatefold
