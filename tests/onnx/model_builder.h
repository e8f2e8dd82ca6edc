// ONNX files in code: the least a file needs, with everything left open for a test to break.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gatefold/onnx/import.h"

namespace gatefold::onnx_test {

using Dims = std::vector<std::int64_t>;
using Names = std::vector<std::string>;

inline void set_type(::onnx::ValueInfoProto& value, const Dims& dims, int type) {
  auto* tensor = value.mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(type);
  tensor->mutable_shape();
  for (const std::int64_t dim : dims) tensor->mutable_shape()->add_dim()->set_dim_value(dim);
}

inline ::onnx::TensorProto tensor(const std::string& name, const Dims& dims, int type) {
  ::onnx::TensorProto proto;
  proto.set_name(name);
  proto.set_data_type(type);
  for (const std::int64_t dim : dims) proto.add_dims(dim);
  return proto;
}

inline ::onnx::TensorProto float_tensor(const std::string& name, const Dims& dims, const std::vector<float>& values) {
  ::onnx::TensorProto proto = tensor(name, dims, ::onnx::TensorProto::FLOAT);
  for (const float value : values) proto.add_float_data(value);
  return proto;
}

inline ::onnx::TensorProto int_tensor(const std::string& name, const Dims& dims, const std::vector<std::int64_t>& values) {
  ::onnx::TensorProto proto = tensor(name, dims, ::onnx::TensorProto::INT64);
  for (const std::int64_t value : values) proto.add_int64_data(value);
  return proto;
}

/// A node and the ways to give it attributes.
struct NodeBuilder {
  ::onnx::NodeProto* proto;

  ::onnx::AttributeProto* attribute(const std::string& name, ::onnx::AttributeProto::AttributeType type) {
    auto* attribute = proto->add_attribute();
    attribute->set_name(name);
    attribute->set_type(type);
    return attribute;
  }
  NodeBuilder& integer(const std::string& name, std::int64_t value) {
    attribute(name, ::onnx::AttributeProto::INT)->set_i(value);
    return *this;
  }
  NodeBuilder& number(const std::string& name, float value) {
    attribute(name, ::onnx::AttributeProto::FLOAT)->set_f(value);
    return *this;
  }
  NodeBuilder& text(const std::string& name, const std::string& value) {
    attribute(name, ::onnx::AttributeProto::STRING)->set_s(value);
    return *this;
  }
  NodeBuilder& integers(const std::string& name, const Dims& values) {
    auto* list = attribute(name, ::onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) list->add_ints(value);
    return *this;
  }
  NodeBuilder& numbers(const std::string& name, const std::vector<float>& values) {
    auto* list = attribute(name, ::onnx::AttributeProto::FLOATS);
    for (const float value : values) list->add_floats(value);
    return *this;
  }
  NodeBuilder& tensor(const std::string& name, const ::onnx::TensorProto& value) {
    *attribute(name, ::onnx::AttributeProto::TENSOR)->mutable_t() = value;
    return *this;
  }
  NodeBuilder& named(const std::string& name) {
    proto->set_name(name);
    return *this;
  }
};

class ModelBuilder {
 public:
  explicit ModelBuilder(std::int64_t opset) {
    proto.set_ir_version(8);
    proto.add_opset_import()->set_version(opset);
    proto.mutable_graph()->set_name("graph");
  }
  ModelBuilder& input(const std::string& name, const Dims& dims = {1, 2, 4, 4}, int type = ::onnx::TensorProto::FLOAT) {
    auto* value = proto.mutable_graph()->add_input();
    value->set_name(name);
    set_type(*value, dims, type);
    return *this;
  }
  ModelBuilder& output(const std::string& name) {
    auto* value = proto.mutable_graph()->add_output();
    value->set_name(name);
    set_type(*value, {}, ::onnx::TensorProto::FLOAT);
    return *this;
  }
  ModelBuilder& constant(const ::onnx::TensorProto& tensor) {
    *proto.mutable_graph()->add_initializer() = tensor;
    return *this;
  }
  NodeBuilder node(const std::string& type, const Names& inputs, const Names& outputs) {
    auto* node = proto.mutable_graph()->add_node();
    node->set_op_type(type);
    for (const std::string& name : inputs) node->add_input(name);
    for (const std::string& name : outputs) node->add_output(name);
    return {node};
  }
  [[nodiscard]] std::string bytes() const { return proto.SerializeAsString(); }
  [[nodiscard]] Result<Model> import() const { return import_bytes(bytes()); }

  [[nodiscard]] static Result<Model> import_bytes(const std::string& text) {
    return import_onnx(std::as_bytes(std::span(text.data(), text.size())), "net");
  }

  ::onnx::ModelProto proto;
};

/// Inputs named in `inputs`, one node of `type` reading them, output "y".
inline ModelBuilder one_node(std::int64_t opset, const std::string& type, const Names& inputs = {"x"}) {
  ModelBuilder builder(opset);
  for (const std::string& name : inputs) {
    if (!name.empty()) builder.input(name);
  }
  builder.output("y");
  builder.node(type, inputs, {"y"});
  return builder;
}

/// The node that `one_node` made.
inline NodeBuilder node_of(ModelBuilder& builder) { return {builder.proto.mutable_graph()->mutable_node(0)}; }

/// A small network with every kind of part: convolution, pool, constants, several types; opset 13.
inline ModelBuilder small_network() {
  ModelBuilder builder(13);
  builder.input("x", {1, 2, 4, 4}).output("y");
  builder.constant(float_tensor("w", {2, 2, 1, 1}, {1, 2, 3, 4}));
  builder.constant(int_tensor("shape", {2}, {1, -1}));
  builder.constant(float_tensor("low", {}, {0}));
  builder.constant(float_tensor("scale", {}, {0.5F}));
  builder.node("Conv", {"x", "w"}, {"c"}).named("conv").integers("kernel_shape", {1, 1}).integers("pads", {0, 0, 0, 0});
  builder.node("Clip", {"c", "low"}, {"r"}).named("clip");
  builder.node("MaxPool", {"r"}, {"p"}).named("pool").integers("kernel_shape", {2, 2}).integers("strides", {2, 2});
  builder.node("Reshape", {"p", "shape"}, {"f"}).named("flat");
  builder.node("Softmax", {"f"}, {"s"}).named("softmax").integer("axis", 1);
  builder.node("QuantizeLinear", {"s", "scale"}, {"q"}).named("quantise");
  builder.node("DequantizeLinear", {"q", "scale"}, {"y"}).named("dequantise");
  return builder;
}

}  // namespace gatefold::onnx_test
