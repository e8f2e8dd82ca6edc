// Real networks and the operator cases of the ONNX backend tests on the host: their recorded outputs, and the numbers of the
// kernels that the modelled chip runs, layer by layer. Networks that are quantised give the same bits on every instruction
// set, in any number of slices; float32 networks stay within the tolerance of docs/numerics.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "gatefold/base/contract.h"
#include "gatefold/host/compiled.h"
#include "gatefold/onnx/import.h"
#include "gatefold/runtime/conformance.h"
#include "graph/interpreter.h"
#include "host_networks/counted_new.h"
#include "invariants/random_case.h"

namespace gatefold {

namespace fs = std::filesystem;

const fs::path kData = fs::path(GATEFOLD_SOURCE_DIR) / ".." / "shared" / "data";

struct Figures {
  int answers = 0, same_bits = 0, cases = 0, random = 0;
};
Figures figures;

namespace {

/// Every layer, each cut into as many slices as `parts` and the layer allow.
std::vector<Tensor> run_on_host(const CompiledNetwork& network, const InputSet& inputs, int parts) {
  Buffer arena(network.arena_bytes());
  Buffer scratch(network.scratch_bytes());
  std::memset(arena.data(), 0xA5, arena.size());  // what nobody wrote must not matter
  std::memset(scratch.data(), 0x5A, scratch.size());
  network.load_inputs(inputs, arena.data());
  for (std::size_t layer = 0; layer < network.layer_count(); ++layer) {
    const int count = std::min(parts, network.parts_max(layer));
    for (int part = count - 1; part >= 0; --part) network.run(layer, part, count, arena.data(), scratch.data());
  }
  std::vector<Tensor> outputs;
  network.store_outputs(arena.data(), outputs);
  return outputs;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  const std::int64_t bytes = a.shape().elements() * element_size(a.type());
  return a.type() == b.type() && a.shape() == b.shape() &&
         (bytes == 0 || std::memcmp(a.view().bytes, b.view().bytes, static_cast<std::size_t>(bytes)) == 0);
}

std::vector<Tensor> tensors(const fs::path& folder, const std::string& prefix) {
  std::vector<Tensor> found;
  for (int i = 0; fs::exists(folder / fmt::format("{}{}.pb", prefix, i)); ++i) {
    auto tensor = read_tensor_proto(folder / fmt::format("{}{}.pb", prefix, i));
    EXPECT_TRUE(tensor.has_value()) << folder << ": " << (tensor ? "" : tensor.error().message);
    if (tensor) found.push_back(tensor.value().tensor.dense());
  }
  return found;
}

/// The inputs in the network's order: by name where the file says so, else by position.
std::shared_ptr<const LayerGraph> graph_for(const Model& model, const std::vector<Tensor>& inputs, std::string& refused) {
  BuildOptions options;
  for (const Tensor& input : inputs) options.input_shapes.emplace_back(input.shape());
  auto graph = build_layer_graph(model, options);
  if (!graph) {
    refused = graph.error().message;
    return nullptr;
  }
  return std::make_shared<const LayerGraph>(std::move(graph).value());
}

/// Compares the host with the layer-by-layer kernels, and its slices with each other. Returns the outputs.
std::vector<Tensor> check_against_layers(const std::shared_ptr<const LayerGraph>& graph, const std::vector<Tensor>& inputs,
                                         const std::string& name) {
  const auto reference = test::run_graph(*graph, inputs, Numerics::kInteger);
  if (!reference) return {};  // the modelled chip does not run it either
  const std::vector<Tensor>& want = reference.value();
  std::vector<Tensor> outputs;
  for (const TileIsa isa : {best_tile_isa(), TileIsa::kAvx2, TileIsa::kBaseline}) {
    auto network = CompiledNetwork::make(graph, Numerics::kInteger, 3, isa);
    // What depends on a request's values has no way to fail while a program runs, and is refused.
    if (!network && network.error().message.find("by values that are computed") != std::string::npos) return outputs;
    if (!network) {
      ADD_FAILURE() << name << ": " << network.error().message;
      return outputs;
    }
    std::vector<Tensor> whole = run_on_host(*network.value(), inputs, 1);
    for (const int parts : {2, 3}) {
      const std::vector<Tensor> cut = run_on_host(*network.value(), inputs, parts);
      for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_TRUE(same_bits(whole[i], cut[i])) << name << " in " << parts << " slices";
    }
    for (std::size_t i = 0; i < want.size(); ++i) {
      // The integer contract leaves nothing open; sums of float32 may be taken in another order.
      const Comparison comparison = compare(whole[i], want[i], rule_for(*graph, graph->outputs[i], Numerics::kInteger));
      EXPECT_TRUE(comparison.pass) << name << " output " << i << " isa " << static_cast<int>(isa) << ": " << comparison.reason;
      if (graph->quantised) {
        EXPECT_TRUE(same_bits(whole[i], want[i])) << name << " output " << i << " isa " << static_cast<int>(isa);
      }
    }
    if (outputs.empty()) outputs = std::move(whole);
  }
  return outputs;
}

/// Allocations of one inference after a first one, whose buffers may grow; outputs are the caller's and not counted.
std::int64_t allocations_of_second_run(const std::shared_ptr<const LayerGraph>& graph, const InputSet& inputs) {
  const auto network = CompiledNetwork::make(graph, Numerics::kInteger, 2);
  EXPECT_TRUE(network.has_value());
  Buffer arena(network.value()->arena_bytes());
  Buffer scratch(network.value()->scratch_bytes());
  std::int64_t before = 0;
  for (int run = 0; run < 2; ++run) {
    before = test::allocation_count();
    network.value()->load_inputs(inputs, arena.data());
    for (std::size_t layer = 0; layer < network.value()->layer_count(); ++layer) {
      network.value()->run(layer, 0, 1, arena.data(), scratch.data());
    }
  }
  return test::allocation_count() - before;
}

class Networks : public testing::TestWithParam<const char*> {};

TEST_P(Networks, GiveTheirRecordedOutputsOnTheHost) {
  const fs::path folder = kData / "models" / GetParam();
  if (!fs::exists(folder)) GTEST_SKIP() << "NOT CHECKED: " << folder << " is missing";
  const auto model = read_onnx(folder / "model.onnx");
  ASSERT_TRUE(model.has_value()) << model.error().message;
  int sets = 0;
  for (; fs::exists(folder / fmt::format("test_data_set_{}", sets)) && sets < 2; ++sets) {
    const fs::path set = folder / fmt::format("test_data_set_{}", sets);
    const std::vector<Tensor> inputs = tensors(set, "input_");
    std::string refused;
    const auto graph = graph_for(model.value(), inputs, refused);
    ASSERT_NE(graph, nullptr) << refused;
    const std::vector<Tensor> outputs = check_against_layers(graph, inputs, GetParam());
    ASSERT_EQ(outputs.size(), graph->outputs.size());
    EXPECT_EQ(allocations_of_second_run(graph, inputs), 0);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const fs::path optimised = set / fmt::format("output_{}.ort_optimised.pb", i);
      auto want = read_tensor_proto(graph->quantised && fs::exists(optimised) ? optimised : set / fmt::format("output_{}.pb", i));
      ASSERT_TRUE(want.has_value());
      const Comparison comparison =
          compare(outputs[i], want.value().tensor.dense(), rule_for(*graph, graph->outputs[i], Numerics::kInteger));
      ++figures.answers;
      figures.same_bits += comparison.equal_bits ? 1 : 0;
      EXPECT_TRUE(comparison.pass) << set << " output " << i << ": " << comparison.reason;
    }
  }
  EXPECT_GT(sets, 0);
}

INSTANTIATE_TEST_SUITE_P(All, Networks,
                         testing::Values("mlperf_tiny_dscnn_kws_fp32", "mlperf_tiny_dscnn_kws_int8_qdq", "mlperf_tiny_resnet8_cifar10_fp32",
                                         "mlperf_tiny_resnet8_cifar10_int8_qdq", "mlperf_tiny_autoencoder_toycar_fp32",
                                         "mlperf_tiny_autoencoder_toycar_int8_qdq", "mlperf_tiny_mobilenetv1_vww96_fp32",
                                         "mlperf_tiny_mobilenetv1_vww96_int8_qdq", "imagenet_mobilenetv2_qdq_int8", "mnist_cntk_opset8",
                                         "mnist_cnn_pytorch_opset16", "fastestdet_coco_352", "ultraface_rfb_320", "yunet_n_320",
                                         "espcn_bsd300_resize"),
                         [](const auto& tested) { return std::string(tested.param); });

/// A violated contract fails the running case by name instead of ending the process in silence.
struct CaseFailed {};
void throw_violation(const ContractViolation& violation) {
  ADD_FAILURE() << violation.kind << " " << violation.condition << " at " << violation.file << ":" << violation.line;
  throw CaseFailed{};
}

class Cases : public testing::TestWithParam<const char*> {};

// Single operators in every shape that the standard tests: most take the plain step, and all go through the arena's orders.
TEST_P(Cases, GiveTheNumbersOfTheLayersOnTheHost) {
  const fs::path folder = kData / "conformance" / GetParam();
  if (!fs::exists(folder)) GTEST_SKIP() << "NOT CHECKED: " << folder << " is missing";
  int checked = 0;
  const ContractHandler before = set_contract_handler(throw_violation);
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().filename() != "model.onnx") continue;
    const auto model = read_onnx(entry.path());
    if (!model) continue;  // operators that are not imported are another test's matter
    const std::vector<Tensor> inputs = tensors(entry.path().parent_path() / "test_data_set_0", "input_");
    std::string refused;
    if (inputs.size() != model.value().inputs.size()) continue;
    const auto graph = graph_for(model.value(), inputs, refused);
    if (!graph || graph->layers.empty()) continue;
    const std::string name = entry.path().parent_path().filename().string();
    try {
      checked += check_against_layers(graph, inputs, name).empty() ? 0 : 1;
    } catch (const CaseFailed&) {
      ADD_FAILURE() << name << ": a contract was violated";
    }
  }
  set_contract_handler(before);
  figures.cases += checked;
  EXPECT_GT(checked, 0);
}

