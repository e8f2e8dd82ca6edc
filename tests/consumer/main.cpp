// A stranger's first program with the installed library: builds a network of one operator, prepares it for a shipped chip,
// runs it there, and exits 0 if a request completes and costs energy.
#include <cstdio>
#include <memory>

#include "gatefold/device/shipped.h"
#include "gatefold/runtime/run.h"

int main() {
  using namespace gatefold;
  Model model;
  model.name = "relu";
  model.values = {{"x", {}}, {"y", {}}};
  model.inputs.push_back({ValueId(0), ElementType::kFloat32, {{1, ""}, {4, ""}, {8, ""}, {8, ""}}});
  model.nodes.push_back({"relu", Unary{UnaryKind::kRelu}, {ValueId(0)}, {ValueId(1)}});
  model.outputs.push_back(ValueId(1));
  const auto fail = [](const Error& error) {
    std::printf("consumer: %s\n", error.message.c_str());
    return 1;
  };
  auto graph = build_layer_graph(model);
  if (!graph) return fail(graph.error());
  auto device = find_device("edge-nnic");
  if (!device) return fail(device.error());
  const auto network =
      prepare(std::make_shared<const LayerGraph>(std::move(graph).value()), std::make_shared<const DeviceSpec>(std::move(device).value()));
  if (!network) return fail(network.error());
  const auto result = run(*network.value(), RunOptions{}, {{Tensor::splat<float>(Shape{1, 4, 8, 8}, -1.0F).dense()}});
  if (!result) return fail(result.error());
  const bool sound = result.value().completed == 1 && result.value().energy.total() > EnergyTotal() &&
                     result.value().outputs.at(0).at(0).tensor.number_at(0) == 0;
  if (!sound) std::puts("consumer: the request did not complete as it should");
  return sound ? 0 : 1;
}
