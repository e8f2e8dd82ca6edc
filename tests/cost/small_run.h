// A prepared network and its runs, for tests of policies and sessions.
#pragma once

#include "cost/small_networks.h"
#include "gatefold/runtime/prepared.h"
#include "gatefold/runtime/run.h"

namespace gatefold::test {

inline std::shared_ptr<const PreparedNetwork> prepared(std::shared_ptr<const LayerGraph> graph, const DeviceSpec& spec = small_chip()) {
  auto network = prepare(std::move(graph), std::make_shared<const DeviceSpec>(spec));
  GATEFOLD_REQUIRE(network.has_value());
  return std::move(network).value();
}

inline InputSet inputs_of(const LayerGraph& graph) {
  InputSet set;
  for (const TensorId input : graph.inputs) {
    set.push_back(ModelBuilder::random_tensor(graph.activation(input).type, graph.activation(input).shape, 3));
  }
  return set;
}

}  // namespace gatefold::test
