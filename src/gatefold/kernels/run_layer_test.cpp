// Vector and move layers: specialised loops against the plain evaluator on seeded random shapes; dequantising operands
// and epilogues against hand-computed values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <random>

#include "gatefold/kernels/evaluate.h"

namespace gatefold {
namespace {

using ::testing::ElementsAre;
using Random = std::mt19937;

std::int64_t between(Random& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

template <class T>
Tensor random_tensor(Random& random, const Shape& shape) {
  std::vector<T> values(static_cast<std::size_t>(shape.elements()));
  for (T& value : values) value = static_cast<T>(std::uniform_real_distribution<float>(-100, 100)(random));
  return Tensor::of<T>(shape, values);
}

Tensor random_bytes(Random& random, const Shape& shape) {
  std::vector<std::uint8_t> values(static_cast<std::size_t>(shape.elements()));
  for (std::uint8_t& value : values) value = static_cast<std::uint8_t>(between(random, 0, 255));
  return Tensor::of<std::uint8_t>(shape, values);
}

Layer layer_of(const Operator& op, const std::vector<Tensor>& inputs, LayerKind kind = LayerKind::kVector) {
  Layer layer;
  layer.name = "layer";
  layer.kind = kind;
  layer.op = op;
  for (const Tensor& input : inputs) {
    Operand operand;
    operand.tensor = TensorId(0);
    operand.type = input.type();
    operand.shape = input.shape();
    layer.inputs.push_back(operand);
  }
  return layer;
}

/// Runs into one output of `shape` and `type`.
Result<Tensor> ran(Layer& layer, const std::vector<Tensor>& inputs, const Shape& shape, ElementType type,
                   Numerics numerics = Numerics::kInteger) {
  layer.outputs = {TensorId(1)};
  layer.output_shape = shape;
  layer.output_type = type;
  std::vector<TensorView> views;
  for (const Tensor& input : inputs) views.push_back(input.view());
  Buffer buffer(static_cast<std::size_t>(shape.elements() * element_size(type)));
  const MutableTensorView output{type, shape, buffer.data()};
  GATEFOLD_CHECK(run_layer(layer, numerics, views, std::span(&output, 1)));
  return Tensor(type, shape, std::move(buffer));
}

template <class T>
std::vector<T> list(const Tensor& tensor) {
  const auto values = tensor.values<T>();
  return {values.begin(), values.end()};
}

/// The layer and the evaluator agree to the bit.
template <class T>
void expect_as_evaluated(const Operator& op, const std::vector<Tensor>& inputs, float tolerance = 0) {
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(&input);
  const Tensor want = evaluate(op, pointers).value().at(0).dense();
  Layer layer = layer_of(op, inputs);
  const auto got = ran(layer, inputs, want.shape(), want.type());
  ASSERT_TRUE(got.has_value()) << got.error().message;
  for (std::int64_t i = 0; i < want.shape().elements(); ++i) {
    ASSERT_NEAR(got.value().number_at(i), want.number_at(i), static_cast<double>(tolerance)) << name(op) << " element " << i;
  }
}

TEST(RunLayer, BinaryMatchesThePlainCodeUnderEveryBroadcast) {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    const auto rank = static_cast<std::size_t>(between(random, 0, 4));
    std::vector<std::int64_t> a(rank), b(rank);
    for (std::size_t axis = 0; axis < rank; ++axis) {
      const std::int64_t extent = between(random, 1, 5);
      a[axis] = between(random, 0, 2) == 0 ? 1 : extent;
      b[axis] = between(random, 0, 2) == 0 ? 1 : extent;
    }
    if (rank > 0 && between(random, 0, 3) == 0) b.erase(b.begin());
    const auto kind = static_cast<BinaryKind>(between(random, 0, 6));
    const Shape shape_a{std::span<const std::int64_t>(a)};
    const Shape shape_b{std::span<const std::int64_t>(b)};
    if (kind == BinaryKind::kPow) continue;  // has one implementation
    expect_as_evaluated<float>(Binary{kind}, {random_tensor<float>(random, shape_a), random_tensor<float>(random, shape_b)});
    if (kind == BinaryKind::kDiv) continue;  // random divisors hold zeros
    expect_as_evaluated<std::int64_t>(Binary{kind},
                                      {random_tensor<std::int64_t>(random, shape_a), random_tensor<std::int64_t>(random, shape_b)});
  }
}

Pool random_pool(Random& random, Shape& shape) {
  Pool pool;
  pool.kind = static_cast<PoolKind>(between(random, 0, 1));
  pool.ceil_mode = between(random, 0, 1) == 1;
  pool.count_include_pad = between(random, 0, 1) == 1;
  pool.global = between(random, 0, 5) == 0;
  std::array<std::int64_t, 2> extent{};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    pool.window.kernel[axis] = between(random, 1, 4);
    pool.window.stride[axis] = between(random, 1, 3);
    pool.window.dilation[axis] = between(random, 1, 2);
    pool.window.pads[axis] = between(random, 0, pool.window.kernel[axis] - 1);
    pool.window.pads[axis + 2] = between(random, 0, pool.window.kernel[axis] - 1);
    extent[axis] = pool.window.dilation[axis] * (pool.window.kernel[axis] - 1) + between(random, 1, 9);
  }
  shape = Shape{between(random, 1, 2), between(random, 1, 4), extent[0], extent[1]};
  return pool;
}

TEST(RunLayer, PoolMatchesThePlainCode) {
  Random random(2);
  for (int round = 0; round < 300; ++round) {
    Shape shape;
    Pool pool = random_pool(random, shape);
    expect_as_evaluated<float>(pool, {random_tensor<float>(random, shape)}, pool.kind == PoolKind::kMax ? 0.0F : 1e-4F);
    pool.kind = PoolKind::kMax;
    expect_as_evaluated<std::int8_t>(pool, {random_tensor<std::int8_t>(random, shape)});
  }
}

TEST(RunLayer, ReduceMatchesThePlainCode) {
  Random random(3);
  for (int round = 0; round < 100; ++round) {
    const Shape shape{between(random, 1, 3), between(random, 1, 4), between(random, 1, 5), between(random, 1, 5)};
    std::vector<std::int64_t> axes;
    for (std::int64_t axis = 0; axis < 4; ++axis) {
      if (between(random, 0, 1) == 1) axes.push_back(between(random, 0, 1) == 1 ? axis : axis - 4);
    }
    const auto kind = static_cast<ReduceKind>(between(random, 0, 3));
    const Tensor list = Tensor::of<std::int64_t>(Shape{static_cast<std::int64_t>(axes.size())}, axes);
    expect_as_evaluated<float>(Reduce{kind, between(random, 0, 1) == 1}, {random_tensor<float>(random, shape), list}, 1e-4F);
  }
}

TEST(RunLayer, MovesLeaveQuantisedElementsUntouched) {
  const std::vector<Tensor> inputs{Tensor::of<std::int8_t>({2, 2}, {-128, 1, 2, 127})};
  Layer layer = layer_of(Transpose{{1, 0}}, inputs, LayerKind::kMove);
  EXPECT_THAT(list<std::int8_t>(ran(layer, inputs, {2, 2}, ElementType::kInt8).value()), ElementsAre(-128, 2, 1, 127));
}

TEST(RunLayer, AddsQuantisedOperandsOfDifferentScales) {
  const std::vector<Tensor> inputs{Tensor::of<std::int8_t>({3}, {10, -10, 127}), Tensor::of<std::uint8_t>({3}, {130, 128, 255})};
  Layer layer = layer_of(Binary{BinaryKind::kAdd}, inputs);
  layer.inputs[0].dequantise = Quantisation{ElementType::kInt8, {0.5F}, {0}, 0};
  layer.inputs[1].dequantise = Quantisation{ElementType::kUInt8, {0.25F}, {128}, 0};
  layer.epilogue.activation = Unary{UnaryKind::kRelu};
  layer.epilogue.quantise = Quantisation{ElementType::kInt8, {1}, {-1}, 0};
  // 5 + 0.5, -5 + 0, 63.5 + 31.75; ties to even, then the zero point.
  EXPECT_THAT(list<std::int8_t>(ran(layer, inputs, {3}, ElementType::kInt8).value()), ElementsAre(5, -1, 94));
}

/// A layer with the quantisation of each operand, then of the result.
Layer quantised_layer(const Operator& op, const std::vector<Tensor>& inputs, const std::vector<Quantisation>& by) {
  Layer layer = layer_of(op, inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) layer.inputs[i].dequantise = by[i];
  layer.epilogue.quantise = by.back();
  return layer;
}

TEST(RunLayer, ContractsDifferWhereASumIsATie) {
  const std::vector<Tensor> inputs{Tensor::of<std::uint8_t>({1, 2, 1}, {123, 130}), Tensor::of<std::uint8_t>({2}, {90, 140})};
  Layer layer = quantised_layer(Binary{BinaryKind::kAdd}, inputs,
                                {{ElementType::kUInt8, {0x1.ae406ep-6F}, {129}},
                                 {ElementType::kUInt8, {0x1.c9e72ep-7F}, {137}},
                                 {ElementType::kUInt8, {0x1.c4476cp-6F}, {129}}});
  const auto result = [&](Numerics numerics) {
    return list<std::uint8_t>(ran(layer, inputs, {1, 2, 2}, ElementType::kUInt8, numerics).value());
  };
  EXPECT_THAT(result(Numerics::kInteger), ElementsAre(100, 125, 106, 131));
  EXPECT_THAT(result(Numerics::kQdqFloat), ElementsAre(99, 125, 106, 131));
  layer.epilogue.activation = Unary{UnaryKind::kRelu};
  EXPECT_THAT(result(Numerics::kInteger), ElementsAre(129, 129, 129, 131));
  layer.epilogue.activation = Unary{UnaryKind::kSigmoid};  // no integer form
  EXPECT_EQ(result(Numerics::kInteger), result(Numerics::kQdqFloat));
}

TEST(RunLayer, MultipliesQuantisedOperandsAsIntegers) {
  const std::vector<Tensor> inputs{Tensor::of<std::int8_t>({4}, {3, 4, -3, 127}), Tensor::of<std::int8_t>({1}, {2})};
  Layer layer = quantised_layer(Binary{BinaryKind::kMul}, inputs,
                                {{ElementType::kInt8, {0.5F}, {1}}, {ElementType::kInt8, {0.5F}, {1}}, {ElementType::kInt8, {0.5F}, {-1}}});
  // (a - 1) * 1 / 2 - 1: 0, 0.5, -3, 62; half to even with the zero point inside, and before it.
  EXPECT_THAT(list<std::int8_t>(ran(layer, inputs, {4}, ElementType::kInt8).value()), ElementsAre(0, 0, -3, 62));
  EXPECT_THAT(list<std::int8_t>(ran(layer, inputs, {4}, ElementType::kInt8, Numerics::kQdqFloat).value()), ElementsAre(0, 1, -3, 62));
}

TEST(RunLayer, AveragesQuantisedPlanesAsIntegers) {
  const std::vector<Tensor> inputs{Tensor::of<std::int8_t>({1, 2, 1, 4}, {-128, -128, -128, -126, 127, 127, 1, 127})};
  Layer layer = quantised_layer(Pool{PoolKind::kAverage, {}, true, false, false}, inputs,
                                {{ElementType::kInt8, {0.5F}, {-128}}, {ElementType::kInt8, {0.25F}, {-128}}});
  // (sum + 512) * 0.5 / (0.25 * 4) - 128 with sums -510 and 382: 1 - 128, and saturated.
  EXPECT_THAT(list<std::int8_t>(ran(layer, inputs, {1, 2, 1, 1}, ElementType::kInt8).value()), ElementsAre(-127, 127));
}

/// The integer forms are the float reading but for the rounding of near ties: never more than a step apart, rarely that.
TEST(RunLayer, IntegerFormsAreAStepFromTheFloatReadingAtMost) {
  Random random(5);
  const auto any = [&](float low, float high) {
    return Quantisation{ElementType::kUInt8,
                        {std::uniform_real_distribution<float>(low, high)(random)},
                        {static_cast<std::int32_t>(between(random, 0, 255))}};
  };
  std::int64_t apart = 0, all = 0;
  for (int round = 0; round < 300; ++round) {
    const std::int64_t channels = between(random, 1, 6);
    const Shape shape{1, channels, between(random, 1, 7), between(random, 1, 7)};
    const std::vector<Tensor> inputs{random_bytes(random, shape), random_bytes(random, Shape{channels, 1, 1})};
    const bool product = round % 2 == 1;
    Layer layer = quantised_layer(Binary{product ? BinaryKind::kMul : BinaryKind::kAdd}, inputs,
                                  {any(0.01F, 0.1F), any(0.01F, 0.1F), product ? any(0.05F, 1) : any(0.02F, 0.2F)});
    const Tensor got = ran(layer, inputs, shape, ElementType::kUInt8).value();
    const Tensor want = ran(layer, inputs, shape, ElementType::kUInt8, Numerics::kQdqFloat).value();
    all += shape.elements();
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
      const std::int64_t steps = std::abs(got.integer_at(i) - want.integer_at(i));
      ASSERT_LE(steps, 1);
      apart += steps;
    }
  }
  EXPECT_LT(apart, all / 500);
}

