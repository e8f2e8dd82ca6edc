// Real networks: they build, and computing their layers gives the recorded outputs (docs/numerics.md, Conformance,
// numeric contract qdq-float). Every network prints one line of figures.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <string_view>

#include "gatefold/graph/layer_graph.h"
#include "gatefold/onnx/import.h"
#include "graph/interpreter.h"

namespace gatefold {
namespace {

const std::filesystem::path kData = std::filesystem::path(GATEFOLD_SOURCE_DIR) / ".." / "shared" / "data";

std::string layer_counts(const LayerGraph& graph) {
  std::map<LayerKind, int> counts;
  int integer = 0;
  for (const Layer& layer : graph.layers) {
    ++counts[layer.kind];
    integer += layer.integer ? 1 : 0;
  }
  return fmt::format("{} dot ({} integer), {} vector, {} move", counts[LayerKind::kDot], integer, counts[LayerKind::kVector],
                     counts[LayerKind::kMove]);
}

std::int64_t top(const Tensor& tensor) {
  std::int64_t best = 0;
  for (std::int64_t i = 1; i < tensor.shape().elements(); ++i) {
    if (tensor.number_at(i) > tensor.number_at(best)) best = i;
  }
  return best;
}

/// The scale that an output still carries: its own, or that of the layer that dequantises it.
double step_of(const LayerGraph& graph, const NetworkOutput& output) {
  const Layer& layer = graph.layer(*graph.activation(output.tensor).producer);
  if (layer.epilogue.quantise || !is_float(layer.output_type)) return 1;
  return std::holds_alternative<Dequantize>(layer.op) ? layer.inputs[1].constant->number_at(0) : 0;
}

struct Comparison {
  double error_max = 0;
  double within = 0;  ///< share of values inside the tolerance
  bool same_top = false;
};

Comparison compare(const Tensor& got, const Tensor& want, double step) {
  const std::int64_t count = want.shape().elements();
  double want_max = 0;
  for (std::int64_t i = 0; i < count; ++i) want_max = std::max(want_max, std::abs(want.number_at(i)));
  Comparison result;
  std::int64_t inside = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double error = std::abs(got.number_at(i) - want.number_at(i));
    const double bound = step > 0 ? step * 1.001 : 1e-3 * std::abs(want.number_at(i)) + 1e-5 * std::max(1.0, want_max);
    result.error_max = std::max(result.error_max, error);
    inside += error <= bound ? 1 : 0;
  }
  result.within = static_cast<double>(inside) / static_cast<double>(count);
  // Equal largest values may be listed in either order.
  result.same_top = got.number_at(top(want)) == got.number_at(top(got)) || want.number_at(top(got)) == want.number_at(top(want));
  return result;
}

/// Share of quantised outputs that must lie within one step. MobileNetV2 rounds 53 times in a row at the scales of whole
/// tensors: its two recorded readings (operators apart, operators fused) agree on 74 to 97 % only, and so do float sums
/// taken in another order. Its integer reading is the recorded one bit for bit.
double agreement_wanted(std::string_view network, bool integer) {
  if (integer) return 0.999;
  return network == "imagenet_mobilenetv2_qdq_int8" ? 0.7 : 0.99;
}

void report(const std::string& what, const Tensor& got, const Tensor& want, double step, double within) {
  ASSERT_EQ(got.shape(), want.shape());
  ASSERT_EQ(got.type(), want.type());
  const Comparison found = compare(got, want, step);
  fmt::print("{} max error {:.3g} ({}), {:.2f} % inside, top-1 {}\n", what, found.error_max,
             step > 0 ? fmt::format("{:.2f} steps", found.error_max / step) : "float", 100 * found.within,
             found.same_top ? "same" : "DIFFERS");
  EXPECT_GE(found.within, step > 0 ? within : 1.0) << what;
  EXPECT_TRUE(found.same_top) << what;
}

class Network : public testing::TestWithParam<const char*> {
 protected:
  /// Forming layers changed nothing: layer by layer = node by node, quantised outputs bit for bit.
  static void check_layers(const Model& model, const LayerGraph& graph, const std::vector<Tensor>& inputs) {
    const auto by_layer = test::run_graph(graph, inputs);
    const auto by_node = test::run_model(model, inputs);
    ASSERT_TRUE(by_layer) << by_layer.error().message;
    ASSERT_TRUE(by_node) << by_node.error().message;
    for (std::size_t i = 0; i < by_node.value().size(); ++i) {
      const double step = graph.quantised ? 1e-9 : 0;
      EXPECT_EQ(compare(by_layer.value()[i], by_node.value()[i], step).within, 1.0) << "layers and nodes differ";
    }
  }

