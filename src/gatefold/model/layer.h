// Layers: the unit that is placed, shifted and executed. A layer is one dot-product operator with its epilogue, or one
// vector or move operator. Plain data; `graph/` makes them, `kernels/` computes them, `cost/` prices them.
//
// Quantisation is part of a layer, not a layer of its own: an operand may be dequantised as it is read, and the epilogue
// may quantise what is written. How the numbers are computed then is the numeric contract (Numerics), not the structure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gatefold/base/id.h"
#include "gatefold/model/operators.h"

namespace gatefold {

/// Half-open range of indices.
struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  [[nodiscard]] std::int64_t count() const { return end - begin; }
  friend bool operator==(const Range&, const Range&) = default;
};

/// Part `index` of `count` of [0, total): equal parts, the first total % count one longer (EQ-1).
[[nodiscard]] Range part_of(std::int64_t total, std::int64_t count, std::int64_t index);

/// The numeric contracts of docs/numerics.md. A network without quantisation operators computes in float32 under both.
enum class Numerics : std::uint8_t { kInteger, kQdqFloat };

/// real = scale * (stored - zero_point). One entry per tensor, or one per index along `axis`.
struct Quantisation {
  ElementType type = ElementType::kInt8;  ///< how it is stored
  std::vector<float> scale;
  std::vector<std::int32_t> zero_point;  ///< as long as `scale`
  std::int64_t axis = 0;                 ///< meaningful if scale.size() > 1; never negative
  [[nodiscard]] bool per_tensor() const { return scale.size() == 1; }
  friend bool operator==(const Quantisation&, const Quantisation&) = default;
};

/// One input of a layer: an activation (seen under `shape`, which may differ from how it is stored by a reshape that
/// moves no byte) or a constant.
struct Operand {
  std::optional<TensorId> tensor;
  std::optional<Tensor> constant;            ///< exactly one of the two is set
  ElementType type = ElementType::kFloat32;  ///< as stored, before `dequantise`
  Shape shape;
  std::optional<Quantisation> dequantise;  ///< the operator sees scale * (stored - zero_point) as float32
};

/// What happens to a value between the operator and the store, in this order.
struct Epilogue {
  std::optional<Unary> activation;
  std::optional<Quantisation> quantise;  ///< absent: float32 (or the operator's own type) is stored
};

enum class LayerKind : std::uint8_t {
  kDot,     ///< Conv, MatMul with constant weights
  kVector,  ///< pool, unary, binary, reduce, softmax, normalisation, quantise, dequantise, cast
  kMove,    ///< transpose, concat, slice, split, gather, pad, resize, expand: elements change place
};

/// The loops of a dot layer, matrix product included: [m, k] x [n, k]^T is n = m, ic = k, oc = n, all else 1.
struct DotGeometry {
  std::int64_t n = 1, ic = 1, ih = 1, iw = 1, oc = 1, oh = 1, ow = 1, kh = 1, kw = 1;
  std::int64_t sh = 1, sw = 1, dh = 1, dw = 1, pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  std::int64_t group = 1;
  /// One filter per channel: group == ic == oc and group > 1.
  [[nodiscard]] bool depthwise() const { return group > 1 && group == ic && group == oc; }
  /// Multiply-accumulates, padded taps included (EQ-11).
  [[nodiscard]] std::int64_t macs() const { return n * oh * ow * oc * kh * kw * (ic / group); }
};

struct Layer {
  std::string name;  ///< the name of the node that gives it its operator
  LayerKind kind = LayerKind::kVector;
  Operator op;
  std::vector<Operand>
      inputs;  ///< dot layers: [x, weights, bias?], weights [oc, ic/group, kh, kw], bias [oc] float32, or int32 at scale sx*sw
  std::vector<TensorId> outputs;                    ///< one, but for Split
  Shape output_shape;                               ///< of the first output, as the operator sees it
  ElementType output_type = ElementType::kFloat32;  ///< as stored, after the epilogue
  Epilogue epilogue;
  DotGeometry dot;  ///< dot layers only
  /// Dot layers: both operands are quantised, weights per tensor or per output channel, and so is the bias at scale
  /// sx*sw (or absent): under Numerics::kInteger the sum is taken in int32.
  bool integer = false;
};

}  // namespace gatefold