TEST(RunLayer, AppliesAnActivationWithoutQuantising) {
  const std::vector<Tensor> inputs{Tensor::of<float>({2}, {1, -3}), Tensor::of<float>({2}, {1, 1})};
  Layer layer = layer_of(Binary{BinaryKind::kMul}, inputs);
  layer.epilogue.activation = Unary{UnaryKind::kClip, -2, 0.5F};
  EXPECT_THAT(list<float>(ran(layer, inputs, {2}, ElementType::kFloat32).value()), ElementsAre(0.5F, -2));
}

TEST(RunLayer, SeesOperandsUnderTheLayersShape) {
  const std::vector<Tensor> inputs{Tensor::of<float>({2, 2}, {1, 2, 3, 4})};
  Layer layer = layer_of(Softmax{.axis = 1}, inputs);
  layer.inputs[0].shape = Shape{4, 1};  // rows of one: each softmax is 1
  EXPECT_THAT(list<float>(ran(layer, inputs, {4, 1}, ElementType::kFloat32).value()), ElementsAre(1, 1, 1, 1));
}

TEST(RunLayer, SplitsIntoSeveralQuantisedOutputs) {
  const Tensor x = Tensor::of<float>({1, 3}, {1, 2, 3});
  const Tensor sizes = Tensor::of<std::int64_t>({2}, {1, 2});
  Layer layer = layer_of(Split{.axis = 1}, {x, sizes}, LayerKind::kMove);
  layer.outputs = {TensorId(1), TensorId(2)};
  layer.epilogue.quantise = Quantisation{ElementType::kUInt8, {0.5F}, {100}, 0};
  std::array<std::uint8_t, 1> first{};
  std::array<std::uint8_t, 2> second{};
  const MutableTensorView outputs[] = {{ElementType::kUInt8, {1, 1}, reinterpret_cast<std::byte*>(first.data())},
                                       {ElementType::kUInt8, {1, 2}, reinterpret_cast<std::byte*>(second.data())}};
  const TensorView views[] = {x.view(), sizes.view()};
  ASSERT_TRUE(run_layer(layer, Numerics::kInteger, views, outputs).has_value());
  EXPECT_THAT(first, ElementsAre(102));
  EXPECT_THAT(second, ElementsAre(104, 106));
}

