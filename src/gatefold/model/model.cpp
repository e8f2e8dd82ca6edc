#include "gatefold/model/model.h"

#include <fmt/format.h>

namespace gatefold {
namespace {

Error broken(std::string message) { return Error{ErrorCode::kInvalidInput, std::move(message)}; }

}  // namespace

Status verify(const Model& model) {
  const auto count = static_cast<std::int32_t>(model.values.size());
  const auto in_range = [count](ValueId id) { return id.index() >= 0 && id.index() < count; };
  std::vector<char> defined(model.values.size(), 0);
  for (std::size_t i = 0; i < model.values.size(); ++i) defined[i] = model.values[i].constant.has_value() ? 1 : 0;
  for (const Input& input : model.inputs) {
    if (!in_range(input.value)) return broken(fmt::format("input: value {} is out of range", input.value.index()));
    if (defined[input.value.at()]++) return broken(fmt::format("input '{}' is defined twice", model.value(input.value).name));
  }
  for (const Node& node : model.nodes) {
    for (const auto& input : node.inputs) {
      if (!input) continue;
      if (!in_range(*input)) return broken(fmt::format("node '{}': value {} is out of range", node.name, input->index()));
      if (!defined[input->at()]) {
        return broken(fmt::format("node '{}': input '{}' is computed later or never", node.name, model.value(*input).name));
      }
    }
    if (node.outputs.empty()) return broken(fmt::format("node '{}' has no output", node.name));
    for (const ValueId output : node.outputs) {
      if (!in_range(output)) return broken(fmt::format("node '{}': value {} is out of range", node.name, output.index()));
      if (defined[output.at()]++) {
        return broken(fmt::format("node '{}': output '{}' is defined twice", node.name, model.value(output).name));
      }
    }
  }
  if (model.outputs.empty()) return broken("the network has no output");
  for (const ValueId output : model.outputs) {
    if (!in_range(output)) return broken(fmt::format("output: value {} is out of range", output.index()));
    if (!defined[output.at()]) return broken(fmt::format("output '{}' is never computed", model.value(output).name));
  }
  return Done{};
}

}  // namespace gatefold
