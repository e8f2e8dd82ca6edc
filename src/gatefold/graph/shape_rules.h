// What the shape rules of all operators share: the view of one node under inference and its error messages.
// The rules are one overload set, `infer_one`, spread over shapes.cpp (arithmetic) and shapes_moves.cpp (moves).
#pragma once

#include <fmt/format.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gatefold/graph/shapes.h"

namespace gatefold::shape_rules {

/// One node under inference.
class Site {
 public:
  Site(const Node& node, const TypedValues& values) : node_(&node), values_(&values) {}

  [[nodiscard]] std::size_t count() const { return node_->inputs.size(); }
  [[nodiscard]] std::size_t output_count() const { return node_->outputs.size(); }
  [[nodiscard]] bool has(std::size_t position) const { return position < node_->inputs.size() && node_->inputs[position].has_value(); }
  /// Requires: has(position).
  [[nodiscard]] const TypedValue& value(std::size_t position) const { return values_->at(node_->inputs[position]->at()); }
  [[nodiscard]] const Shape& shape(std::size_t position) const { return value(position).fact.shape; }
  [[nodiscard]] ElementType type(std::size_t position) const { return value(position).fact.type; }

  [[nodiscard]] Error invalid(const std::string& what) const {
    return {ErrorCode::kInvalidInput, fmt::format("node '{}': {}", node_->name, what)};
  }
  [[nodiscard]] Error unsupported(const std::string& what) const {
    return {ErrorCode::kUnsupported, fmt::format("node '{}': {}", node_->name, what)};
  }

  /// Errors: kInvalidInput unless there are between `least` and `most` inputs and the first `least` are present.
  [[nodiscard]] Status expect_inputs(std::size_t least, std::size_t most) const;
  /// Errors: kInvalidInput unless an input has this type.
  [[nodiscard]] Status expect_type(std::size_t position, ElementType wanted) const;
  /// `axis` counted from the front. Errors: kInvalidInput if it is outside [-rank, rank).
  [[nodiscard]] Result<std::int64_t> axis(std::int64_t axis, int rank) const;
  /// The values of a constant integer list. Errors: kUnsupported if it is computed at run time.
  [[nodiscard]] Result<std::vector<std::int64_t>> integers(std::size_t position, const char* what) const;
  /// Errors: kInvalidInput for a negative extent or too many elements, kUnsupported for a rank above Shape::kRankMax.
  [[nodiscard]] Result<Shape> checked(std::span<const std::int64_t> dims) const;
  /// Multidirectional broadcasting. Errors: kInvalidInput if two extents differ and neither is 1.
  [[nodiscard]] Result<Shape> broadcast(const Shape& a, const Shape& b) const;

 private:
  const Node* node_;
  const TypedValues* values_;
};

[[nodiscard]] Tensor integer_tensor(std::span<const std::int64_t> values);

/// Inferred of the usual case: one output, nothing to normalise.
[[nodiscard]] inline Inferred one(ElementType type, const Shape& shape) { return {{{type, shape}}, {}}; }

using Outcome = Result<Inferred>;
Outcome infer_one(Conv& op, const Site& site);
Outcome infer_one(MatMul& op, const Site& site);
Outcome infer_one(Pool& op, const Site& site);
Outcome infer_one(Unary& op, const Site& site);
Outcome infer_one(Binary& op, const Site& site);
Outcome infer_one(Reduce& op, const Site& site);
Outcome infer_one(Softmax& op, const Site& site);
Outcome infer_one(BatchNorm& op, const Site& site);
Outcome infer_one(Lrn& op, const Site& site);
Outcome infer_one(Quantize& op, const Site& site);
Outcome infer_one(Dequantize& op, const Site& site);
Outcome infer_one(Cast& op, const Site& site);
Outcome infer_one(Identity& op, const Site& site);
Outcome infer_one(Reshape& op, const Site& site);
Outcome infer_one(Flatten& op, const Site& site);
Outcome infer_one(Squeeze& op, const Site& site);
Outcome infer_one(Unsqueeze& op, const Site& site);
Outcome infer_one(Transpose& op, const Site& site);
Outcome infer_one(Concat& op, const Site& site);
Outcome infer_one(Slice& op, const Site& site);
Outcome infer_one(Split& op, const Site& site);
Outcome infer_one(Gather& op, const Site& site);
Outcome infer_one(Pad& op, const Site& site);
Outcome infer_one(Resize& op, const Site& site);
Outcome infer_one(Expand& op, const Site& site);
Outcome infer_one(ShapeOf& op, const Site& site);
Outcome infer_one(ConstantOfShape& op, const Site& site);

}  // namespace gatefold::shape_rules