TEST(RunLayer, TakesAbsentOptionalOperands) {
  const Tensor x = Tensor::of<float>({2}, {1, 2});
  const Tensor sizes = Tensor::of<std::int64_t>({1}, {4});
  Layer layer =
      layer_of(Resize{ResizeMode::kNearest, ResizeCoordinates::kAsymmetric, ResizeRounding::kFloor}, {x, x, sizes}, LayerKind::kMove);
  layer.inputs[1] = Operand{};
  layer.outputs = {TensorId(1)};
  layer.output_shape = Shape{4};
  std::array<float, 4> y{};
  const TensorView views[] = {x.view(), TensorView{}, sizes.view()};
  const MutableTensorView output{ElementType::kFloat32, {4}, reinterpret_cast<std::byte*>(y.data())};
  ASSERT_TRUE(run_layer(layer, Numerics::kInteger, views, std::span(&output, 1)).has_value());
  EXPECT_THAT(y, ElementsAre(1, 1, 2, 2));
}

TEST(RunLayer, NamesTheLayerInItsErrors) {
  const std::vector<Tensor> inputs{Tensor::of<std::int8_t>({1}, {1})};
  Layer layer = layer_of(Softmax{}, inputs);
  const auto result = ran(layer, inputs, {1}, ElementType::kInt8);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().message, "layer 'layer': Softmax: no code for int8 elements");
}

}  // namespace
}  // namespace gatefold
