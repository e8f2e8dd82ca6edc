// The schemas of libonnx, and a table of what opset 18 changed.
//
// The linked library ends at opset 17 and answers a later one with its newest schema, silently. Opset 18 is therefore the
// schema of 17 with the changes listed here, for the operators that the model room can express.
// Based on: the ONNX changelog, "Version 18 of the default ONNX operator set".
#include "gatefold/onnx/schema.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <onnx/defs/schema.h>

#include <algorithm>
#include <optional>

namespace gatefold::onnx_file {
namespace {

constexpr int kSchemaOpsetMax = 17;  // what libonnx 1.12, the oldest that is supported, knows

Error invalid(std::string message) { return Error{ErrorCode::kInvalidInput, std::move(message)}; }

/// New attributes and inputs are all optional.
struct Change {
  std::string_view type;
  int inputs_max;
  std::string_view removed;  ///< attribute, or ""
  std::vector<std::pair<std::string_view, ::onnx::AttributeProto::AttributeType>> added;
};

const std::vector<Change>& changes_18() {
  using Proto = ::onnx::AttributeProto;
  static const std::vector<Change> changes{
      {"ReduceMean", 2, "axes", {{"noop_with_empty_axes", Proto::INT}}},
      {"ReduceMax", 2, "axes", {{"noop_with_empty_axes", Proto::INT}}},
      {"ReduceMin", 2, "axes", {{"noop_with_empty_axes", Proto::INT}}},
      {"Split", 2, "", {{"num_outputs", Proto::INT}}},
      {"Pad", 4, "", {}},
      {"Resize", 4, "", {{"antialias", Proto::INT}, {"axes", Proto::INTS}, {"keep_aspect_ratio_policy", Proto::STRING}}},
  };
  return changes;
}

/// What the opset changed in the operator; nullptr if nothing.
const Change* change_of(const ::onnx::OpSchema& schema, std::int64_t opset) {
  if (opset < 18) return nullptr;
  const auto& changes = changes_18();
  const auto found = std::find_if(changes.begin(), changes.end(), [&](const Change& change) { return change.type == schema.Name(); });
  return found == changes.end() ? nullptr : &*found;
}

/// What the schema says about attributes, as changed.
class Attributes {
 public:
  Attributes(const ::onnx::OpSchema& schema, const Change* change) : schema_(schema), change_(change) {}

  [[nodiscard]] std::optional<::onnx::AttributeProto::AttributeType> type_of(const std::string& name) const {
    for (std::size_t i = 0; change_ != nullptr && i < change_->added.size(); ++i) {
      if (change_->added[i].first == name) return change_->added[i].second;
    }
    const auto known = schema_.attributes().find(name);
    if (known == schema_.attributes().end() || removed(name)) return std::nullopt;
    return known->second.type;
  }

  /// In the order of the alphabet.
  [[nodiscard]] std::vector<std::string_view> names() const {
    std::vector<std::string_view> names;
    for (const auto& attribute : schema_.attributes()) {
      if (!removed(attribute.first)) names.push_back(attribute.first);
    }
    for (std::size_t i = 0; change_ != nullptr && i < change_->added.size(); ++i) names.push_back(change_->added[i].first);
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  [[nodiscard]] bool removed(std::string_view name) const { return change_ != nullptr && change_->removed == name; }

  const ::onnx::OpSchema& schema_;
  const Change* change_;
};

Status check_count(std::string_view what, std::size_t found, int min, int max) {
  if (static_cast<std::int64_t>(found) >= min && static_cast<std::int64_t>(found) <= max) return Done{};
  if (min == max) return invalid(fmt::format("{} {}, want {}", found, what, min));
  if (max == INT32_MAX) return invalid(fmt::format("{} {}, want at least {}", found, what, min));
  return invalid(fmt::format("{} {}, want {} to {}", found, what, min, max));
}

/// Is entry `index` one that the schema lets a node leave out? Past the listed ones: the last is variadic, or new in 18.
bool optional_at(const std::vector<::onnx::OpSchema::FormalParameter>& parameters, std::size_t index) {
  if (index >= parameters.size()) return parameters.empty() || parameters.back().GetOption() != ::onnx::OpSchema::Variadic;
  return parameters[index].GetOption() == ::onnx::OpSchema::Optional;
}

Status check_required(const ::onnx::OpSchema& schema, const FileNode& node) {
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i].empty() && !optional_at(schema.inputs(), i)) return invalid(fmt::format("input {} is left out", i));
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i].empty() && !optional_at(schema.outputs(), i)) return invalid(fmt::format("output {} has no name", i));
  }
  return Done{};
}

::onnx::AttributeProto::AttributeType proto_type(const AttributeValue& value) {
  using Proto = ::onnx::AttributeProto;
  switch (static_cast<AttributeKind>(value.index())) {
    case AttributeKind::kInt: return Proto::INT;
    case AttributeKind::kFloat: return Proto::FLOAT;
    case AttributeKind::kString: return Proto::STRING;
    case AttributeKind::kTensor: return Proto::TENSOR;
    case AttributeKind::kInts: return Proto::INTS;
    case AttributeKind::kFloats: return Proto::FLOATS;
    case AttributeKind::kStrings: return Proto::STRINGS;
  }
  GATEFOLD_REQUIRE(false);
}

Status check_attributes(const ::onnx::OpSchema& schema, const Attributes& attributes, const FileNode& node) {
  for (const auto& [name, value] : node.attributes) {
    const auto known = attributes.type_of(name);
    if (!known) {
      const std::vector<std::string_view> names = attributes.names();
      const std::string wanted = names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
      return invalid(fmt::format("attribute '{}' is unknown, want {}", printable(name), wanted));
    }
    const auto type = proto_type(value);
    if (type != *known) {
      return invalid(fmt::format("attribute '{}' is {}, want {}", name, ::onnx::AttributeProto::AttributeType_Name(type),
                                 ::onnx::AttributeProto::AttributeType_Name(*known)));
    }
  }
  for (const auto& [name, attribute] : schema.attributes()) {
    if (attribute.required && !node.attributes.contains(name)) return invalid(fmt::format("attribute '{}' is missing", name));
  }
  return Done{};
}

Status check_against(const ::onnx::OpSchema& schema, const FileNode& node, std::int64_t opset) {
  if (schema.Deprecated()) return invalid(fmt::format("the operator is deprecated since opset {}", schema.SinceVersion()));
  const Change* change = change_of(schema, opset);
  GATEFOLD_CHECK(
      check_count("inputs", node.inputs.size(), schema.min_input(), change != nullptr ? change->inputs_max : schema.max_input()));
  GATEFOLD_CHECK(check_count("outputs", node.outputs.size(), schema.min_output(), schema.max_output()));
  GATEFOLD_CHECK(check_required(schema, node));
  return check_attributes(schema, Attributes(schema, change), node);
}

}  // namespace

Status check_form(const FileNode& node, std::int64_t opset) {
  const int version = static_cast<int>(std::min<std::int64_t>(opset, kSchemaOpsetMax));
  const ::onnx::OpSchema* schema = ::onnx::OpSchemaRegistry::Schema(node.type, version);
  if (schema == nullptr) return invalid("the operator does not exist in this opset").within(context(node, opset));
  auto status = check_against(*schema, node, opset);
  if (!status) return std::move(status).error().within(context(node, opset));
  return Done{};
}

}  // namespace gatefold::onnx_file
