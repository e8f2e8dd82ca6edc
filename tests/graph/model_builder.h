// Networks written in test code: values and nodes are added in topological order and named as they come.
#pragma once

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "gatefold/model/model.h"

namespace gatefold::test {

class ModelBuilder {
 public:
  ModelBuilder() { model_.name = "net"; }

  ValueId input(const std::string& name, const Shape& shape, ElementType type = ElementType::kFloat32) {
    std::vector<Extent> extents;
    for (const std::int64_t dim : shape.dims()) extents.push_back({dim, ""});
    return input(name, extents, type);
  }
  ValueId input(const std::string& name, std::vector<Extent> extents, ElementType type = ElementType::kFloat32) {
    const ValueId id = add(name, std::nullopt);
    model_.inputs.push_back({id, type, std::move(extents)});
    return id;
  }
  ValueId constant(Tensor tensor) {
    const std::string name = "constant" + std::to_string(model_.values.size());
    return add(name, std::move(tensor));
  }
  ValueId integers(std::vector<std::int64_t> values) {
    return constant(Tensor::of<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values));
  }
  /// Uniform values in [-1, 1), from the seed of this builder's constants so far.
  ValueId weights(const Shape& shape) { return constant(random_tensor(ElementType::kFloat32, shape, model_.values.size())); }

  /// A node with one output, both called `name`.
  ValueId node(const std::string& name, Operator op, std::vector<std::optional<ValueId>> inputs) {
    return node(name, std::move(op), std::move(inputs), 1).front();
  }
  std::vector<ValueId> node(const std::string& name, Operator op, std::vector<std::optional<ValueId>> inputs, std::size_t outputs) {
    Node made{name, std::move(op), std::move(inputs), {}};
    for (std::size_t i = 0; i < outputs; ++i) made.outputs.push_back(add(i == 0 ? name : name + ":" + std::to_string(i), std::nullopt));
    model_.nodes.push_back(made);
    return made.outputs;
  }
  ValueId relu(const std::string& name, ValueId x) { return node(name, Unary{UnaryKind::kRelu}, {x}); }
  ValueId quantize(const std::string& name, ValueId x, float scale, std::int8_t zero_point = 0) {
    return node(name, Quantize{}, {x, scalar(scale), constant(Tensor::of<std::int8_t>(Shape{}, {zero_point}))});
  }
  ValueId dequantize(const std::string& name, ValueId x, float scale, std::int8_t zero_point = 0) {
    return node(name, Dequantize{}, {x, scalar(scale), constant(Tensor::of<std::int8_t>(Shape{}, {zero_point}))});
  }
  /// int8 weights behind a dequantise node, one scale per index of `axis`.
  ValueId quantised_weights(const std::string& name, const Shape& shape, std::vector<float> scale, std::int64_t axis = 0) {
    const ValueId stored = constant(random_tensor(ElementType::kInt8, shape, model_.values.size()));
    const bool one = scale.size() == 1;
    const Shape parameters = one ? Shape{} : Shape{static_cast<std::int64_t>(scale.size())};
    return node(name, Dequantize{axis}, {stored, constant(Tensor::of<float>(parameters, scale))});
  }
  /// An int32 bias behind a dequantise node.
  ValueId quantised_bias(const std::string& name, std::int64_t count, std::vector<float> scale) {
    std::vector<std::int32_t> values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<std::int32_t>(100 * i - 150));
    const Shape parameters = scale.size() == 1 ? Shape{} : Shape{static_cast<std::int64_t>(scale.size())};
    return node(name, Dequantize{0},
                {constant(Tensor::of<std::int32_t>(Shape{count}, values)), constant(Tensor::of<float>(parameters, scale))});
  }
  ValueId scalar(float value) { return constant(Tensor::of<float>(Shape{}, {value})); }

  ModelBuilder& output(ValueId id) {
    model_.outputs.push_back(id);
    return *this;
  }
  [[nodiscard]] const Model& model() const { return model_; }

  /// Seeded values: float32 in [-1, 1), int8 and uint8 over their whole range.
  static Tensor random_tensor(ElementType type, const Shape& shape, std::size_t seed) {
    std::mt19937 generator(static_cast<std::mt19937::result_type>(seed * 2654435761U + 1));
    const auto count = static_cast<std::size_t>(shape.elements());
    if (type == ElementType::kFloat32) {
      std::uniform_real_distribution<float> uniform(-1, 1);
      std::vector<float> values(count);
      for (float& value : values) value = uniform(generator);
      return Tensor::of<float>(shape, values);
    }
    std::uniform_int_distribution<int> uniform(0, 255);
    std::vector<std::uint8_t> bytes(count);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(uniform(generator));
    if (type == ElementType::kUInt8) return Tensor::of<std::uint8_t>(shape, bytes);
    GATEFOLD_REQUIRE(type == ElementType::kInt8);
    std::vector<std::int8_t> values(bytes.begin(), bytes.end());
    return Tensor::of<std::int8_t>(shape, values);
  }

 private:
  ValueId add(const std::string& name, std::optional<Tensor> constant) {
    model_.values.push_back({name, std::move(constant)});
    return ValueId(model_.values.size() - 1);
  }

  Model model_;
};

}  // namespace gatefold::test
