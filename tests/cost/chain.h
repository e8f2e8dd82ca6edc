// A layer graph in a few numbers: a chain of convolutions, for tests that price or run layers and need no operands' values.
#pragma once

#include <memory>

#include "gatefold/graph/layer_graph.h"

namespace gatefold {

/// `count` convolutions in a chain, each `channels` -> `channels` with a side x side window on h x w positions.
inline std::shared_ptr<const LayerGraph> chain(std::size_t count, ElementType type, std::int64_t channels, std::int64_t h, std::int64_t w,
                                               std::int64_t side) {
  auto graph = std::make_shared<LayerGraph>();
  const Shape shape({1, channels, h, w});
  for (std::size_t t = 0; t <= count; ++t) {
    Activation activation;
    activation.type = type;
    activation.shape = shape;
    if (t > 0) activation.producer = LayerId(t - 1);
    if (t < count) {
      activation.consumers = {LayerId(t)};
      activation.last_use = LayerId(t);
    }
    activation.network_output = t == count;
    graph->activations.push_back(std::move(activation));
  }
  for (std::size_t v = 0; v < count; ++v) {
    Layer layer;
    layer.kind = LayerKind::kDot;
    layer.op = Conv{};
    Operand input;
    input.tensor = TensorId(v);
    input.type = type;
    input.shape = shape;
    Operand weights;
    weights.type = type;
    weights.shape = Shape({channels, channels, side, side});
    layer.inputs.push_back(std::move(input));
    layer.inputs.push_back(std::move(weights));
    layer.outputs = {TensorId(v + 1)};
    layer.output_shape = shape;
    layer.output_type = type;
    layer.dot.ic = layer.dot.oc = channels;
    layer.dot.ih = layer.dot.oh = h;
    layer.dot.iw = layer.dot.ow = w;
    layer.dot.kh = layer.dot.kw = side;
    graph->layers.push_back(std::move(layer));
  }
  graph->inputs = {TensorId(0)};
  graph->outputs = {{"y", TensorId(count), shape}};
  return graph;
}

}  // namespace gatefold
