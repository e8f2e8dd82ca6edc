// What loading a network costs on the host, in a process of its own, for a driver that compares (tests/host_load.py):
//
//     gatefold_host_load session MODEL FOLDER   reads the file, builds the layers, loads them into a session whose calibration
//                                               lies in FOLDER, serves one request
//     gatefold_host_load floor MODEL            reads the file's bytes and packs its weights, and times nothing else
//
// Each does it twice and prints the nanoseconds of both: the first network of a process also pays for the registry of ONNX
// schemas, whatever its size. The session prints the process's peak memory in bytes, too, as of its first load and request.
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <string>
#include <utility>

#include "gatefold/base/text.h"
#include "gatefold/host/compiled.h"
#include "gatefold/host/session.h"
#include "gatefold/onnx/import.h"

namespace gatefold {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::int64_t kFileMax = std::int64_t{2} << 30;

std::int64_t ns_since(Clock::time_point begin) { return std::chrono::nanoseconds(Clock::now() - begin).count(); }

Result<std::shared_ptr<const LayerGraph>> read_layers(const std::string& path) {
  GATEFOLD_TRY(Model model, read_onnx(path));
  GATEFOLD_TRY(LayerGraph graph, build_layer_graph(std::move(model)));
  return std::make_shared<const LayerGraph>(std::move(graph));
}

/// From the file's name to a network that can serve.
Result<HostNetworkId> load(HostSession& session, const std::string& path, std::shared_ptr<const LayerGraph>& layers, std::int64_t& ns) {
  const auto begin = Clock::now();
  GATEFOLD_TRY(layers, read_layers(path));
  GATEFOLD_TRY(const HostNetworkId network, session.load(layers, Numerics::kInteger));
  ns = ns_since(begin);
  return network;
}

Status serve(HostSession& session, HostNetworkId network, const LayerGraph& layers) {
  InputSet zeros;
  for (const TensorId id : layers.inputs) {
    const Activation& input = layers.activation(id);
    zeros.emplace_back(input.type, input.shape, Buffer(static_cast<std::size_t>(stored_bytes(input))));
  }
  GATEFOLD_TRY(const HostCompletion done, session.run(network, zeros));
  return done.outputs.empty() ? Status(Error{ErrorCode::kIo, "no outputs"}) : Status(Done{});
}

Status measure_session(const std::string& path, const std::string& folder) {
  HostOptions options;
  options.calibration_folder = folder;
  GATEFOLD_TRY(HostSession session, HostSession::open(options));
  std::shared_ptr<const LayerGraph> layers;
  std::int64_t first = 0;
  std::int64_t again = 0;
  GATEFOLD_TRY(const HostNetworkId network, load(session, path, layers, first));
  GATEFOLD_CHECK(session.keep_calibration());
  GATEFOLD_CHECK(serve(session, network, *layers));
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  GATEFOLD_CHECK(load(session, path, layers, again));
  fmt::print("{} {} {} {}\n", first, again, usage.ru_maxrss * 1024, session.facts(network).calibration);
  return Done{};
}

/// The file's bytes read, its weights packed.
Status floor(const std::string& path, int cores, std::int64_t& ns) {
  const auto begin = Clock::now();
  GATEFOLD_TRY(const std::string bytes, read_file(path, kFileMax));
  ns = ns_since(begin);
  GATEFOLD_TRY(auto layers, read_layers(path));
  const auto packing = Clock::now();
  GATEFOLD_TRY(const auto program, CompiledNetwork::make(std::move(layers), Numerics::kInteger, cores));
  ns += ns_since(packing);
  return program->layer_count() == 0 || bytes.empty() ? Status(Error{ErrorCode::kIo, "nothing was read"}) : Status(Done{});
}

Status measure_floor(const std::string& path) {
  GATEFOLD_TRY(const HostTopology topology, read_topology(std::nullopt));
  std::int64_t first = 0;
  std::int64_t again = 0;
  GATEFOLD_CHECK(floor(path, static_cast<int>(topology.cores.size()), first));
  GATEFOLD_CHECK(floor(path, static_cast<int>(topology.cores.size()), again));
  fmt::print("{} {}\n", first, again);
  return Done{};
}

}  // namespace
}  // namespace gatefold

int main(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[1] : "";
  if (!(what == "session" && argc == 4) && !(what == "floor" && argc == 3)) {
    fmt::print(stderr, "usage: gatefold_host_load session MODEL FOLDER | floor MODEL\n");
    return 2;
  }
  const gatefold::Status done = what == "session" ? gatefold::measure_session(argv[2], argv[3]) : gatefold::measure_floor(argv[2]);
  if (done) return 0;
  fmt::print(stderr, "gatefold_host_load: {}\n", done.error().message);
  return 1;
}
