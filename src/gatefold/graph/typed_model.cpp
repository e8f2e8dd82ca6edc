#include "gatefold/graph/typed_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "gatefold/kernels/evaluate.h"
#include "gatefold/model/visit_type.h"

namespace gatefold {
namespace {

/// A vector of one element per scale, or a scalar.
Shape parameter_shape(const Quantisation& quantisation) {
  return quantisation.per_tensor() ? Shape{} : Shape{static_cast<std::int64_t>(quantisation.scale.size())};
}

template <class T>
Tensor zero_points_as(const Quantisation& quantisation) {
  std::vector<T> values;
  for (const std::int32_t zero_point : quantisation.zero_point) values.push_back(static_cast<T>(zero_point));
  return Tensor::of<T>(parameter_shape(quantisation), values);
}

template <class T>
Tensor splat_as(const Tensor& element, const Shape& shape) {
  if constexpr (std::is_floating_point_v<T>) return Tensor::splat<T>(shape, static_cast<T>(element.number_at(0)));
  else return Tensor::splat<T>(shape, static_cast<T>(element.integer_at(0)));
}

/// All elements in row-major order. Requires: each fits T.
template <class T>
std::vector<T> elements_as(const Tensor& tensor) {
  const Tensor dense = tensor.dense();
  return visit_type(dense.type(), [&](auto zero) {
    const auto stored = dense.values<decltype(zero)>();
    std::vector<T> elements(stored.size());
    std::transform(stored.begin(), stored.end(), elements.begin(), [](auto element) { return static_cast<T>(element); });
    return elements;
  });
}

}  // namespace

Tensor splat_of(const Tensor& element, const Shape& shape) {
  switch (element.type()) {
    case ElementType::kFloat32: return splat_as<float>(element, shape);
    case ElementType::kFloat64: return splat_as<double>(element, shape);
    case ElementType::kInt8: return splat_as<std::int8_t>(element, shape);
    case ElementType::kUInt8: return splat_as<std::uint8_t>(element, shape);
    case ElementType::kInt16: return splat_as<std::int16_t>(element, shape);
    case ElementType::kUInt16: return splat_as<std::uint16_t>(element, shape);
    case ElementType::kInt32: return splat_as<std::int32_t>(element, shape);
    case ElementType::kInt64: return splat_as<std::int64_t>(element, shape);
    case ElementType::kBool: return splat_as<bool>(element, shape);
  }
  GATEFOLD_REQUIRE(false);
}

Tensor scale_tensor(const Quantisation& quantisation) { return Tensor::of<float>(parameter_shape(quantisation), quantisation.scale); }

Tensor zero_point_tensor(const Quantisation& quantisation) {
  switch (quantisation.type) {
    case ElementType::kInt8: return zero_points_as<std::int8_t>(quantisation);
    case ElementType::kUInt8: return zero_points_as<std::uint8_t>(quantisation);
    case ElementType::kInt32: return zero_points_as<std::int32_t>(quantisation);
    default: GATEFOLD_REQUIRE(false);
  }
}

Result<Tensor> real(const TypedValue& value) {
  GATEFOLD_REQUIRE(value.constant.has_value());
  if (!value.dequantise) return *value.constant;
  const bool splat = value.constant->is_splat() && value.dequantise->per_tensor();
  const std::int64_t elements = value.fact.shape.elements();
  if (!splat && elements > kFoldedElementsMax) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("'{}': dequantising it before the run would store {} constant elements, want at most {}", value.name, elements,
                             kFoldedElementsMax)};
  }
  const Tensor scale = scale_tensor(*value.dequantise);
  const Tensor zero_point = zero_point_tensor(*value.dequantise);
  auto results = evaluate(Dequantize{value.dequantise->axis}, std::array{&*value.constant, &scale, &zero_point});
  if (!results) return std::move(results).error().within(fmt::format("'{}'", value.name));
  return std::move(results).value().front();
}

Quantisation quantisation_of(const Node& node, const TypedValues& values) {
  const auto constant = [&](std::size_t i) -> const Tensor& { return *values.at(node.inputs.at(i)->at()).constant; };
  const bool dequantises = std::holds_alternative<Dequantize>(node.op);
  GATEFOLD_REQUIRE(dequantises || std::holds_alternative<Quantize>(node.op));
  Quantisation quantisation;
  quantisation.type = values.at(dequantises ? node.inputs[0]->at() : node.outputs[0].at()).fact.type;
  quantisation.axis = dequantises ? std::get<Dequantize>(node.op).axis : std::get<Quantize>(node.op).axis;
  const Tensor& scale = constant(1);
  const bool has_zero_point = node.inputs.size() > 2 && node.inputs[2].has_value();
  quantisation.scale = elements_as<float>(scale);
  if (has_zero_point) quantisation.zero_point = elements_as<std::int32_t>(constant(2));
  else quantisation.zero_point.assign(quantisation.scale.size(), 0);
  return quantisation;
}

}  // namespace gatefold
