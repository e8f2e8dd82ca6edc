// Serves one network on this machine for a driver that times it (vs_onnxruntime.py), by a line of text each way.
//
//   host_serve MODEL CORES INPUT.bin ..      inputs as raw bytes, in the network's order
//   run N          N requests back to back       -> their latencies in microseconds
//   rate HZ N      N requests, HZ a second       -> CPU seconds of the process, and their latencies
//   output FILE    the first output of a request -> "done", its bytes in FILE
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

#include "gatefold/host/session.h"
#include "gatefold/onnx/import.h"

namespace {

using namespace gatefold;
using Clock = std::chrono::steady_clock;

int fail(const std::string& message) {
  fmt::print(stderr, "host_serve: {}\n", message);
  return 1;
}

/// Of all threads of this process.
double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// One tensor per network input, from files of raw bytes. Empty if they do not fit.
InputSet read_inputs(const LayerGraph& graph, char** files, int count) {
  InputSet inputs;
  if (count != static_cast<int>(graph.inputs.size())) return inputs;
  for (const TensorId id : graph.inputs) {
    const Activation& activation = graph.activation(id);
    Buffer buffer(static_cast<std::size_t>(stored_bytes(activation)));
    std::ifstream file(*files++, std::ios::binary);
    if (!file.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(buffer.size()))) return {};
    inputs.emplace_back(activation.type, activation.shape, std::move(buffer));
  }
  return inputs;
}

class Server {
 public:
  Server(HostSession& session, HostNetworkId network, const InputSet& inputs) : session_(session), network_(network), inputs_(inputs) {}

  /// Latencies in microseconds; `every` 0: back to back.
  std::string run(int count, std::chrono::nanoseconds every) {
    std::string line;
    auto due = Clock::now();
    for (int i = 0; i < count; ++i, due += every) {
      if (every.count() > 0) std::this_thread::sleep_until(due);
      const auto begin = Clock::now();
      const auto done = session_.run(network_, inputs_);
      if (!done) return "failed " + done.error().message;
      line += fmt::format("{:.2f} ", std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    }
    return line;
  }

  std::string output(const std::string& path) {
    const auto done = session_.run(network_, inputs_);
    if (!done) return "failed " + done.error().message;
    const TensorView view = done.value().outputs.front().view();
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(view.bytes), view.shape.elements() * element_size(view.type));
    return file.flush() ? "done" : "failed to write " + path;
  }

 private:
  HostSession& session_;
  HostNetworkId network_;
  const InputSet& inputs_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return fail("usage: host_serve MODEL CORES INPUT.bin ..");
  auto model = read_onnx(argv[1]);
  if (!model) return fail(model.error().message);
  auto graph = build_layer_graph(model.value());
  if (!graph) return fail(graph.error().message);
  const auto layers = std::make_shared<const LayerGraph>(std::move(graph).value());
  model = Error{ErrorCode::kIo, "given back"};  // the file's bytes are not needed any more
  const InputSet inputs = read_inputs(*layers, argv + 3, argc - 3);
  if (inputs.empty()) return fail("inputs that do not fit the network");

  auto opened = HostSession::open({.cores_max = std::atoi(argv[2])});
  if (!opened) return fail(opened.error().message);
  HostSession& session = opened.value();
  const auto network = session.load(layers, Numerics::kInteger);
  if (!network) return fail(network.error().message);
  Server server(session, network.value(), inputs);
  std::cout << "ready" << std::endl;

  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    if (verb == "run") {
      int count = 0;
      words >> count;
      std::cout << server.run(count, {}) << std::endl;
    } else if (verb == "rate") {
      double rate = 1;
      int count = 0;
      words >> rate >> count;
      const double before = cpu_seconds();
      const std::string latencies = server.run(count, std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 / std::max(rate, 0.001))));
      std::cout << fmt::format("{:.6f} {}", cpu_seconds() - before, latencies) << std::endl;
    } else if (verb == "output") {
      std::string path;
      words >> path;
      std::cout << server.output(path) << std::endl;
    } else {
      return fail("unknown request " + line);
    }
  }
  return 0;
}
