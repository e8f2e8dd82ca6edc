// Small networks as layer graphs and option tables, for tests of costs, plans and policies.
#pragma once

#include <memory>
#include <vector>

#include "device/small_chip.h"
#include "gatefold/cost/option_table.h"
#include "graph/model_builder.h"

namespace gatefold::test {

inline std::shared_ptr<const LayerGraph> graph_of(const Model& model) {
  auto graph = build_layer_graph(model);
  GATEFOLD_REQUIRE(graph.has_value());
  return std::make_shared<const LayerGraph>(std::move(graph).value());
}

inline ValueId pointwise(ModelBuilder& net, const std::string& name, ValueId x, std::int64_t ic, std::int64_t oc) {
  return net.node(name, Conv{}, {x, net.weights(Shape{oc, ic, 1, 1})});
}

/// 1x1 convolutions from channels[i] to channels[i + 1] over [1, c, side, side].
inline std::shared_ptr<const LayerGraph> chain(const std::vector<std::int64_t>& channels, std::int64_t side) {
  ModelBuilder net;
  ValueId x = net.input("x", Shape{1, channels.front(), side, side});
  for (std::size_t i = 0; i + 1 < channels.size(); ++i) x = pointwise(net, "conv" + std::to_string(i), x, channels[i], channels[i + 1]);
  net.output(x);
  return graph_of(net.model());
}

/// a = conv(x); b = conv(a); c = a + b; d = c + c; all of 4 channels over 2 x 2.
inline std::shared_ptr<const LayerGraph> residual() {
  ModelBuilder net;
  const ValueId x = net.input("x", Shape{1, 4, 2, 2});
  const ValueId a = pointwise(net, "a", x, 4, 4);
  const ValueId b = pointwise(net, "b", a, 4, 4);
  const ValueId c = net.node("c", Binary{}, {a, b});
  net.output(net.node("d", Binary{}, {c, c}));
  return graph_of(net.model());
}

inline OptionTable table_of(std::shared_ptr<const LayerGraph> graph, const DeviceSpec& spec = small_chip()) {
  auto table = OptionTable::build(std::move(graph), std::make_shared<const DeviceSpec>(spec));
  GATEFOLD_REQUIRE(table.has_value());
  return std::move(table).value();
}

inline Placement at(int first, int clusters = 1, unsigned mask = 1, CoreSplit split = CoreSplit::kChannels) {
  return {static_cast<std::int16_t>(first), static_cast<std::int16_t>(clusters), static_cast<std::uint16_t>(mask), split};
}

}  // namespace gatefold::test
