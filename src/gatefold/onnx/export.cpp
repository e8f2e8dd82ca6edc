// One message, filled in the order of the model: inputs, constants, nodes, outputs. Attributes are written even where they
// have ONNX's default value, so that a reader needs no table of defaults.
#include "gatefold/onnx/export.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

#include <array>
#include <exception>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "gatefold/onnx/file.h"

namespace gatefold {
namespace {

constexpr std::int64_t kOpset = 13;
constexpr std::int64_t kIrVersion = 7;  // the one that came with opset 13

int data_type(ElementType type) {
  switch (type) {
    case ElementType::kFloat32: return ::onnx::TensorProto::FLOAT;
    case ElementType::kFloat64: return ::onnx::TensorProto::DOUBLE;
    case ElementType::kInt8: return ::onnx::TensorProto::INT8;
    case ElementType::kUInt8: return ::onnx::TensorProto::UINT8;
    case ElementType::kInt16: return ::onnx::TensorProto::INT16;
    case ElementType::kUInt16: return ::onnx::TensorProto::UINT16;
    case ElementType::kInt32: return ::onnx::TensorProto::INT32;
    case ElementType::kInt64: return ::onnx::TensorProto::INT64;
    case ElementType::kBool: return ::onnx::TensorProto::BOOL;
  }
  GATEFOLD_REQUIRE(false);
}

/// A node under construction and its attributes. Each operator writes its own and says what ONNX calls it; nullopt: it is
/// not exported.
class NodeWriter {
 public:
  NodeWriter(::onnx::NodeProto& proto, std::size_t input_count) : proto_(&proto), input_count_(input_count) {}

  std::optional<std::string> operator()(const Conv& conv) {
    window(conv.window);
    integers("dilations", conv.window.dilation);
    integer("group", conv.group);
    return "Conv";
  }
  std::optional<std::string> operator()(const MatMul& product) {
    if (input_count_ == 2 && product == MatMul{}) return "MatMul";
    integer("transA", product.transpose_a ? 1 : 0);
    integer("transB", product.transpose_b ? 1 : 0);
    number("alpha", product.alpha);
    number("beta", product.beta);
    return "Gemm";
  }
  std::optional<std::string> operator()(const Pool& pool) {
    if (!pool.global) {
      window(pool.window);
      const bool dilated = pool.window.dilation != std::array<std::int64_t, 2>{1, 1};
      if (pool.kind == PoolKind::kMax) integers("dilations", pool.window.dilation);
      else if (dilated) return std::nullopt;  // an attribute since opset 19
      integer("ceil_mode", pool.ceil_mode ? 1 : 0);
      if (pool.kind == PoolKind::kAverage) integer("count_include_pad", pool.count_include_pad ? 1 : 0);
    }
    return std::string(name(Operator(pool)));
  }
  std::optional<std::string> operator()(const Unary& unary) {
    switch (unary.kind) {
      case UnaryKind::kLeakyRelu:  // parameters, each in its own way
      case UnaryKind::kClip:
      case UnaryKind::kHardSigmoid:
      case UnaryKind::kElu:
      case UnaryKind::kHardSwish:  // an operator since opset 14
        return std::nullopt;
      default: return std::string(name(Operator(unary)));
    }
  }
  std::optional<std::string> operator()(const Binary& binary) { return std::string(name(Operator(binary))); }
  std::optional<std::string> operator()(const Softmax& softmax) {
    if (softmax.flatten) return std::nullopt;  // the form before opset 13
    integer("axis", softmax.axis);
    return std::string(name(Operator(softmax)));
  }
  std::optional<std::string> operator()(const Quantize& quantize) {
    integer("axis", quantize.axis);
    return "QuantizeLinear";
  }
  std::optional<std::string> operator()(const Dequantize& dequantize) {
    integer("axis", dequantize.axis);
    return "DequantizeLinear";
  }
  std::optional<std::string> operator()(const Flatten& flatten) {
    integer("axis", flatten.axis);
    return "Flatten";
  }
  template <class Other>
  std::optional<std::string> operator()(const Other& /*op*/) {
    return std::nullopt;
  }