INSTANTIATE_TEST_SUITE_P(All, Cases, testing::Values("onnx-1.23-node", "onnx-1.12-node", "onnx-1.23-pytorch-converted"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
                           return name;
                         });

// Views, concatenations in place, sums taken over, memory used again: whatever the plan does to random graphs, each value is
// read after it was written and before it is overwritten.
TEST(RandomNetworks, GiveTheNumbersOfTheLayersOnTheHost) {
  constexpr int kNetworks = 400;
  for (std::uint64_t seed = 1; seed <= kNetworks; ++seed) {
    test::Random random(seed);
    const auto graph = std::make_shared<const LayerGraph>(test::random_network(random));
    std::vector<Tensor> inputs;
    for (const TensorId id : graph->inputs) {
      const Activation& activation = graph->activation(id);
      ASSERT_EQ(activation.type, ElementType::kFloat32);
      std::vector<float> values(static_cast<std::size_t>(activation.shape.elements()));
      for (float& value : values) value = static_cast<float>(random.between(-100, 100)) / 64.0F;
      inputs.push_back(Tensor::of<float>(activation.shape, values));
    }
    const auto outputs = check_against_layers(graph, inputs, fmt::format("random network {}", seed));
    ASSERT_FALSE(outputs.empty()) << seed;
    if (HasFailure()) return;
    ++figures.random;
  }
}

}  // namespace
}  // namespace gatefold

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const int status = RUN_ALL_TESTS();
  const gatefold::Figures& all = gatefold::figures;
  fmt::print(
      "figure: {} recorded answers ({} to the bit), {} operator cases, {} random networks, on three instruction sets in 1, 2 and 3 slices: "
      "{}\n",
      all.answers, all.same_bits, all.cases, all.random, status == 0 ? "0 failed" : "FAILED");
  return status;
}
