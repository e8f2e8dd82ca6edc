// Serves a network on this machine's cores: loads an ONNX file, submits requests from two threads, each with a deadline,
// cancels one, and prints what became of them.
//
//     serve MODEL.onnx [REQUESTS]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "gatefold/graph/layer_graph.h"
#include "gatefold/host/session.h"
#include "gatefold/onnx/import.h"

namespace {

using namespace gatefold;

int fail(const Error& error) {
  std::fprintf(stderr, "serve: %s\n", error.message.c_str());
  return 1;
}

/// One tensor of zeros per network input.
InputSet zeros(const LayerGraph& graph) {
  InputSet inputs;
  for (const TensorId id : graph.inputs) {
    const Activation& input = graph.activation(id);
    Buffer buffer(static_cast<std::size_t>(stored_bytes(input)));
    std::fill_n(buffer.data(), buffer.size(), std::byte{0});
    inputs.emplace_back(input.type, input.shape, std::move(buffer));
  }
  return inputs;
}

/// Submits requests one after another and counts those that kept their deadline; -1 after an error.
int serve(HostSession& session, HostNetworkId network, const InputSet& inputs, int requests) {
  int in_time = 0;
  for (int i = 0; i < requests; ++i) {
    HostRequestOptions options;
    options.deadline = std::chrono::milliseconds(100);
    Result<HostRequest> request = session.submit(network, inputs, options);
    if (!request) return -fail(request.error());
    const HostCompletion done = request.value().wait();
    if (!done.cancelled && !done.deadline_missed) ++in_time;
  }
  return in_time;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: serve MODEL.onnx [REQUESTS]\n");
    return 2;
  }
  const int requests = argc > 2 ? std::atoi(argv[2]) : 20;

  Result<Model> model = read_onnx(argv[1]);
  if (!model) return fail(model.error());
  Result<LayerGraph> graph = build_layer_graph(std::move(model).value());
  if (!graph) return fail(graph.error());
  const auto layers = std::make_shared<const LayerGraph>(std::move(graph).value());

  Result<HostSession> opened = HostSession::open({});
  if (!opened) return fail(opened.error());
  HostSession& session = opened.value();
  const Result<HostNetworkId> network = session.load(layers, Numerics::kInteger);
  if (!network) return fail(network.error());

  const InputSet inputs = zeros(*layers);
  int in_time[2] = {0, 0};
  std::thread other([&] { in_time[1] = serve(session, network.value(), inputs, requests); });
  in_time[0] = serve(session, network.value(), inputs, requests);
  other.join();
  if (in_time[0] < 0 || in_time[1] < 0) return 1;

  Result<HostRequest> unwanted = session.submit(network.value(), inputs);
  if (!unwanted) return fail(unwanted.error());
  unwanted.value().cancel();
  const bool cancelled = unwanted.value().wait().cancelled;

  const HostCounters used = session.counters();
  std::printf("%d of %d requests in time on %zu cores; one more %s\n", in_time[0] + in_time[1], 2 * requests,
              session.topology().cores.size(), cancelled ? "cancelled" : "done before it could be cancelled");
  std::printf("core time: %.3f s busy, %.3f s spinning, %.3f s asleep\n", used.busy_s, used.spin_s, used.asleep_s);
  return 0;
}
