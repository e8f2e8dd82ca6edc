// Runs on chips that exploit zeros: cycles and energy follow what the activations hold, outputs do not change, and the ledger's
// tables add up.
#include <gtest/gtest.h>

#include <numeric>

#include "cost/small_run.h"
#include "gatefold/device/chip.h"

namespace gatefold {
namespace {

EnergyTotal total_of(const PartSums& parts) { return std::accumulate(parts.begin(), parts.end(), EnergyTotal()); }

/// The only output of the only request, a float tensor.
std::vector<float> values_of(const RunResult& result) {
  const auto values = result.outputs.at(0).at(0).tensor.values<float>();
  return {values.begin(), values.end()};
}

DeviceSpec one_core(ActivationSparsity sparsity, bool bitmap = false) {
  DeviceSpec spec = test::small_chip();
  spec.cluster_count = 1;
  spec.cores_per_cluster = 1;
  spec.banks_per_core = 8;
  spec.activation_sparsity = sparsity;
  spec.activation_bitmap = bitmap;
  return spec;
}

/// Eight channels on 2 x 2 positions, the last four of them zero.
Tensor half_zero() {
  std::vector<float> values(32, 1.5F);
  std::fill(values.begin() + 16, values.end(), 0.0F);
  return Tensor::of<float>(Shape{1, 8, 2, 2}, values);
}

RunResult run_half(const DeviceSpec& spec, RunOptions options = {}) {
  std::vector<InputSet> inputs;
  if (!options.timing_only) inputs.push_back({half_zero()});
  auto result = run(*test::prepared(test::chain({8, 4}, 2), spec), options, inputs);
  EXPECT_TRUE(result) << result.error().message;
  return std::move(result).value();
}

// 4 positions of two chunks of 4: 1 pass of (1 * 2 load + 8) + 2. 128 MACs and 16 adds of the second chunk.
TEST(Zeros, AChipThatIgnoresThemCostsWhatTheTableSays) {
  const RunResult result = run_half(one_core(ActivationSparsity::kNone));
  EXPECT_EQ(result.layers[0].cycles, Cycles(12));
  EXPECT_EQ(result.energy.compute, Energy(144));
  EXPECT_FALSE(result.layers[0].density);
}

TEST(Zeros, AGatedChipSavesMultiplicationsAndNoTime) {  // EQ-45
  const RunResult result = run_half(one_core(ActivationSparsity::kGate));
  EXPECT_EQ(result.layers[0].cycles, Cycles(12));
  EXPECT_EQ(result.energy.compute, Energy(64 + 16));
  EXPECT_DOUBLE_EQ(*result.layers[0].density, 0.5);
  EXPECT_EQ(result.layers[0].skipped, DotProducts(0));
}

TEST(Zeros, ASkippingChipDoesNotIssueBlocksOfThem) {  // EQ-46
  const RunResult result = run_half(one_core(ActivationSparsity::kSkip));
  EXPECT_EQ(result.layers[0].cycles, Cycles(2 + 4 + 2));
  EXPECT_EQ(result.energy.compute, Energy(64 + 16));
  EXPECT_EQ(result.layers[0].skipped, DotProducts(4 * 4));  // half of 4 positions x 4 filters x 2 chunks
}

TEST(Zeros, ABitmapShrinksWhatIsReadAndWritten) {  // EQ-47
  const RunResult plain = run_half(one_core(ActivationSparsity::kNone));
  const RunResult packed = run_half(one_core(ActivationSparsity::kNone, true));
  // Input 32 B: 4 B of bitmap and 16 elements; 48 B of weights. No output of random weights is zero: 16 B plain.
  EXPECT_EQ(plain.energy.memory, Energy(32 + 48 + 32 + 16));
  EXPECT_EQ(packed.energy.memory, Energy(20 + 48 + 20 + 16));
  EXPECT_EQ(packed.layers[0].cycles, plain.layers[0].cycles);
}

TEST(Zeros, WithoutDataTheDensityIsWhatIsGiven) {
  RunOptions options;
  options.timing_only = true;
  const RunResult dense = run_half(one_core(ActivationSparsity::kSkip), options);
  EXPECT_EQ(dense.energy.compute, Energy(144));
  EXPECT_DOUBLE_EQ(*dense.layers[0].density, 1);
  options.density = 0.25;
  const RunResult given = run_half(one_core(ActivationSparsity::kSkip), options);
  EXPECT_EQ(given.energy.compute, Energy(32 + 16));
  EXPECT_EQ(given.layers[0].cycles, Cycles(12));  // where they lie is not known
}

TEST(Zeros, ResultsAreTheSameOnEveryChip) {
  const std::vector<float> plain = values_of(run_half(one_core(ActivationSparsity::kNone)));
  EXPECT_EQ(values_of(run_half(one_core(ActivationSparsity::kSkip, true))), plain);
  EXPECT_EQ(values_of(run_half(one_core(ActivationSparsity::kGate))), plain);
}

TEST(Zeros, OfAQuantisedTensorAreItsZeroPoint) {
  test::ModelBuilder net;
  const ValueId x = net.input("x", Shape{1, 8, 2, 2}, ElementType::kInt8);
  net.output(test::pointwise(net, "conv", net.dequantize("real", x, 0.5F, 3), 8, 4));
  const auto network = test::prepared(test::graph_of(net.model()), one_core(ActivationSparsity::kSkip));
  const auto density = [&](std::int8_t value) {
    const auto result = run(*network, {}, {{Tensor::splat<std::int8_t>(Shape{1, 8, 2, 2}, value).dense()}});
    EXPECT_TRUE(result) << result.error().message;
    return result.value().layers[0].density;
  };
  EXPECT_DOUBLE_EQ(*density(3), 0);
  EXPECT_DOUBLE_EQ(*density(0), 1);
}

/// Three ternary layers: dense with a channel that no filter reads, depthwise, dense.
std::shared_ptr<const LayerGraph> ternary_network() {
  const auto weights = [](test::ModelBuilder& net, const Shape& shape, float size, std::int64_t unused) {
    std::vector<float> values;
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
      const bool none = i % shape[1] == unused || i * 7 % 5 < 3;
      values.push_back(none ? 0.0F : (i % 2 == 0 ? size : -size));
    }
    return net.constant(Tensor::of<float>(shape, values));
  };
  test::ModelBuilder net;
  ValueId x = net.input("x", Shape{1, 6, 3, 3});
  x = net.node("first", Conv{}, {x, weights(net, Shape{8, 6, 1, 1}, 0.5F, 2)});
  Conv depthwise;
  depthwise.window.kernel = {3, 3};
  depthwise.window.pads = {1, 1, 1, 1};
  depthwise.group = 8;
  x = net.node("second", depthwise, {net.relu("relu", x), weights(net, Shape{8, 1, 3, 3}, 0.25F, -1)});
  net.output(net.node("third", Conv{}, {x, weights(net, Shape{4, 8, 1, 1}, 2.0F, -1)}));
  return test::graph_of(net.model());
}

TEST(Ternary, ANetworkRunsByItsNonZerosWithTheSameResults) {  // EQ-48, EQ-49
  const auto graph = ternary_network();
  DeviceSpec spec = test::small_chip();
  const auto plain = test::prepared(graph, spec);
  spec.ternary = true;
  spec.weight_share = 4;
  spec.tree_bits = 4;
  const auto ternary = test::prepared(graph, spec);
  for (const char* policy : {"static", "greedy"}) {
    RunOptions options;
    options.policy = policy;
    const auto inputs = test::inputs_of(*graph);
    const auto wanted = run(*plain, options, {inputs});
    const auto found = run(*ternary, options, {inputs});
    ASSERT_TRUE(found) << found.error().message;
    const std::vector<float> got = values_of(found.value());
    const std::vector<float> want = values_of(wanted.value());
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-5F);  // sums of another order
  }
  EXPECT_EQ(ternary->table().work(LayerId(0)).ic, 5);
  for (std::size_t v = 0; v < graph->layers.size(); ++v) {
    EXPECT_LT(ternary->table().work(LayerId(v)).weights, plain->table().work(LayerId(v)).weights);
    EXPECT_LT(ternary->table().work(LayerId(v)).macs(), plain->table().work(LayerId(v)).macs());
  }
}