  /// Dot layers through their kernels: float networks once, quantised ones under both contracts.
  static void check_kernels(const LayerGraph& graph, const std::vector<Tensor>& inputs, const std::filesystem::path& files, int set) {
    for (const Numerics numerics : {Numerics::kQdqFloat, Numerics::kInteger}) {
      const bool integer = numerics == Numerics::kInteger;
      if (integer && !graph.quantised) continue;
      const auto outputs = test::run_graph(graph, inputs, numerics);
      ASSERT_TRUE(outputs) << outputs.error().message;
      for (std::size_t i = 0; i < outputs.value().size(); ++i) {
        auto golden = files / fmt::format("output_{}.ort_optimised.pb", i);
        if (!integer || !std::filesystem::exists(golden)) golden = files / fmt::format("output_{}.pb", i);
        const auto want = read_tensor_proto(golden);
        ASSERT_TRUE(want) << want.error().message;
        const double step = graph.quantised ? step_of(graph, graph.outputs[i]) : 0;
        report(fmt::format("  set {} output {}, {}:", set, i, integer ? "integer" : "float"), outputs.value()[i], want.value().tensor, step,
               agreement_wanted(GetParam(), integer));
      }
    }
  }
};

TEST_P(Network, GivesTheRecordedOutputs) {
  const auto folder = kData / "models" / GetParam();
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "MISSING NETWORKS: " << folder << " is not there; nothing was checked";
  auto model = read_onnx(folder / "model.onnx");
  ASSERT_TRUE(model) << model.error().message;
  for (int set = 0; std::filesystem::exists(folder / fmt::format("test_data_set_{}", set)); ++set) {
    const auto files = folder / fmt::format("test_data_set_{}", set);
    BuildOptions options;
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < model.value().inputs.size(); ++i) {
      auto input = read_tensor_proto(files / fmt::format("input_{}.pb", i));
      ASSERT_TRUE(input) << input.error().message;
      options.input_shapes.emplace_back(input.value().tensor.shape());
      inputs.push_back(input.value().tensor);
    }
    const auto begin = std::chrono::steady_clock::now();
    const auto graph = build_layer_graph(model.value(), options);
    const double build_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    ASSERT_TRUE(graph) << graph.error().message;
    if (set == 0) {
      fmt::print("{}: {}, built in {:.1f} ms\n", GetParam(), layer_counts(graph.value()), build_ms);
      check_layers(model.value(), graph.value(), inputs);
    }
    check_kernels(graph.value(), inputs, files, set);
  }
}

INSTANTIATE_TEST_SUITE_P(First, Network,
                         testing::Values("mlperf_tiny_dscnn_kws_fp32", "mlperf_tiny_dscnn_kws_int8_qdq", "mlperf_tiny_resnet8_cifar10_fp32",
                                         "mlperf_tiny_resnet8_cifar10_int8_qdq", "mlperf_tiny_autoencoder_toycar_fp32",
                                         "mlperf_tiny_autoencoder_toycar_int8_qdq", "mlperf_tiny_mobilenetv1_vww96_fp32",
                                         "mlperf_tiny_mobilenetv1_vww96_int8_qdq", "imagenet_mobilenetv2_qdq_int8", "mnist_cntk_opset8",
                                         "mnist_cnn_pytorch_opset16", "fastestdet_coco_352", "ultraface_rfb_320", "yunet_n_320",
                                         "espcn_bsd300_resize"),
                         [](const auto& network) { return std::string(network.param); });

class LargeNetwork : public testing::TestWithParam<const char*> {};

/// Kilobytes.
long resident_max() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST_P(LargeNetwork, BuildsWithoutDenseWeights) {
  const auto file = kData / "conformance" / "onnx-1.23-light" / (std::string(GetParam()) + ".onnx");
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "MISSING NETWORKS: " << file << " is not there; nothing was checked";
  const auto model = read_onnx(file);
  ASSERT_TRUE(model) << model.error().message;
  const long before = resident_max();
  const auto begin = std::chrono::steady_clock::now();
  const auto graph = build_layer_graph(model.value());
  const double build_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  ASSERT_TRUE(graph) << graph.error().message;
  std::int64_t weights = 0;
  std::int64_t dense = 0;
  std::int64_t macs = 0;
  for (const Layer& layer : graph.value().layers) {
    if (layer.kind != LayerKind::kDot) continue;
    weights += weight_elements(layer);
    macs += layer.dot.macs();
    dense += layer.inputs[1].constant->is_splat() ? 0 : layer.inputs[1].shape.elements();
  }
  fmt::print("{}: {}, {} weights, {} dense, {} MACs, built in {:.1f} ms, {} KiB more\n", GetParam(), layer_counts(graph.value()), weights,
             dense, macs, build_ms, resident_max() - before);
  EXPECT_GT(weights, 1'000'000);
  // Only filters whose batch norm has parameters of its own per channel in the file become dense.
  EXPECT_LT(dense * 100, weights);
  EXPECT_LT(resident_max() - before, 16 * 1024);
}

INSTANTIATE_TEST_SUITE_P(Light, LargeNetwork,
                         testing::Values("light_bvlc_alexnet", "light_inception_v1", "light_resnet50", "light_shufflenet",
                                         "light_squeezenet", "light_vgg19"),
                         [](const auto& network) { return std::string(network.param); });

}  // namespace
}  // namespace gatefold
