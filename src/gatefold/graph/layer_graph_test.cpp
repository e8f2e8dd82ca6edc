// One test per rule of layer forming, on networks of a few nodes; graph/describe.h explains the text.
#include "gatefold/graph/layer_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <tuple>

#include "graph/describe.h"
#include "graph/interpreter.h"
#include "graph/model_builder.h"

namespace gatefold {
namespace {

using test::ModelBuilder;
using testing::ElementsAre;

const Conv kConv{Window{{3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, AutoPad::kExplicit}, 1};
const Pool kMaxPool{PoolKind::kMax, Window{{2, 2}, {2, 2}, {1, 1}, {0, 0, 0, 0}, AutoPad::kExplicit}, false, false, false};

/// The layers as text, or the error. Whatever was joined must compute what the nodes compute one by one.
std::string layers(const ModelBuilder& net) {
  const auto graph = build_layer_graph(net.model());
  if (!graph) return graph.error().message;
  std::vector<Tensor> inputs;
  for (const Input& input : net.model().inputs) {
    std::vector<std::int64_t> dims;
    for (const Extent& extent : input.shape) dims.push_back(extent.count);
    inputs.push_back(ModelBuilder::random_tensor(input.type, Shape(dims), inputs.size() + 100));
  }
  const auto want = test::run_model(net.model(), inputs);
  const auto got = test::run_graph(graph.value(), inputs);
  if (!want || !got) return (want ? got : want).error().message;
  for (std::size_t i = 0; i < want.value().size(); ++i) {
    const Tensor& a = got.value()[i];
    const Tensor& b = want.value()[i];
    if (a.shape() != b.shape() || a.type() != b.type()) return "types or shapes differ";
    for (std::int64_t at = 0; at < b.shape().elements(); ++at) {
      const double tolerance = is_float(b.type()) ? 1e-4 * std::max(1.0, std::abs(b.number_at(at))) : 0;
      if (std::abs(a.number_at(at) - b.number_at(at)) > tolerance)
        return fmt::format("output {} differs at {}: {} for {}", i, at, a.number_at(at), b.number_at(at));
    }
  }
  return test::describe(graph.value());
}

TEST(LayerGraph, ConvTakesBatchNormAddAndRelu) {
  ModelBuilder net;
  const ValueId x = net.input("x", Shape{1, 3, 6, 6});
  const ValueId conv = net.node("conv", kConv, {x, net.weights({4, 3, 3, 3})});
  const ValueId variance = net.constant(Tensor::of<float>(Shape{4}, {0.5F, 1, 2, 4}));
  const ValueId bn = net.node("bn", BatchNorm{}, {conv, net.weights({4}), net.weights({4}), net.weights({4}), variance});
  const ValueId sum = net.node("sum", Binary{}, {net.weights({4, 1, 1}), bn});
  net.output(net.relu("relu", sum));
  EXPECT_EQ(layers(net), "dot conv: Conv(x, c:float32, c:float32) Relu -> relu:float32\noutput relu: relu[1, 4, 6, 6]\n");
}

TEST(LayerGraph, BatchNormOfSplatsKeepsSplats) {
  ModelBuilder net;
  const ValueId x = net.input("x", Shape{1, 3, 6, 6});
  const auto splat = [&](const Shape& shape, float value) { return net.constant(Tensor::splat<float>(shape, value)); };
  const ValueId conv = net.node("conv", kConv, {x, splat({4, 3, 3, 3}, 0.5F)});
  net.output(net.node("bn", BatchNorm{0}, {conv, splat({4}, 6), splat({4}, 1), splat({4}, 2), splat({4}, 9)}));
  const auto graph = build_layer_graph(net.model());
  ASSERT_TRUE(graph);
  const Layer& layer = graph.value().layers.at(0);
  EXPECT_TRUE(layer.inputs[1].constant->is_splat());
  EXPECT_EQ(layer.inputs[1].constant->number_at(0), 1);   // 0.5 * 6 / sqrt(9)
  EXPECT_EQ(layer.inputs[2].constant->number_at(3), -3);  // (0 - 2) * 6 / sqrt(9) + 1
}

TEST(LayerGraph, WhatTwoReadersSeeStaysAsItIs) {
  ModelBuilder net;
  const ValueId x = net.input("x", Shape{1, 3, 6, 6});
  const ValueId conv = net.node("conv", kConv, {x, net.weights({4, 3, 3, 3})});
  const ValueId relu = net.relu("relu", conv);
  net.output(net.node("sum", Binary{}, {conv, relu})).output(relu);
  EXPECT_EQ(layers(net),
            "dot conv: Conv(x, c:float32) -> conv:float32\n"
            "vector relu: Relu(conv) -> relu:float32\n"
            "vector sum: Add(conv, relu) -> sum:float32\n"
            "output sum: sum[1, 4, 6, 6]\noutput relu: relu[1, 4, 6, 6]\n");
}

TEST(LayerGraph, OnlyStoreTimeActivationsJoin) {
  ModelBuilder net;
  const ValueId x = net.input("x", Shape{2, 4});
  const ValueId a = net.node("clip", Unary{UnaryKind::kClip, 0, 6}, {net.node("a", MatMul{}, {x, net.weights({4, 4})})});
  const ValueId b = net.node("leaky", Unary{UnaryKind::kLeakyRelu, 0.1F, 0}, {net.node("b", MatMul{}, {a, net.weights({4, 4})})});
  const ValueId c = net.node("swish", Unary{UnaryKind::kHardSwish}, {net.node("c", MatMul{}, {b, net.weights({4, 4})})});
  net.output(net.relu("relu", net.node("sum", Binary{}, {c, b})));
  EXPECT_EQ(layers(net),
            "dot a: MatMul(x, c:float32) Clip -> clip:float32\n"
            "dot b: MatMul(clip, c:float32) LeakyRelu -> leaky:float32\n"
            "dot c: MatMul(leaky, c:float32) -> c:float32\n"
            "vector swish: HardSwish(c) -> swish:float32\n"
            "vector sum: Add(swish, leaky) Relu -> relu:float32\n"
            "output relu: relu[2, 4]\n");
}

TEST(LayerGraph, GemmIsOneForm) {
  for (const bool transpose_b : {false, true}) {
    ModelBuilder net;
    const ValueId x = net.input("x", Shape{3, 4});
    const ValueId w = net.weights(transpose_b ? Shape{5, 4} : Shape{4, 5});
    net.output(net.node("gemm", MatMul{false, transpose_b, 0.5F, 2}, {x, w, net.weights({1, 5})}));
    EXPECT_EQ(layers(net), "dot gemm: MatMul(x, c:float32, c:float32) -> gemm:float32\noutput gemm: gemm[3, 5]\n");
    const auto graph = build_layer_graph(net.model());
    EXPECT_EQ(graph.value().layers[0].inputs[1].shape, (Shape{5, 4, 1, 1}));
    EXPECT_EQ(graph.value().layers[0].dot.macs(), 3 * 4 * 5);
    EXPECT_EQ(weight_elements(graph.value().layers[0]), 4 * 5 + 5);
  }
}

TEST(LayerGraph, MatMulCountsLeadingDimensions) {
  ModelBuilder net;
  const ValueId x = net.input("x", Shape{2, 3, 4});
  const ValueId product = net.node("mm", MatMul{}, {x, net.weights({4, 5})});
  net.output(net.node("bias", Binary{}, {product, net.weights({5})}));
  EXPECT_EQ(layers(net), "dot mm: MatMul(x, c:float32, c:float32) -> bias:float32\noutput bias: bias[2, 3, 5]\n");
  EXPECT_EQ(build_layer_graph(net.model()).value().layers[0].dot.n, 6);
}

TEST(LayerGraph, DotProductsItCannotFormAreNamed) {
  ModelBuilder computed;
  const ValueId x = computed.input("x", Shape{4, 4});
  computed.output(computed.node("mm", MatMul{}, {x, x}));
  EXPECT_EQ(layers(computed), "net: node 'mm': both factors are computed at run time, want constant weights");

  ModelBuilder turned;
  turned.output(turned.node("mm", MatMul{true, false, 1, 1}, {turned.input("x", Shape{4, 3}), turned.weights({4, 5})}));
  EXPECT_EQ(layers(turned), "net: node 'mm': transposes its computed factor of shape [4, 3], want a vector or a Transpose node");

  ModelBuilder vector;
  vector.output(vector.node("mm", MatMul{true, false, 1, 1}, {vector.input("x", Shape{4, 1}), vector.weights({4, 5})}));
  EXPECT_EQ(layers(vector), "dot mm: MatMul(x[1, 4], c:float32) -> mm:float32\noutput mm: mm[1, 5]\n");
}

TEST(LayerGraph, QuantisedConvIsOneIntegerLayer) {
  ModelBuilder net;
  const ValueId x = net.dequantize("dx", net.input("x", Shape{1, 3, 6, 6}, ElementType::kInt8), 0.5F, 3);
  const ValueId w = net.quantised_weights("dw", {2, 3, 3, 3}, {0.25F, 0.125F});
  const ValueId b = net.quantised_bias("db", 2, {0.125F, 0.0625F});
  net.output(net.quantize("q", net.relu("relu", net.node("conv", kConv, {x, w, b})), 8));
  EXPECT_EQ(layers(net), "dot conv: Conv(x~, c:int8~, c:int32~) Relu Q -> q:int8 integer\noutput q: q[1, 2, 6, 6]\n");
}

TEST(LayerGraph, ABiasAtAnotherScaleMakesTheSumFloat) {
  ModelBuilder net;
  const ValueId x = net.dequantize("dx", net.input("x", Shape{1, 3, 6, 6}, ElementType::kInt8), 0.5F);
  const ValueId w = net.quantised_weights("dw", {2, 3, 3, 3}, {0.25F, 0.125F});
  const ValueId b = net.quantised_bias("db", 2, {0.125F, 0.0626F});
  net.output(net.quantize("q", net.node("conv", kConv, {x, w, b}), 8));
  EXPECT_EQ(layers(net), "dot conv: Conv(x~, c:int8~, c:float32) Q -> q:int8\noutput q: q[1, 2, 6, 6]\n");
}

TEST(LayerGraph, IntegerMatMulTakesOnlyIntegerBiases) {
  for (const bool fits : {true, false}) {
    ModelBuilder net;
    const ValueId x = net.dequantize("dx", net.input("x", Shape{2, 3}, ElementType::kInt8), 0.5F);
    const ValueId w = net.quantised_weights("dw", {3, 4}, {0.25F, 0.125F, 1, 2}, 1);
    const ValueId b = fits ? net.quantised_bias("db", 4, {0.125F, 0.0625F, 0.5F, 1}) : net.weights({4});
    net.output(net.quantize("q", net.node("sum", Binary{}, {net.node("mm", MatMul{}, {x, w}), b}), 8));
    EXPECT_EQ(layers(net), fits ? "dot mm: MatMul(x~, c:int8~, c:int32~) Q -> q:int8 integer\noutput q: q[2, 4]\n"
                                : "dot mm: MatMul(x~, c:int8~) -> mm:float32 integer\n"
                                  "vector sum: Add(mm, c:float32) Q -> q:int8\noutput q: q[2, 4]\n");
  }
}

TEST(LayerGraph, WeightsScaledAlongTheSumBecomeFloat) {
  ModelBuilder net;
  const ValueId x = net.dequantize("dx", net.input("x", Shape{2, 2}, ElementType::kInt8), 0.5F);
  net.output(net.node("mm", MatMul{}, {x, net.quantised_weights("dw", {2, 3}, {0.25F, 0.125F}, 0)}));
  EXPECT_EQ(layers(net), "dot mm: MatMul(x~, c:float32) -> mm:float32\noutput mm: mm[2, 3]\n");
}

TEST(LayerGraph, SumsThatMightNotFitInt32AreFloat) {
  const auto integer = [](std::int64_t taps) {
    ModelBuilder net;
    const ValueId x = net.dequantize("dx", net.input("x", Shape{1, taps}, ElementType::kInt8), 0.5F);
    net.output(net.node("mm", MatMul{}, {x, net.quantised_weights("dw", {taps, 1}, {1})}));
    return build_layer_graph(net.model()).value().layers[0].integer;
  };
  EXPECT_TRUE(integer(65793));  // 65793 * 255 * 128 = 2147483520, 2^31 - 1 = 2147483647
  EXPECT_FALSE(integer(65794));
}

TEST(LayerGraph, MovesAndMaxPoolsWorkOnStoredIntegers) {
  ModelBuilder net;
  const ValueId x = net.dequantize("dx", net.input("x", Shape{1, 2, 4, 4}, ElementType::kInt8), 0.5F, 1);
  const ValueId pooled = net.node("pool", kMaxPool, {x});
  const ValueId joined = net.node("join", Concat{1}, {pooled, pooled});
  const ValueId padded = net.node("pad", Pad{}, {joined, net.integers({0, 0, 1, 1, 0, 0, 0, 0})});
  net.output(net.quantize("q", net.node("turn", Transpose{{0, 2, 3, 1}}, {padded}), 0.5F, 1));
  EXPECT_EQ(layers(net),
            "vector pool: MaxPool(x) -> pool:int8\n"
            "move join: Concat(pool, pool) -> join:int8\n"
            "move pad: Pad(join, c:int64, c:int8) -> pad:int8\n"
            "move turn: Transpose(pad) -> turn:int8\n"
            "output q: turn[1, 3, 3, 4]\n");
}

TEST(LayerGraph, OtherQuantisationMakesAMoveRequantise) {
  ModelBuilder net;
  const ValueId x = net.dequantize("dx", net.input("x", Shape{1, 2, 4, 4}, ElementType::kInt8), 0.5F, 1);
  const ValueId y = net.dequantize("dy", net.input("y", Shape{1, 2, 2, 2}, ElementType::kInt8), 0.25F);
  const ValueId pooled = net.quantize("q1", net.node("pool", kMaxPool, {x}), 0.25F);
  const ValueId both = net.node("join", Concat{1}, {net.dequantize("d1", pooled, 0.25F), net.node("turn", Transpose{{0, 1, 3, 2}}, {y})});
  net.output(net.quantize("q2", both, 0.5F)).output(pooled);
  EXPECT_EQ(layers(net),
            "vector pool: MaxPool(x~) Q -> q1:int8\n"
            "move turn: Transpose(y) -> turn:int8\n"
            "move join: Concat(q1~, turn~) Q -> q2:int8\n"
            "output q2: q2[1, 4, 2, 2]\noutput q1: q1[1, 2, 2, 2]\n");
}

TEST(LayerGraph, DequantisedOutputsAreComputed) {
  ModelBuilder net;
  const ValueId x = net.input("x", Shape{1, 2, 4, 4}, ElementType::kInt8);
  const ValueId real = net.dequantize("dx", x, 0.5F);
  net.output(real).output(net.node("pool", kMaxPool, {real}));
  EXPECT_EQ(layers(net),
            "vector pool: MaxPool(x~) -> pool:float32\n"
            "vector dx: DequantizeLinear(x, c:float32, c:int8) -> dx:float32\n"
            "output dx: dx[1, 2, 4, 4]\noutput pool: pool[1, 2, 2, 2]\n");
}

TEST(LayerGraph, QuantiseOfAnInputIsALayerAndItsInverseVanishes) {
  ModelBuilder net;
  const ValueId x = net.input("x", Shape{1, 4});
  const ValueId first = net.dequantize("d1", net.quantize("q1", x, 0.125F, 2), 0.125F, 2);
  const ValueId again = net.dequantize("d2", net.quantize("q2", first, 0.125F, 2), 0.125F, 2);
  net.output(net.quantize("q3", net.relu("relu", again), 0.25F));
  EXPECT_EQ(layers(net),
            "vector q1: QuantizeLinear(x, c:float32, c:int8) -> q1:int8\n"
            "vector relu: Relu(q1~) Q -> q3:int8\n"
            "output q3: q3[1, 4]\n");
}

TEST(LayerGraph, SplitPartsKeepTheirDequantisation) {
  ModelBuilder net;
  const ValueId x = net.dequantize("dx", net.input("x", Shape{1, 6}, ElementType::kInt8), 0.5F);
  const auto parts = net.node("split", Split{1}, {x}, 2);
  net.output(net.quantize("q", parts[0], 0.5F)).output(net.node("sum", Binary{}, {parts[0], parts[1]}));
  EXPECT_EQ(layers(net),
            "move split: Split(x, c:int64) -> split:int8, split:1:int8\n"
            "vector sum: Add(split~, split:1~) -> sum:float32\n"
            "output q: split[1, 3]\noutput sum: sum[1, 3]\n");
}

TEST(LayerGraph, WhatMovesNoByteIsAView) {
  ModelBuilder net;
  const ValueId x = net.input("x", Shape{2, 1, 3, 1});
  const ValueId same = net.node("same", Identity{}, {net.node("cast", Cast{}, {net.relu("relu", x)})});
  const ValueId turned = net.node("turn", Transpose{{1, 0, 3, 2}}, {same});
  const ValueId flat = net.node("flat", Reshape{}, {turned, net.integers({2, 3})});
  const ValueId scaled = net.node("scaled", Unary{UnaryKind::kAbs}, {flat});
  net.output(net.node("row", Unsqueeze{}, {scaled, net.integers({0})}));
  EXPECT_EQ(layers(net),
            "vector relu: Relu(x) -> relu:float32\n"
            "vector scaled: Abs(relu[2, 3]) -> scaled:float32\n"
            "output row: scaled[1, 2, 3]\n");
}

TEST(LayerGraph, ConstantAndInputOutputsAreCopied) {
  ModelBuilder net;
  const ValueId x = net.input("x", Shape{2});
  net.output(net.node("same", Identity{}, {x})).output(net.integers({5})).output(net.relu("same'", x));
  EXPECT_EQ(layers(net),
            "vector same': Relu(x) -> same':float32\n"
            "move same: Identity(x) -> same:float32\n"
            "move constant2: Identity(c:int64) -> constant2:int64\n"
            "output same: same[2]\noutput constant2: constant2[1]\noutput same': same'[2]\n");
}

TEST(LayerGraph, KnowsConsumersAndLastUses) {
  ModelBuilder net;
  const ValueId x = net.input("x", Shape{4});
  const ValueId unused = net.input("unused", Shape{4});
  const ValueId a = net.node("a", Unary{UnaryKind::kAbs}, {x});
  const ValueId b = net.node("b", Unary{UnaryKind::kExp}, {a});
  net.output(net.node("c", Binary{}, {a, a})).output(net.node("d", Binary{BinaryKind::kMul}, {b, x}));
  static_cast<void>(unused);
  const auto built = build_layer_graph(net.model());
  ASSERT_TRUE(built);
  const LayerGraph& graph = built.value();
  const auto& [input, idle, first, second, third, fourth] = std::tie(graph.activations[0], graph.activations[1], graph.activations[2],
                                                                     graph.activations[3], graph.activations[4], graph.activations[5]);
  EXPECT_THAT(input.consumers, ElementsAre(LayerId(0), LayerId(3)));
  EXPECT_EQ(input.last_use, LayerId(3));
  EXPECT_EQ(idle.last_use, std::nullopt);
  EXPECT_THAT(first.consumers, ElementsAre(LayerId(1), LayerId(2)));
  EXPECT_EQ(first.last_use, LayerId(2));
  EXPECT_EQ(second.last_use, LayerId(3));
  EXPECT_TRUE(third.network_output && fourth.network_output);
  EXPECT_EQ(third.last_use, std::nullopt);
  EXPECT_EQ(stored_bytes(first), 16);
}

TEST(LayerGraph, VectorLayersTieTheirOperandsTogether) {
  ModelBuilder net;
  const ValueId x = net.input("x", Shape{1, 4});
  const auto dense = [&](const std::string& name, ValueId from) { return net.node(name, MatMul{}, {from, net.weights({4, 4})}); };
  const ValueId a = dense("0", x);
  const ValueId b = dense("1", a);
  const ValueId sum = net.node("2", Binary{}, {a, b});
  const ValueId c = dense("3", sum);
  const ValueId d = dense("4", c);
  const ValueId twice = net.node("5", Binary{}, {d, d});
  const ValueId with_input = net.node("6", Binary{BinaryKind::kMul}, {twice, x});
  net.output(with_input).output(net.node("7", Concat{1}, {c, sum}));
  const auto graph = build_layer_graph(net.model());
  ASSERT_TRUE(graph);
  EXPECT_THAT(groups_sharing_operands(graph.value()),
              ElementsAre(ElementsAre(LayerId(0), LayerId(1), LayerId(2)), ElementsAre(LayerId(5), LayerId(6))));
}

}  // namespace
}  // namespace gatefold