TEST(Breakdown, ByLayerAndByClusterAddUpToTheTotalExactly) {
  for (const char* policy : {"ungated", "static", "seed-literal", "greedy"}) {
    DeviceSpec spec = test::small_chip();
    spec.activation_sparsity = ActivationSparsity::kSkip;
    const auto network = test::prepared(test::residual(), spec);
    RunOptions options;
    options.policy = policy;
    options.arrivals.count = 3;
    options.events = {{Cycles(5), {EventKind::kOccupy, ClusterId(0), 100}}, {Cycles(60), {EventKind::kRelease, ClusterId(0), 100}}};
    const auto result = run(*network, options, {test::inputs_of(network->graph())});
    ASSERT_TRUE(result) << result.error().message;
    EnergyTotal layers = total_of(result.value().energy_between);
    for (const LayerRecord& layer : result.value().layers) {
      layers += total_of(layer.parts);
      EXPECT_GT(total_of(layer.parts), EnergyTotal());
    }
    EnergyTotal clusters;
    for (const PartSums& row : result.value().energy_clusters) clusters += total_of(row);
    EXPECT_EQ(layers, result.value().energy.total()) << policy;
    EXPECT_EQ(clusters, result.value().energy.total()) << policy;
    ASSERT_EQ(result.value().energy_clusters.size(), 5U);
    EXPECT_EQ(result.value().energy_clusters[0][static_cast<std::size_t>(Part::kFloor)], result.value().energy.floor);
  }
}

TEST(Profile, ARunsRecordingReplaysItsConditionsAndUses) {
  const auto network = test::prepared(test::residual());
  RunOptions options;
  options.timing_only = true;
  options.events = {{Cycles(5), {EventKind::kThrottle, ClusterId(0), 50}}, {Cycles(60), {EventKind::kRecover, ClusterId(0), 100}}};
  EXPECT_TRUE(run(*network, options, {}).value().profile.empty());
  options.record_profile = true;
  const RunResult result = run(*network, options, {}).value();
  ASSERT_EQ(result.profile.size(), 2U + 4U);  // two events, four layers
  Chip chip(network->spec(), GatingScope::kAll);
  for (const ProfileDelta& delta : result.profile) chip.profile().apply(delta);
  EXPECT_EQ(chip.profile().version(Cycles(4)), 0U);
  EXPECT_EQ(chip.profile().version(Cycles(5)), 1U);
  EXPECT_EQ(chip.profile().condition(ClusterId(0), Cycles(59)).percent, 50);
  EXPECT_EQ(chip.profile().condition(ClusterId(0), Cycles(60)).percent, 100);
  const double used = chip.profile().utilisation(network->plan().assignment[0].core(0, network->spec().cores_per_cluster), result.horizon);
  EXPECT_GT(used, 0);
}

}  // namespace
}  // namespace gatefold