 private:
  ::onnx::AttributeProto& attribute(const char* name, ::onnx::AttributeProto::AttributeType type) {
    auto& attribute = *proto_->add_attribute();
    attribute.set_name(name);
    attribute.set_type(type);
    return attribute;
  }
  void integer(const char* name, std::int64_t value) { attribute(name, ::onnx::AttributeProto::INT).set_i(value); }
  void number(const char* name, float value) { attribute(name, ::onnx::AttributeProto::FLOAT).set_f(value); }
  template <std::size_t count>
  void integers(const char* name, const std::array<std::int64_t, count>& values) {
    auto& list = attribute(name, ::onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) list.add_ints(value);
  }
  void window(const Window& window) {
    if (window.kernel != std::array<std::int64_t, 2>{0, 0}) integers("kernel_shape", window.kernel);
    integers("strides", window.stride);
    switch (window.auto_pad) {
      case AutoPad::kExplicit: return integers("pads", window.pads);
      case AutoPad::kSameUpper: return text("auto_pad", "SAME_UPPER");
      case AutoPad::kSameLower: return text("auto_pad", "SAME_LOWER");
      case AutoPad::kValid: return text("auto_pad", "VALID");
    }
  }
  void text(const char* name, const char* value) { attribute(name, ::onnx::AttributeProto::STRING).set_s(value); }

  ::onnx::NodeProto* proto_;
  std::size_t input_count_;
};

void write_input(const Model& model, const Input& input, ::onnx::ValueInfoProto& proto) {
  proto.set_name(model.value(input.value).name);
  auto& tensor = *proto.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(data_type(input.type));
  tensor.mutable_shape();
  for (const Extent& extent : input.shape) {
    auto& dim = *tensor.mutable_shape()->add_dim();
    if (extent.symbol.empty()) dim.set_dim_value(extent.count);
    else if (extent.symbol.front() != '?') dim.set_dim_param(extent.symbol);  // "?..": unnamed, and so it stays
  }
}

void write_constant(const Value& value, ::onnx::TensorProto& proto) {
  const Tensor tensor = value.constant->dense();
  proto.set_name(value.name);
  proto.set_data_type(data_type(tensor.type()));
  for (const std::int64_t dim : tensor.shape().dims()) proto.add_dims(dim);
  const auto size = static_cast<std::size_t>(tensor.shape().elements() * element_size(tensor.type()));
  proto.set_raw_data(tensor.view().bytes, size);
}

Status write_node(const Model& model, const Node& node, ::onnx::NodeProto& proto) {
  proto.set_name(node.name);
  for (const auto& input : node.inputs) proto.add_input(input ? model.value(*input).name : "");
  for (const ValueId output : node.outputs) proto.add_output(model.value(output).name);
  const auto type = std::visit(NodeWriter(proto, node.inputs.size()), node.op);
  if (!type) {
    return Error{ErrorCode::kUnsupported, fmt::format("node '{}' ({}): the operator is not exported", node.name, name(node.op))};
  }
  proto.set_op_type(*type);
  return Done{};
}

Status write_outputs(const Model& model, ::onnx::ModelProto& proto) {
  auto& graph = *proto.mutable_graph();
  for (const ValueId output : model.outputs) graph.add_output()->set_name(model.value(output).name);
  try {
    ::onnx::shape_inference::InferShapes(proto);
  } catch (const std::exception& exception) {
    return Error{ErrorCode::kInvalidInput, fmt::format("shapes cannot be inferred: {}", exception.what())};
  }
  graph.clear_value_info();  // shapes in between follow from the rest
  for (const auto& output : graph.output()) {
    if (output.type().tensor_type().has_shape()) continue;
    return Error{ErrorCode::kInvalidInput, fmt::format("output '{}': its shape does not follow from the inputs", output.name())};
  }
  return Done{};
}

Result<std::string> serialised(const ::onnx::ModelProto& proto) {
  const std::size_t size = proto.ByteSizeLong();
  if (std::cmp_greater(size, onnx_file::kFileBytesMax)) {
    return Error{ErrorCode::kUnsupported, fmt::format("the file would have {} bytes, want at most {}", size, onnx_file::kFileBytesMax)};
  }
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    proto.SerializeToCodedStream(&coded);
  }
  return bytes;
}

}  // namespace

Result<std::string> export_onnx(const Model& model) {
  GATEFOLD_CHECK(verify(model));
  ::onnx::ModelProto proto;
  proto.set_ir_version(kIrVersion);
  proto.set_producer_name("gatefold");
  proto.add_opset_import()->set_version(kOpset);
  auto& graph = *proto.mutable_graph();
  graph.set_name(model.name);
  for (const Input& input : model.inputs) write_input(model, input, *graph.add_input());
  for (const Value& value : model.values) {
    if (value.constant) write_constant(value, *graph.add_initializer());
  }
  for (const Node& node : model.nodes) GATEFOLD_CHECK(write_node(model, node, *graph.add_node()));
  GATEFOLD_CHECK(write_outputs(model, proto));
  return serialised(proto);
}

}  // namespace gatefold
