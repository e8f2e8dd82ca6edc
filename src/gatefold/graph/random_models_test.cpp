// Forming layers never changes what a network computes: random networks, node by node and layer by layer.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "gatefold/graph/layer_graph.h"
#include "graph/describe.h"
#include "graph/interpreter.h"
#include "graph/model_builder.h"

namespace gatefold {
namespace {

using test::ModelBuilder;

/// Grows a network over [1, 4, 6, 6] values: every step takes one or two of the values so far, so that some are read
/// once, some often and some never.
class Grower {
 public:
  Grower(std::uint32_t seed, bool quantised) : generator_(seed), quantised_(quantised) {
    values_.push_back(net_.input("x", Shape{1, 4, 6, 6}));
  }

  ModelBuilder grow(int steps) {
    for (int i = 0; i < steps; ++i) values_.push_back(step("n" + std::to_string(i)));
    net_.output(values_.back()).output(values_[values_.size() / 2]);
    return net_;
  }

 private:
  int below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(generator_); }
  /// Recent values more often: chains are where layers are joined.
  ValueId pick() { return below(3) > 0 ? values_.back() : values_[static_cast<std::size_t>(below(static_cast<int>(values_.size())))]; }

  ValueId step(const std::string& name) {
    const ValueId x = pick();
    switch (below(quantised_ ? 13 : 11)) {
      case 0: return conv(name, x, 1);
      case 1: return conv(name, x, 4);
      case 2: return net_.relu(name, x);
      case 3: return net_.node(name, Unary{UnaryKind::kClip, -0.5F, 0.75F}, {x});
      case 4: return net_.node(name, Binary{}, {x, pick()});
      case 5: return net_.node(name, Binary{}, {net_.weights(Shape{4, 1, 1}), x});
      case 6: {
        const ValueId variance = net_.constant(Tensor::of<float>(Shape{4}, {0.5F, 1, 2, 4}));
        return net_.node(name, BatchNorm{}, {x, net_.weights({4}), net_.weights({4}), net_.weights({4}), variance});
      }
      case 7:
        return net_.node(name, Pool{PoolKind::kMax, Window{{3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, AutoPad::kExplicit}, false, false, false},
                         {x});
      case 8: return net_.node(name, Transpose{{0, 1, 3, 2}}, {x});
      case 9: return reshaped(name, x);
      case 10:
        return net_.node(name, Slice{},
                         {net_.node(name + "/join", Concat{1}, {x, pick()}), net_.integers({2}), net_.integers({6}), net_.integers({1})});
      default: return through_int8(name, x);
    }
  }

  ValueId conv(const std::string& name, ValueId x, std::int64_t group) {
    const Conv op{Window{{3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, AutoPad::kExplicit}, group};
    const Shape shape{4, 4 / group, 3, 3};
    const ValueId weights = quantised_ ? net_.quantised_weights(name + "/w", shape, {0.0078125F}) : net_.weights(shape);
    if (below(2) == 0) return net_.node(name, op, {x, weights});
    return net_.node(name, op, {x, weights, quantised_ ? net_.quantised_bias(name + "/b", 4, {0.0078125F * 0.0625F}) : net_.weights({4})});
  }

  ValueId reshaped(const std::string& name, ValueId x) {
    const ValueId flat = net_.node(name + "/flat", Flatten{}, {x});
    const ValueId between = below(2) == 0 ? flat : net_.relu(name + "/between", flat);
    return net_.node(name, Reshape{}, {between, net_.integers({1, 4, 6, 6})});
  }

  ValueId through_int8(const std::string& name, ValueId x) {
    const float scale = below(3) == 0 ? 0.03125F : 0.0625F;
    const auto zero = static_cast<std::int8_t>(below(2) * 5);
    return net_.dequantize(name, net_.quantize(name + "/q", x, scale, zero), scale, zero);
  }

  std::mt19937 generator_;
  bool quantised_;
  ModelBuilder net_;
  std::vector<ValueId> values_;
};

/// The largest difference, relative above 1.
double difference(const Tensor& got, const Tensor& want) {
  double largest = 0;
  for (std::int64_t i = 0; i < want.shape().elements(); ++i) {
    largest = std::max(largest, std::abs(got.number_at(i) - want.number_at(i)) / std::max(1.0, std::abs(want.number_at(i))));
  }
  return largest;
}

void compare(std::uint32_t seed, bool quantised) {
  SCOPED_TRACE(seed);
  const ModelBuilder net = Grower(seed, quantised).grow(14);
  const auto graph = build_layer_graph(net.model());
  ASSERT_TRUE(graph) << graph.error().message;
  const std::vector<Tensor> inputs{ModelBuilder::random_tensor(ElementType::kFloat32, Shape{1, 4, 6, 6}, seed)};
  const auto want = test::run_model(net.model(), inputs);
  const auto got = test::run_graph(graph.value(), inputs);
  ASSERT_TRUE(want) << want.error().message;
  ASSERT_TRUE(got) << got.error().message;
  for (std::size_t i = 0; i < want.value().size(); ++i) {
    ASSERT_EQ(got.value()[i].shape(), want.value()[i].shape());
    // Every scale is a power of two, so that quantised networks have no ties that a folded constant could turn.
    EXPECT_LE(difference(got.value()[i], want.value()[i]), 1e-4) << test::describe(graph.value());
  }
}

TEST(RandomModels, FloatNetworksComputeTheSame) {
  for (std::uint32_t seed = 0; seed < 150; ++seed) compare(seed, false);
}

TEST(RandomModels, QuantisedNetworksComputeTheSame) {
  for (std::uint32_t seed = 1000; seed < 1150; ++seed) compare(seed, true);
}

}  // namespace
}  // namespace gatefold
