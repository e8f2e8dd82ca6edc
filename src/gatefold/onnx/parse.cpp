// Protobuf bytes -> the plain form of file.h. Nothing here knows what an operator means.
#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "gatefold/onnx/file.h"
#include "gatefold/onnx/tensors.h"
#include "gatefold/onnx/wire.h"

namespace gatefold::onnx_file {
namespace {

constexpr std::int64_t kIrVersionMin = 3;  // the first that names the operator sets it uses

Error invalid(std::string message) { return Error{ErrorCode::kInvalidInput, std::move(message)}; }
Error unsupported(std::string message) { return Error{ErrorCode::kUnsupported, std::move(message)}; }

bool is_default_domain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

Result<std::int64_t> opset_of(const ::onnx::ModelProto& model, const std::deque<FileNode>& nodes) {
  const ::onnx::OperatorSetIdProto* found = nullptr;
  for (const auto& import : model.opset_import()) {
    if (!is_default_domain(import.domain())) continue;
    if (found != nullptr) return invalid("the default operator set is imported twice");
    found = &import;
  }
  const bool needed =
      nodes.empty() || std::any_of(nodes.begin(), nodes.end(), [](const auto& node) { return is_default_domain(node.domain); });
  if (found == nullptr && !needed) {
    return unsupported(fmt::format("every operator is of a domain like '{}', want the default domain", printable(nodes[0].domain)));
  }
  if (found == nullptr) return invalid("the file does not import the default operator set, so its operators have no version");
  if (found->version() < kOpsetMin || found->version() > kOpsetMax) {
    return unsupported(fmt::format("opset {}, want {} to {}", found->version(), kOpsetMin, kOpsetMax));
  }
  return found->version();
}

std::string_view kind_text(::onnx::AttributeProto::AttributeType type) {
  switch (type) {
    case ::onnx::AttributeProto::GRAPH: return "a subgraph";
    case ::onnx::AttributeProto::GRAPHS: return "a list of subgraphs";
    case ::onnx::AttributeProto::SPARSE_TENSOR: return "a sparse tensor";
    case ::onnx::AttributeProto::SPARSE_TENSORS: return "a list of sparse tensors";
    case ::onnx::AttributeProto::TENSORS: return "a list of tensors";
    case ::onnx::AttributeProto::TYPE_PROTO: return "a type";
    case ::onnx::AttributeProto::TYPE_PROTOS: return "a list of types";
    default: return "of an unknown kind";
  }
}

Result<AttributeValue> attribute_from(const ::onnx::AttributeProto& proto) {
  using Proto = ::onnx::AttributeProto;
  if (!proto.ref_attr_name().empty()) return unsupported("refers to an attribute of a function, which is not supported");
  const auto missing = [](std::string_view what) { return invalid(fmt::format("says it is {} but holds none", what)); };
  switch (proto.type()) {
    case Proto::INT:
      if (!proto.has_i()) return missing("an integer");
      return AttributeValue(proto.i());
    case Proto::FLOAT:
      if (!proto.has_f()) return missing("a number");
      return AttributeValue(proto.f());
    case Proto::STRING:
      if (!proto.has_s()) return missing("a string");
      return AttributeValue(proto.s());
    case Proto::TENSOR: {
      if (!proto.has_t()) return missing("a tensor");
      GATEFOLD_TRY(Tensor tensor, tensor_from(proto.t()));
      return AttributeValue(std::move(tensor));
    }
    case Proto::INTS: return AttributeValue(std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end()));
    case Proto::FLOATS: return AttributeValue(std::vector<float>(proto.floats().begin(), proto.floats().end()));
    case Proto::STRINGS: return AttributeValue(std::vector<std::string>(proto.strings().begin(), proto.strings().end()));
    default: return unsupported(fmt::format("is {}, which is not supported", kind_text(proto.type())));
  }
}

using Functions = std::set<std::pair<std::string_view, std::string_view>>;  // domain, name

FileNode node_from(const ::onnx::NodeProto& proto) {
  FileNode node;
  node.type = proto.op_type();
  node.domain = proto.domain();
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  node.name = proto.name();
  if (node.name.empty() && !node.outputs.empty()) node.name = node.outputs.front();
  if (node.name.empty()) node.name = node.type;
  return node;
}

/// Errors do not name the node.
Status add_attributes(const ::onnx::NodeProto& proto, FileNode& node) {
  for (const auto& attribute : proto.attribute()) {
    auto value = attribute_from(attribute);
    if (!value) return std::move(value).error().within(fmt::format("attribute '{}'", printable(attribute.name())));
    if (!node.attributes.emplace(attribute.name(), std::move(value).value()).second) {
      return invalid(fmt::format("attribute '{}' is given twice", printable(attribute.name())));
    }
  }
  return Done{};
}

Status check_domain(const FileNode& node, const Functions& functions) {
  if (functions.contains({node.domain, node.type})) return unsupported("the operator is a function of the file, which is not supported");
  if (is_default_domain(node.domain)) return Done{};
  return unsupported(
      fmt::format("operator '{}' of domain '{}' is not supported, want the default domain", printable(node.type), printable(node.domain)));
}

Result<std::vector<Extent>> extents_from(const ::onnx::TensorShapeProto& proto) {
  if (proto.dim_size() > Shape::kRankMax) {
    return unsupported(fmt::format("rank {}, want at most {}", proto.dim_size(), Shape::kRankMax));
  }
  std::vector<Extent> extents;
  std::int64_t bytes = 8;  // of the widest element type
  for (const auto& dim : proto.dim()) {
    Extent extent;
    if (dim.has_dim_value()) {
      extent.count = dim.dim_value();
      if (extent.count == -1) {
        // What several exporters write for an extent they do not know.
        extents.push_back({0, fmt::format("?{}", extents.size())});
        continue;
      }
      if (extent.count < 0) return invalid(fmt::format("extent {} of axis {} is negative", extent.count, extents.size()));
      if (extent.count > 0 && __builtin_mul_overflow(bytes, extent.count, &bytes)) {
        return invalid("its extents make more than 2^63 bytes");
      }
    } else {
      extent.symbol = dim.dim_param().empty() ? fmt::format("?{}", extents.size()) : dim.dim_param();
    }
    extents.push_back(std::move(extent));
  }
  return extents;
}

Result<FileInput> input_from(const ::onnx::ValueInfoProto& proto) {
  if (!proto.type().has_tensor_type()) return unsupported("it is not declared as a tensor");
  const auto& type = proto.type().tensor_type();
  if (!type.has_shape()) return unsupported("it declares no shape, so not even its rank is known");
  FileInput input;
  input.name = proto.name();
  GATEFOLD_TRY(input.type, element_type(type.elem_type()));
  GATEFOLD_TRY(input.shape, extents_from(type.shape()));
  return input;
}

Status add_constant(const ::onnx::TensorProto& initialiser, const RawBytes& raw, File& file) {
  if (initialiser.name().empty()) return invalid("an initialiser has no name");
  auto tensor = tensor_from(initialiser, raw);
  if (!tensor) return std::move(tensor).error().within(fmt::format("tensor '{}'", printable(initialiser.name())));
  file.constants.push_back({initialiser.name(), std::move(tensor).value()});
  return Done{};
}

Status fill_values(const ::onnx::GraphProto& graph, const Status& constants_read, File& file) {
  if (graph.sparse_initializer_size() > 0) {
    return unsupported(
        fmt::format("initialiser '{}' is sparse, which is not supported", printable(graph.sparse_initializer(0).values().name())));
  }
  GATEFOLD_CHECK(constants_read);
  std::set<std::string_view> constants;
  for (const Value& constant : file.constants) constants.insert(constant.name);
  for (const auto& value : graph.input()) {
    if (value.name().empty()) return invalid("an input has no name");
    if (constants.contains(value.name())) continue;
    auto input = input_from(value);
    if (!input) return std::move(input).error().within(fmt::format("input '{}'", printable(value.name())));
    file.inputs.push_back(std::move(input).value());
  }
  for (const auto& value : graph.output()) file.outputs.push_back(value.name());
  return Done{};
}

}  // namespace

