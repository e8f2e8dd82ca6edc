// The zoo's networks: as many parameters and multiply-accumulates as published, the same after a way through a file, and
// activations like those of trained networks. Every network prints one line of figures.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>

#include "gatefold/base/random.h"
#include "gatefold/graph/layer_graph.h"
#include "gatefold/onnx/export.h"
#include "gatefold/onnx/import.h"
#include "gatefold/zoo/zoo.h"
#include "graph/interpreter.h"

namespace gatefold {
namespace {

LayerGraph graph_of(const Model& model) {
  auto graph = build_layer_graph(model);
  if (!graph) ADD_FAILURE() << graph.error().message;
  return std::move(graph).value();
}

Model model_of(std::string_view name, std::uint64_t seed = kZooSeed) { return zoo_model(name, seed).value(); }

std::vector<Tensor> uniform_input(const LayerGraph& graph, std::uint64_t seed) {
  SplitMix64 random(seed);
  const Activation& input = graph.activation(graph.inputs.front());
  std::vector<std::int8_t> values(static_cast<std::size_t>(input.shape.elements()));
  for (std::int8_t& value : values) value = static_cast<std::int8_t>(random.next() >> 56U);
  return {Tensor::of<std::int8_t>(input.shape, std::span<const std::int8_t>(values))};
}

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text.data(), text.size())); }

/// What a publication counts: batch norms apart, each with `per_channel` numbers, of which folding keeps a bias. Keras keeps
/// scale, shift, mean and variance beside the convolution's own bias; PyTorch counts scale and shift, its convolutions have none.
struct Published {
  std::string_view name;
  std::int64_t parameters;
  double macs;           ///< in millions
  double macs_rounding;  ///< half a unit of its last digit
  std::int64_t lost_per_channel;
  std::vector<std::string_view> without_norm;
};

