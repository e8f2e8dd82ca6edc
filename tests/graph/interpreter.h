// Two ways to the same numbers: a Model node by node, and its LayerGraph layer by layer, both through `evaluate`
// (dequantise, float operator, quantise). What the passes of graph/ may change is rounding, and only where they fold.
// The layers can also go through the kernels that executors use, under either numeric contract.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gatefold/graph/layer_graph.h"
#include "gatefold/graph/shapes.h"
#include "gatefold/kernels/dot_kernel.h"
#include "gatefold/kernels/evaluate.h"

namespace gatefold::test {

inline Result<Tensor> evaluate_one(const Operator& op, const std::vector<Tensor>& inputs) {
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(input.shape() == Shape{0} ? nullptr : &input);
  GATEFOLD_TRY(std::vector<Tensor> results, evaluate(op, pointers));
  return results.front();
}

/// Every node in order, its operator in normal form and nothing else changed.
inline Result<std::vector<Tensor>> run_model(const Model& model, const std::vector<Tensor>& inputs) {
  TypedValues values;
  const auto set = [](TypedValue& value, const Tensor& tensor) {
    value.constant = tensor;
    value.fact = {tensor.type(), tensor.shape()};
  };
  for (const Value& value : model.values) {
    values.emplace_back().name = value.name;
    if (value.constant) set(values.back(), *value.constant);
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) set(values[model.inputs[i].value.at()], inputs[i]);
  for (Node node : model.nodes) {
    GATEFOLD_TRY(const Inferred inferred, infer(node, values));
    std::vector<const Tensor*> operands;
    for (const auto& id : node.inputs) operands.push_back(id ? &*values[id->at()].constant : nullptr);
    for (const auto& [position, tensor] : inferred.normal_inputs) {
      if (operands.size() <= position) operands.resize(position + 1, nullptr);
      operands[position] = &tensor;
    }
    auto results = evaluate(node.op, operands);
    if (!results) return std::move(results).error().within(node.name);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) set(values[node.outputs[i].at()], results.value()[i]);
  }
  std::vector<Tensor> outputs;
  for (const ValueId id : model.outputs) outputs.push_back(*values[id.at()].constant);
  return outputs;
}

/// The values an operand stands for.
inline Result<Tensor> read(const Operand& operand, const std::vector<Tensor>& stored) {
  const Tensor tensor = (operand.constant ? *operand.constant : stored[operand.tensor->at()]).reshaped(operand.shape);
  GATEFOLD_REQUIRE(tensor.type() == operand.type);
  if (!operand.dequantise) return tensor;
  return evaluate_one(Dequantize{operand.dequantise->axis},
                      {tensor, scale_tensor(*operand.dequantise), zero_point_tensor(*operand.dequantise)});
}

inline Result<Tensor> finish(const Layer& layer, Tensor result) {
  if (layer.epilogue.activation) {
    GATEFOLD_TRY(result, evaluate_one(*layer.epilogue.activation, {result}));
  }
  if (layer.epilogue.quantise) {
    const Quantisation& by = *layer.epilogue.quantise;
    GATEFOLD_TRY(result, evaluate_one(Quantize{by.axis}, {result, scale_tensor(by), zero_point_tensor(by)}));
  }
  GATEFOLD_REQUIRE(result.type() == layer.output_type);
  return result;
}

/// A dot layer as the convolution that its geometry says.
inline Result<Tensor> run_dot(const Layer& layer, const std::vector<Tensor>& operands) {
  const DotGeometry& dot = layer.dot;
  const Conv conv{Window{{dot.kh, dot.kw},
                         {dot.sh, dot.sw},
                         {dot.dh, dot.dw},
                         {dot.pad_top, dot.pad_left, dot.pad_bottom, dot.pad_right},
                         AutoPad::kExplicit},
                  dot.group};
  std::vector<Tensor> inputs = operands;
  inputs[0] = inputs[0].reshaped(Shape{dot.n, dot.ic, dot.ih, dot.iw});
  GATEFOLD_TRY(const Tensor result, evaluate_one(conv, inputs));
  GATEFOLD_REQUIRE((result.shape() == Shape{dot.n, dot.oc, dot.oh, dot.ow}));
  return result.reshaped(layer.output_shape);
}