std::string printable(std::string_view text) {
  constexpr std::size_t kShown = 120;
  std::string shown(text.substr(0, kShown));
  for (char& letter : shown) {
    if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f) letter = '?';
  }
  if (text.size() > kShown) shown += "...";
  return shown;
}

std::string context(const FileNode& node, std::int64_t opset) {
  return fmt::format("node '{}' ({}, opset {})", printable(node.name), printable(node.type), opset);
}

Result<File> parse_model(const ByteSource& source) {
  ::onnx::ModelProto model;
  File file;
  // What is wrong with a node or a constant is told after what is wrong with the file as a whole, and only the first of each.
  std::optional<std::pair<std::size_t, Error>> broken;  // the first node whose attributes could not be read
  Status constants_read = Done{};
  const auto take_node = [&](const ::onnx::NodeProto& proto) {
    file.nodes.push_back(node_from(proto));
    if (broken) return;
    auto read = add_attributes(proto, file.nodes.back());
    if (!read) broken.emplace(file.nodes.size() - 1, std::move(read).error());
  };
  const auto take_initialiser = [&](const ::onnx::TensorProto& initialiser, const RawBytes& raw) {
    if (constants_read) constants_read = add_constant(initialiser, raw, file);
  };
  GATEFOLD_CHECK(read_message(source, model, {take_node, take_initialiser}));
  if (!model.has_ir_version()) return invalid("not an ONNX model: it has no IR version");
  if (model.ir_version() < kIrVersionMin) {
    return unsupported(fmt::format("IR version {}, want {} or later", model.ir_version(), kIrVersionMin));
  }
  GATEFOLD_TRY(file.opset, opset_of(model, file.nodes));
  if (file.nodes.empty()) return invalid("the graph has no nodes");
  if (model.graph().output_size() == 0) return invalid("the graph has no outputs");
  Functions functions;
  for (const auto& function : model.functions()) functions.insert({function.domain(), function.name()});
  for (std::size_t i = 0; i < file.nodes.size(); ++i) {
    auto status = check_domain(file.nodes[i], functions);
    if (status && broken && broken->first == i) status = broken->second;
    if (!status) return std::move(status).error().within(context(file.nodes[i], file.opset));
  }
  GATEFOLD_CHECK(fill_values(model.graph(), constants_read, file));
  return file;
}

Result<NamedTensor> parse_tensor(const ByteSource& source) {
  ::onnx::TensorProto proto;
  GATEFOLD_CHECK(read_message(source, proto));
  auto tensor = tensor_from(proto);
  if (!tensor) return std::move(tensor).error().within(fmt::format("tensor '{}'", printable(proto.name())));
  return NamedTensor{proto.name(), std::move(tensor).value()};
}

}  // namespace gatefold::onnx_file