// Parameters: the models of mlcommons/tiny as Keras counts them, torchvision's documentation of its weights. MACs: the same
// documentation (in GFLOPS, one per multiply-accumulate), and for MLPerf Tiny the networks' own files, counted.
const std::vector<Published>& published() {
  static const std::vector<Published> kPublished{
      {"ds-cnn", 24'908, 2.656768, 0, 4, {"fc"}},
      {"resnet8", 78'666, 12.501632, 0, 4, {"stack2.shortcut", "stack3.shortcut", "fc"}},
      {"mobilenet-v1-025-96", 221'794, 7.489664, 0, 4, {"fc"}},
      {"toycar-ae", 269'992, 0.264192, 0, 4, {"dense10"}},
      {"mobilenet-v2-224", 3'504'872, 301, 0.5, 1, {"fc"}},
      {"resnet50-224", 25'557'032, 4089, 0.5, 1, {"fc"}},
  };
  return kPublished;
}

TEST(Zoo, LayersHoldAsManyParametersAndMacsAsTheListSays) {
  for (const ZooNetwork& network : zoo_networks()) {
    const LayerGraph graph = graph_of(model_of(network.name));
    std::int64_t parameters = 0;
    std::int64_t macs = 0;
    for (const Layer& layer : graph.layers) {
      parameters += weight_elements(layer);
      macs += layer.kind == LayerKind::kDot ? layer.dot.macs() : 0;
      EXPECT_EQ(layer.integer, layer.kind == LayerKind::kDot) << network.name << " " << layer.name;
      for (const TensorId id : layer.outputs) EXPECT_EQ(graph.activation(id).type, ElementType::kInt8) << network.name << " " << layer.name;
    }
    EXPECT_EQ(parameters, network.parameters) << network.name;
    EXPECT_EQ(macs, network.macs) << network.name;
    EXPECT_EQ(graph.activation(graph.inputs.at(0)).shape, network.input) << network.name;
  }
}

TEST(Zoo, TheListAgreesWithWhatWasPublished) {
  for (const Published& figure : published()) {
    const LayerGraph graph = graph_of(model_of(figure.name));
    std::int64_t normalised = 0;  // channels
    for (const Layer& layer : graph.layers) {
      const auto& without = figure.without_norm;
      if (layer.kind == LayerKind::kDot && std::find(without.begin(), without.end(), layer.name) == without.end())
        normalised += layer.dot.oc;
    }
    const auto networks = zoo_networks();
    const auto network = std::find_if(networks.begin(), networks.end(), [&](const ZooNetwork& n) { return n.name == figure.name; });
    ASSERT_NE(network, networks.end());
    EXPECT_EQ(network->parameters + normalised * figure.lost_per_channel, figure.parameters) << figure.name;
    EXPECT_NEAR(static_cast<double>(network->macs) * 1e-6, figure.macs, figure.macs_rounding + 1e-9) << figure.name;
  }
}

/// Names instead of ids: a file lists constants before computed values.
std::string described(const Model& model, std::optional<ValueId> id) { return id ? model.value(*id).name : "-"; }

void expect_same(const Model& got, const Model& want) {
  ASSERT_EQ(got.nodes.size(), want.nodes.size());
  for (std::size_t i = 0; i < want.nodes.size(); ++i) {
    const Node& node = want.nodes[i];
    EXPECT_EQ(got.nodes[i].name, node.name);
    ASSERT_EQ(got.nodes[i].op.index(), node.op.index()) << node.name;
    EXPECT_EQ(name(got.nodes[i].op), name(node.op)) << node.name;
    EXPECT_EQ(described(got, got.nodes[i].outputs.at(0)), described(want, node.outputs.at(0)));
    for (std::size_t k = 0; k < std::max(node.inputs.size(), got.nodes[i].inputs.size()); ++k) {
      const auto at = [k](const auto& inputs) { return k < inputs.size() ? inputs[k] : std::nullopt; };
      EXPECT_EQ(described(got, at(got.nodes[i].inputs)), described(want, at(node.inputs))) << node.name;
    }
  }
  std::map<std::string, Tensor> constants;
  for (const Value& value : got.values) {
    if (value.constant) constants.emplace(value.name, *value.constant);
  }
  for (const Value& value : want.values) {
    if (!value.constant) continue;
    ASSERT_EQ(constants.count(value.name), 1U) << value.name;
    const Tensor& tensor = constants.at(value.name);
    ASSERT_EQ(tensor.type(), value.constant->type()) << value.name;
    ASSERT_EQ(tensor.shape(), value.constant->shape()) << value.name;
    const auto size = static_cast<std::size_t>(tensor.shape().elements() * element_size(tensor.type()));
    EXPECT_TRUE(std::equal(tensor.view().bytes, tensor.view().bytes + size, value.constant->view().bytes)) << value.name;
  }
}

TEST(Zoo, AFileGivesTheSameNetworkAndTheSameBits) {
  for (const ZooNetwork& network : zoo_networks()) {
    const Model model = model_of(network.name);
    const auto bytes = export_onnx(model);
    ASSERT_TRUE(bytes) << bytes.error().message;
    const auto read = import_onnx(bytes_of(bytes.value()), std::string(network.name));
    ASSERT_TRUE(read) << read.error().message;
    expect_same(read.value(), model);
    const LayerGraph want = graph_of(model);
    const LayerGraph got = graph_of(read.value());
    ASSERT_EQ(got.layers.size(), want.layers.size());
    for (std::size_t i = 0; i < want.layers.size(); ++i) {
      EXPECT_EQ(got.layers[i].name, want.layers[i].name);
      EXPECT_EQ(got.layers[i].output_shape, want.layers[i].output_shape);
    }
    const auto input = uniform_input(want, 7);
    const auto outputs = test::run_graph(got, input, Numerics::kInteger);
    const auto expected = test::run_graph(want, input, Numerics::kInteger);
    ASSERT_TRUE(outputs && expected);
    for (std::size_t i = 0; i < expected.value().size(); ++i) {
      const auto a = outputs.value()[i].values<std::int8_t>();
      const auto b = expected.value()[i].values<std::int8_t>();
      EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end())) << network.name;
    }
  }
}

TEST(Zoo, TheSameSeedGivesTheSameBytesAndAnotherSeedOthers) {
  for (const std::string_view name : {"ds-cnn", "mobilenet-v2-224"}) {
    const std::string first = export_onnx(model_of(name)).value();
    EXPECT_EQ(export_onnx(model_of(name)).value(), first);
    const std::string other = export_onnx(model_of(name, 2)).value();
    EXPECT_NE(other, first);
    EXPECT_EQ(other.size(), first.size());
  }
}

struct Figures {
  double density = 1;    ///< share other than zero
  double saturated = 0;  ///< share at either end of int8
  double deviation = 0;  ///< in steps
};

Figures figures_of(const Tensor& tensor) {
  double zeros = 0;
  double ends = 0;
  double sum = 0;
  double squares = 0;
  const auto values = tensor.values<std::int8_t>();
  for (const std::int8_t value : values) {
    zeros += value == 0 ? 1 : 0;
    ends += value == 127 || value == -128 ? 1 : 0;
    sum += value;
    squares += value * value;
  }
  const auto count = static_cast<double>(values.size());
  return {1 - zeros / count, ends / count, std::sqrt(std::max(squares / count - sum / count * sum / count, 0.0))};
}

/// The values of every activation under the integer contract.
std::vector<Tensor> activations_of(const LayerGraph& graph, const std::vector<Tensor>& input) {
  std::vector<Tensor> stored(graph.activations.size());
  stored[graph.inputs[0].at()] = input[0];
  for (const Layer& layer : graph.layers) {
    if (layer.kind == LayerKind::kDot) {
      stored[layer.outputs[0].at()] = test::run_dot_kernel(layer, stored[layer.inputs[0].tensor->at()], Numerics::kInteger).value();
    } else {
      EXPECT_TRUE(test::run_other_kernel(layer, Numerics::kInteger, stored, graph.activations));
    }
  }
  return stored;
}

class Seeded : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Zoo, Seeded, testing::Values(kZooSeed, 2, 3));

TEST_P(Seeded, ActivationsNeitherVanishNorSaturateAndReluKeepsANaturalDensity) {
  for (const ZooNetwork& network : zoo_networks()) {
    const LayerGraph graph = graph_of(model_of(network.name, GetParam()));
    const std::vector<Tensor> stored = activations_of(graph, uniform_input(graph, 3));
    double density_min = 1, density_max = 0, density_sum = 0, elements = 0, saturated_max = 0, deviation_min = 1e9;
    for (const Layer& layer : graph.layers) {
      if (std::holds_alternative<Softmax>(layer.op)) continue;  // saturates by right: most of its values are near 0
      const Figures figures = figures_of(stored[layer.outputs[0].at()]);
      saturated_max = std::max(saturated_max, figures.saturated);
      deviation_min = std::min(deviation_min, figures.deviation);
      if (!layer.epilogue.activation) continue;
      const auto count = static_cast<double>(layer.output_shape.elements());
      density_min = std::min(density_min, figures.density);
      density_max = std::max(density_max, figures.density);
      density_sum += figures.density * count;
      elements += count;
    }
    fmt::print(
        "{:20} {:3} layers; density behind ReLU {:.2f} ({:.2f} to {:.2f}); saturated at most {:.4f}; deviation at least {:.1f} steps\n",
        network.name, graph.layers.size(), density_sum / elements, density_min, density_max, saturated_max, deviation_min);
    EXPECT_GT(density_min, 0.25) << network.name;
    EXPECT_LT(density_max, 0.85) << network.name;
    EXPECT_NEAR(density_sum / elements, 0.55, 0.1) << network.name;
    EXPECT_LT(saturated_max, 0.02) << network.name;
    EXPECT_GT(deviation_min, 2) << network.name;  // the narrowest layer of toycar-ae has eight values
  }
}

TEST(Zoo, OutputsDependOnTheInput) {
  for (const ZooNetwork& network : zoo_networks()) {
    const LayerGraph graph = graph_of(model_of(network.name));
    const std::vector<Tensor> first = activations_of(graph, uniform_input(graph, 3));
    const std::vector<Tensor> second = activations_of(graph, uniform_input(graph, 4));
    for (const NetworkOutput& output : graph.outputs) {
      const auto a = first[output.tensor.at()].values<std::int8_t>();
      const auto b = second[output.tensor.at()].values<std::int8_t>();
      const auto same = std::inner_product(a.begin(), a.end(), b.begin(), std::int64_t{0}, std::plus<>(), std::equal_to<>());
      EXPECT_LT(same, std::ssize(a)) << network.name << " " << output.name;
    }
  }
}

}  // namespace
}  // namespace gatefold