/// A dot layer in one slice of its kernel, epilogue included.
inline Result<Tensor> run_dot_kernel(const Layer& layer, const Tensor& x, Numerics numerics) {
  Layer dense = layer;
  for (std::size_t i = 1; i < dense.inputs.size(); ++i) dense.inputs[i].constant = dense.inputs[i].constant->dense();
  GATEFOLD_TRY(const DotKernel kernel, DotKernel::create(dense, numerics));
  GATEFOLD_TRY(const auto packed, kernel.pack(kernel.whole()));
  std::vector<std::byte> accumulators(static_cast<std::size_t>(kernel.accumulator_elements() * element_size(kernel.accumulator_type())));
  const DotGeometry& dot = layer.dot;
  const Tensor stored = x.reshaped(Shape{dot.n, dot.ic, dot.ih, dot.iw});
  GATEFOLD_CHECK(kernel.accumulate(*packed, stored.view(), accumulators.data()));
  Buffer y(static_cast<std::size_t>(layer.output_shape.elements() * element_size(layer.output_type)));
  kernel.finish(accumulators.data(), {0, dot.oc}, {layer.output_type, layer.output_shape, y.data()});
  return Tensor(layer.output_type, layer.output_shape, std::move(y));
}

/// A vector or move layer through its kernel.
inline Status run_other_kernel(const Layer& layer, Numerics numerics, std::vector<Tensor>& stored,
                               const std::vector<Activation>& activations) {
  std::vector<Tensor> dense;
  std::vector<TensorView> inputs;
  dense.reserve(layer.inputs.size());  // views point into these tensors
  for (const Operand& operand : layer.inputs) {
    dense.push_back((operand.constant ? operand.constant->dense() : stored[operand.tensor->at()]).reshaped(operand.shape));
    inputs.push_back(dense.back().view());
  }
  std::vector<Buffer> buffers;
  std::vector<MutableTensorView> outputs;
  for (const TensorId id : layer.outputs) {
    const Activation& activation = activations[id.at()];
    buffers.emplace_back(static_cast<std::size_t>(stored_bytes(activation)));
    outputs.push_back({activation.type, activation.shape, buffers.back().data()});
  }
  GATEFOLD_CHECK(run_layer(layer, numerics, inputs, outputs));
  for (std::size_t i = 0; i < buffers.size(); ++i)
    stored[layer.outputs[i].at()] = Tensor(outputs[i].type, outputs[i].shape, std::move(buffers[i]));
  return Done{};
}

/// Through the kernels if `numerics` is given, through `evaluate` otherwise.
inline Result<std::vector<Tensor>> run_graph(const LayerGraph& graph, const std::vector<Tensor>& inputs,
                                             std::optional<Numerics> numerics = std::nullopt) {
  std::vector<Tensor> stored(graph.activations.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) stored[graph.inputs[i].at()] = inputs[i];
  for (const Layer& layer : graph.layers) {
    if (numerics && layer.kind == LayerKind::kDot) {
      GATEFOLD_TRY(stored[layer.outputs[0].at()], run_dot_kernel(layer, stored[layer.inputs[0].tensor->at()], *numerics));
      continue;
    }
    if (numerics) {
      if (auto done = run_other_kernel(layer, *numerics, stored, graph.activations); !done)
        return std::move(done).error().within(layer.name);
      continue;
    }
    std::vector<Tensor> operands;
    for (const Operand& operand : layer.inputs) {
      GATEFOLD_TRY(Tensor tensor, read(operand, stored));
      operands.push_back(std::move(tensor));
    }
    std::vector<Tensor> results;
    if (layer.kind == LayerKind::kDot) {
      GATEFOLD_TRY(Tensor result, run_dot(layer, operands));
      results.push_back(std::move(result));
    } else {
      std::vector<const Tensor*> pointers;
      for (const Tensor& operand : operands) pointers.push_back(operand.shape() == Shape{0} ? nullptr : &operand);
      auto computed = evaluate(layer.op, pointers);
      if (!computed) return std::move(computed).error().within(layer.name);
      results = std::move(computed).value();
    }
    for (std::size_t i = 0; i < layer.outputs.size(); ++i) {
      GATEFOLD_TRY(stored[layer.outputs[i].at()], finish(layer, results[i]));
    }
  }
  std::vector<Tensor> outputs;
  for (const NetworkOutput& output : graph.outputs) outputs.push_back(stored[output.tensor.at()].reshaped(output.shape));
  return outputs;
}

}  // namespace gatefold::test
