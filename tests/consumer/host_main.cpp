// A stranger's program on its own cores: one request through the installed library's host session; exits 0 if its outputs are
// those of the operator and a request of the wrong shape is refused.
#include <cstdio>
#include <memory>

#include "gatefold/host/session.h"

int main() {
  using namespace gatefold;
  Model model;
  model.name = "relu";
  model.values = {{"x", {}}, {"y", {}}};
  model.inputs.push_back({ValueId(0), ElementType::kFloat32, {{1, ""}, {4, ""}, {8, ""}, {8, ""}}});
  model.nodes.push_back({"relu", Unary{UnaryKind::kRelu}, {ValueId(0)}, {ValueId(1)}});
  model.outputs.push_back(ValueId(1));
  const auto fail = [](const Error& error) {
    std::printf("host consumer: %s\n", error.message.c_str());
    return 1;
  };
  auto graph = build_layer_graph(model);
  if (!graph) return fail(graph.error());
  auto session = HostSession::open({});
  if (!session) return fail(session.error());
  const auto network = session.value().load(std::make_shared<const LayerGraph>(std::move(graph).value()), Numerics::kInteger);
  if (!network) return fail(network.error());
  auto request = session.value().submit(network.value(), {Tensor::splat<float>(Shape{1, 4, 8, 8}, -1.0F).dense()});
  if (!request) return fail(request.error());
  const HostCompletion done = request.value().wait();
  const bool refused = !session.value().submit(network.value(), {Tensor::splat<float>(Shape{1}, 0.0F).dense()});
  const bool sound = !done.cancelled && done.outputs.at(0).number_at(0) == 0 && refused;
  if (!sound) std::puts("host consumer: the request did not complete as it should");
  return sound ? 0 : 1;
}
