// A network between import and layers: every value has its type and shape, and what can be computed before the network
// runs is a constant. Nodes that only produced constants are gone, operators are normal: pads explicit, kernels filled
// in, axes counted from the front.
//
// A constant may be seen through a dequantisation that has not been carried out: dot layers want the stored integers,
// everything else asks for `real`.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "gatefold/base/result.h"
#include "gatefold/model/layer.h"
#include "gatefold/model/model.h"

namespace gatefold {

/// Elements of the largest tensor a network may have: 4 TiB of float32, beyond any machine the tool addresses, and far
/// enough below 2^63 that sizes in bytes and multiply-accumulates of one extent cannot overflow.
inline constexpr std::int64_t kElementsMax = std::int64_t{1} << 40;
/// Elements that folding may store for one network, splats not counted: 1 GiB of float32.
inline constexpr std::int64_t kFoldedElementsMax = std::int64_t{1} << 28;

/// Type and shape of a value.
struct Fact {
  ElementType type = ElementType::kFloat32;
  Shape shape;
  friend bool operator==(const Fact&, const Fact&) = default;
};

struct TypedValue {
  std::string name;
  Fact fact;                               ///< as consumers see it, after `dequantise`
  std::optional<Tensor> constant;          ///< as stored
  std::optional<Quantisation> dequantise;  ///< only on constants
};

/// By ValueId. Not in one piece: thousands of values would be a block that the heap maps anew, page by page, for every network.
using TypedValues = std::deque<TypedValue>;

struct TypedModel {
  std::string name;
  bool quantised = false;  ///< the file has quantisation operators
  TypedValues values;
  std::vector<Node> nodes;  ///< topological order; none has only constant inputs
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;

  [[nodiscard]] const TypedValue& value(ValueId id) const { return values.at(id.at()); }
};

/// The values a constant stands for: dequantised to float32 if it has to be, a splat where it is one.
/// Requires: value.constant. Errors: kUnsupported naming the value if a dense result exceeds kFoldedElementsMax.
[[nodiscard]] Result<Tensor> real(const TypedValue& value);

/// What a quantise or dequantise node says, its parameters read from constants. Per tensor if the scale is one element.
/// Requires: `infer` has accepted the node.
[[nodiscard]] Quantisation quantisation_of(const Node& node, const TypedValues& values);

/// A splat of the one element of `element`. Requires: one element.
[[nodiscard]] Tensor splat_of(const Tensor& element, const Shape& shape);

/// [oc] or scalar tensors that carry a quantisation's parameters to a Quantize or Dequantize layer.
[[nodiscard]] Tensor scale_tensor(const Quantisation& quantisation);
[[nodiscard]] Tensor zero_point_tensor(const Quantisation& quantisation);

}  // namespace gatefold
