// Where the time of an inference on the host goes: each layer's median and least time over many runs, with its rate at
// best and how it is computed.
//
//   host_layers MODEL [--runs N] [--parts N] [--isa avx2|baseline]
//
// One thread runs all slices one after another. The last line is the sum, and the median of whole inferences.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>

#include "gatefold/host/compiled.h"
#include "gatefold/onnx/import.h"

namespace {

using namespace gatefold;
using Clock = std::chrono::steady_clock;

double microseconds(Clock::duration duration) { return std::chrono::duration<double, std::micro>(duration).count(); }

double median(std::vector<double>& values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

InputSet arbitrary_inputs(const LayerGraph& graph) {
  InputSet inputs;
  for (const TensorId id : graph.inputs) {
    const Activation& activation = graph.activation(id);
    Buffer buffer(static_cast<std::size_t>(stored_bytes(activation)));
    for (std::size_t i = 0; i < buffer.size(); ++i) buffer.data()[i] = static_cast<std::byte>(i * 7 % 61);
    if (activation.type == ElementType::kFloat32) {
      auto* values = reinterpret_cast<float*>(buffer.data());
      for (std::int64_t i = 0; i < activation.shape.elements(); ++i) values[i] = static_cast<float>(i % 61) / 61.0F;
    }
    inputs.emplace_back(activation.type, activation.shape, std::move(buffer));
  }
  return inputs;
}

int profile(const LayerGraph& graph, const CompiledNetwork& network, int runs, int parts) {
  Buffer arena(network.arena_bytes());
  Buffer scratch(network.scratch_bytes());
  const InputSet inputs = arbitrary_inputs(graph);
  std::vector<std::vector<double>> times(network.layer_count() + 1);
  std::vector<double> whole;
  std::vector<Tensor> outputs;
  for (int run = 0; run < runs + 3; ++run) {
    const auto begin = Clock::now();
    network.load_inputs(inputs, arena.data());
    const auto loaded = Clock::now();
    auto last = loaded;
    for (std::size_t layer = 0; layer < network.layer_count(); ++layer) {
      const int count = std::min(parts, network.parts_max(layer));
      for (int part = 0; part < count; ++part) network.run(layer, part, count, arena.data(), scratch.data());
      const auto now = Clock::now();
      if (run >= 3) times[layer].push_back(microseconds(now - last));
      last = now;
    }
    network.store_outputs(arena.data(), outputs);
    if (run < 3) continue;
    times.back().push_back(microseconds(loaded - begin) + microseconds(Clock::now() - last));
    whole.push_back(microseconds(Clock::now() - begin));
  }
  double sum = 0;
  double least_sum = 0;
  for (std::size_t layer = 0; layer < network.layer_count(); ++layer) {
    const Layer& one = graph.layers[layer];
    const double time = median(times[layer]);
    const double least_time = *std::min_element(times[layer].begin(), times[layer].end());
    sum += time;
    least_sum += least_time;
    const DotGeometry& d = one.dot;
    const std::string loops = one.kind == LayerKind::kDot ? fmt::format("{}x{}x{} -> {}x{}x{} k{}x{} s{} g{}", d.ic, d.ih, d.iw, d.oc, d.oh,
                                                                        d.ow, d.kh, d.kw, d.sh, d.group)
                                                          : one.output_shape.text();
    const std::string rate =
        one.kind == LayerKind::kDot ? fmt::format("{:7.1f} GMAC/s", static_cast<double>(d.macs()) / least_time / 1e3) : "";
    fmt::print("{:4} {:24} {:12} {:9} {:9.1f} us {:9.1f} us {:16} {}\n", layer, one.name.substr(0, 24), name(one.op), network.kind(layer),
               time, least_time, rate, loops);
  }
  const double least = *std::min_element(whole.begin(), whole.end());
  fmt::print(
      "inputs and outputs {:.1f} us, layers {:.1f} us, at best {:.1f} us, whole inference p50 {:.1f} us, min {:.1f} us; arena {} KiB, "
      "scratch {} KiB\n",
      median(times.back()), sum, least_sum, median(whole), least, network.arena_bytes() / 1024, network.scratch_bytes() / 1024);
  return 0;
}

int fail(const std::string& message) {
  fmt::print(stderr, "host_layers: {}\n", message);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return fail("usage: host_layers MODEL [--runs N] [--parts N] [--isa avx2|baseline]");
  int runs = 50;
  int parts = 1;
  TileIsa isa = best_tile_isa();
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    const std::string_view value = argv[i + 1];
    if (option == "--runs") runs = std::max(1, std::atoi(argv[i + 1]));
    else if (option == "--parts") parts = std::max(1, std::atoi(argv[i + 1]));
    else if (option == "--isa" && value == "avx2") isa = TileIsa::kAvx2;
    else if (option == "--isa" && value == "baseline") isa = TileIsa::kBaseline;
    else return fail(fmt::format("unknown option {}", option));
  }
  auto model = read_onnx(argv[1]);
  if (!model) return fail(model.error().message);
  auto graph = build_layer_graph(model.value());
  if (!graph) return fail(graph.error().message);
  const auto shared = std::make_shared<const LayerGraph>(std::move(graph).value());
  auto network = CompiledNetwork::make(shared, Numerics::kInteger, parts, isa);
  if (!network) return fail(network.error().message);
  return profile(*shared, *network.value(), runs, parts);
}
