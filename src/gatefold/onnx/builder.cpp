#include "gatefold/onnx/builder.h"

namespace gatefold::onnx_file {
namespace {

/// nullptr if the attribute is absent. Requires: it is of kind T.
template <class T>
const T* attribute(const FileNode& node, std::string_view name) {
  const auto found = node.attributes.find(name);
  if (found == node.attributes.end()) return nullptr;
  const T* value = std::get_if<T>(&found->second);
  GATEFOLD_REQUIRE(value != nullptr);
  return value;
}

template <class T>
T attribute_or(const FileNode& node, std::string_view name, T otherwise) {
  const T* value = attribute<T>(node, name);
  return value != nullptr ? *value : std::move(otherwise);
}

}  // namespace

Builder::Builder(File& file, Names names, std::string name) : names_(std::move(names)) {
  model.name = std::move(name);
  model.opset = file.opset;
  model.nodes.reserve(file.nodes.size());
  node_names_.reserve(file.nodes.size());
  model.values = std::move(file.constants);  // names are looked up where they lie: the elements of a deque stay there
  for (std::size_t i = 0; i < model.values.size(); ++i) names_.at(model.values[i].name).id = ValueId(i);
}

ValueId Builder::add_value(const std::string& name, std::optional<Tensor> constant) {
  const ValueId id(model.values.size());
  auto& known = names_[name].id;
  GATEFOLD_REQUIRE(!known);
  known = id;
  model.values.push_back({name, std::move(constant)});
  return id;
}

const std::string& Builder::unique_value_name(const std::string& name) {
  const std::string* candidate = &name;
  while (!names_.try_emplace(*candidate).second) candidate = &numbered(name);
  return *candidate;
}

const std::string& Builder::unique_node_name(const std::string& name) {
  const std::string* candidate = &name;
  while (!node_names_.insert(*candidate).second) candidate = &numbered(name);
  return *candidate;
}

ValueId Builder::id(const std::string& name) const {
  const auto found = names_.find(name);
  GATEFOLD_REQUIRE(found != names_.end() && found->second.id);
  return *found->second.id;
}

bool Context::output_used(std::size_t index) const {
  return index < node_.outputs.size() && !node_.outputs[index].empty() && builder_.used(node_.outputs[index]);
}

std::optional<ValueId> Context::input(std::size_t index) const {
  if (index >= node_.inputs.size() || node_.inputs[index].empty()) return std::nullopt;
  return builder_.id(node_.inputs[index]);
}

Inputs Context::inputs(std::size_t count) const {
  Inputs ids;
  for (std::size_t i = 0; i < count; ++i) ids.push_back(input(i));
  return ids;
}

const Tensor* Context::constant(std::size_t index) const {
  const auto id = input(index);
  if (!id || !builder_.model.value(*id).constant) return nullptr;
  return &*builder_.model.value(*id).constant;
}

std::int64_t Context::integer(std::string_view name, std::int64_t otherwise) const { return attribute_or(node_, name, otherwise); }
float Context::number(std::string_view name, float otherwise) const { return attribute_or(node_, name, otherwise); }
std::string Context::text(std::string_view name, std::string_view otherwise) const {
  return attribute_or(node_, name, std::string(otherwise));
}
std::vector<std::int64_t> Context::integers(std::string_view name) const { return attribute_or(node_, name, std::vector<std::int64_t>{}); }
std::vector<float> Context::numbers(std::string_view name) const { return attribute_or(node_, name, std::vector<float>{}); }
const Tensor* Context::tensor(std::string_view name) const { return attribute<Tensor>(node_, name); }

ValueId Context::constant_input(std::string_view name, Tensor tensor) {
  const std::string& wanted = builder_.keep(fmt::format("{}.{}", printable(node_.name), name));
  return builder_.add_value(builder_.unique_value_name(wanted), std::move(tensor));
}

ValueId Context::constant_input(std::string_view name, const std::vector<std::int64_t>& values) {
  const Shape shape{static_cast<std::int64_t>(values.size())};
  return constant_input(name, Tensor::of<std::int64_t>(shape, std::span<const std::int64_t>(values)));
}

void Context::add_node(std::string name, Operator op, Inputs inputs, std::vector<ValueId> outputs) {
  while (!inputs.empty() && !inputs.back()) inputs.pop_back();
  builder_.model.nodes.push_back({std::move(name), std::move(op), std::move(inputs), std::move(outputs)});
}

Status Context::emit(Operator op, Inputs inputs, std::size_t outputs) {
  GATEFOLD_REQUIRE(outputs <= node_.outputs.size());
  std::vector<ValueId> ids;
  for (std::size_t i = 0; i < outputs; ++i) ids.push_back(builder_.add_value(node_.outputs[i], std::nullopt));
  add_node(builder_.unique_node_name(node_.name), std::move(op), std::move(inputs), std::move(ids));
  return Done{};
}

Status Context::emit_chain(BinaryKind kind) {
  if (node_.inputs.size() == 1) return emit(Identity{}, inputs(1));
  std::optional<ValueId> sum = input(0);
  for (std::size_t i = 1; i + 1 < node_.inputs.size(); ++i) {
    // A shortened name: the file's own may be long, and there may be many parts.
    const std::string& part = builder_.keep(fmt::format("{}.{}", printable(node_.name), i));
    const ValueId partial = builder_.add_value(builder_.unique_value_name(part), std::nullopt);
    add_node(builder_.unique_node_name(part), Binary{kind}, {sum, input(i)}, {partial});
    sum = partial;
  }
  return emit(Binary{kind}, {sum, input(node_.inputs.size() - 1)});
}

Status Context::define(Tensor constant) {
  builder_.add_value(node_.outputs.front(), std::move(constant));
  return Done{};
}

Error Context::error(ErrorCode code, std::string message) const { return Error{code, std::move(message)}.within(context(node_, opset_)); }

}  // namespace gatefold::onnx_file
