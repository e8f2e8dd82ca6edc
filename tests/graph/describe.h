// A LayerGraph as text that a test can compare, one line per layer:
//   dot conv: Conv(x~, c:int8~, c:int32~) Relu Q -> q:int8 integer
// "~" is dequantised as it is read, "c" a constant, "x[1,4]" an activation seen under another shape than its own.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>

#include "gatefold/graph/layer_graph.h"

namespace gatefold::test {

inline std::string describe(const LayerGraph& graph, const Operand& operand) {
  std::string text;
  if (operand.tensor) {
    const Activation& activation = graph.activation(*operand.tensor);
    text = activation.name;
    if (operand.shape != activation.shape) text += operand.shape.text();
  } else {
    text = fmt::format("c:{}", name(operand.type));
  }
  return operand.dequantise ? text + "~" : text;
}

inline std::string describe(const LayerGraph& graph) {
  std::string text;
  for (const Layer& layer : graph.layers) {
    const char* kind = layer.kind == LayerKind::kDot ? "dot" : layer.kind == LayerKind::kVector ? "vector" : "move";
    std::vector<std::string> inputs;
    for (const Operand& operand : layer.inputs) inputs.push_back(describe(graph, operand));
    std::vector<std::string> outputs;
    for (const TensorId output : layer.outputs)
      outputs.push_back(fmt::format("{}:{}", graph.activation(output).name, name(layer.output_type)));
    text += fmt::format("{} {}: {}({})", kind, layer.name, name(layer.op), fmt::join(inputs, ", "));
    if (layer.epilogue.activation) text += fmt::format(" {}", name(Operator(*layer.epilogue.activation)));
    if (layer.epilogue.quantise) text += " Q";
    text += fmt::format(" -> {}{}\n", fmt::join(outputs, ", "), layer.integer ? " integer" : "");
  }
  for (const NetworkOutput& output : graph.outputs) {
    text += fmt::format("output {}: {}{}\n", output.name, graph.activation(output.tensor).name, output.shape.text());
  }
  return text;
}

}  // namespace gatefold::test
