// The dot kernel against the plain evaluator on seeded random layers: whole and in 2, 3, 4 and 16 parts, integers to the
// bit, floats within a tolerance; and the epilogue against the contract's formula.
#include "gatefold/kernels/dot_kernel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "gatefold/kernels/evaluate.h"
#include "gatefold/kernels/packed_slice.h"
#include "gatefold/kernels/requantize.h"
#include "kernels/random_dot.h"

namespace gatefold {
namespace {

using namespace test;

std::vector<DotSlice> slices_by_input(const DotGeometry& d, std::int64_t count) {
  std::vector<DotSlice> slices;
  if (d.group > 1 && !d.depthwise()) return {{{0, d.ic}, {0, d.oc}}};
  for (std::int64_t i = 0; i < count; ++i) {
    const Range part = part_of(d.ic, count, i);
    if (part.count() > 0) slices.push_back({part, d.depthwise() ? part : Range{0, d.oc}});
  }
  return slices;
}
std::vector<DotSlice> slices_by_output(const DotGeometry& d, std::int64_t count) {
  if (d.group > 1) return slices_by_input(d, count);
  std::vector<DotSlice> slices;
  for (std::int64_t i = 0; i < count; ++i) {
    const Range part = part_of(d.oc, count, i);
    if (part.count() > 0) slices.push_back({{0, d.ic}, part});
  }
  return slices;
}

/// [n, channels.count, ih, iw]: what a core that holds these channels sees.
std::vector<std::byte> channels_of(const Tensor& x, Range channels) {
  const std::int64_t plane = x.shape()[2] * x.shape()[3] * element_size(x.type());
  std::vector<std::byte> bytes;
  for (std::int64_t n = 0; n < x.shape()[0]; ++n) {
    const std::byte* from = x.view().bytes + (n * x.shape()[1] + channels.begin) * plane;
    bytes.insert(bytes.end(), from, from + channels.count() * plane);
  }
  return bytes;
}

template <class Sum>
std::vector<Sum> accumulated(const DotKernel& kernel, const Case& made, const std::vector<DotSlice>& slices) {
  std::vector<Sum> sums(static_cast<std::size_t>(kernel.accumulator_elements()), Sum(0));
  const DotGeometry& d = made.layer.dot;
  for (const DotSlice& slice : slices) {
    const auto packed = kernel.pack(slice);
    EXPECT_TRUE(packed.has_value()) << (packed.has_value() ? "" : packed.error().message);
    const std::vector<std::byte> x = channels_of(made.x, slice.ic);
    const TensorView view{made.x.type(), Shape{d.n, slice.ic.count(), d.ih, d.iw}, x.data()};
    EXPECT_TRUE(kernel.accumulate(*packed.value(), view, reinterpret_cast<std::byte*>(sums.data())).has_value());
  }
  return sums;
}

Tensor evaluated(const Conv& conv, const Tensor& x, const Tensor& w) {
  const Tensor* inputs[] = {&x, &w};
  auto result = evaluate(conv, inputs);
  EXPECT_TRUE(result.has_value());
  return std::move(result).value().at(0);
}

/// stored - zero point, as float32: integers this small are exact.
Tensor centred(const Tensor& stored, const Quantisation& by) {
  std::vector<float> values;
  const std::int64_t row = stored.shape().elements() / stored.shape()[0];
  for (std::int64_t i = 0; i < stored.shape().elements(); ++i) {
    const std::int32_t zero = by.zero_point[by.per_tensor() ? 0 : static_cast<std::size_t>(i / row)];
    values.push_back(static_cast<float>(stored.integer_at(i) - zero));
  }
  return Tensor::of<float>(stored.shape(), values);
}

std::vector<std::int32_t> reference_sums(const Case& made) {
  const Layer& layer = made.layer;
  const Tensor y = evaluated(conv_of(layer.dot), centred(made.x, *layer.inputs[0].dequantise),
                             centred(*layer.inputs[1].constant, *layer.inputs[1].dequantise));
  std::vector<std::int32_t> sums;
  for (const float value : y.values<float>()) {
    EXPECT_LT(std::abs(value), 16777216.0F) << "float32 does not hold this sum exactly";
    sums.push_back(static_cast<std::int32_t>(value));
  }
  return sums;
}

class Groupings : public ::testing::TestWithParam<Grouping> {};

TEST_P(Groupings, FloatSlicesAddUpToThePlainResult) {
  Random random(7);
  for (int round = 0; round < 30; ++round) {
    const Case made = float_case(random, GetParam());
    const auto kernel = DotKernel::create(made.layer, Numerics::kQdqFloat);
    ASSERT_TRUE(kernel.has_value());
    const Tensor want = evaluated(conv_of(made.layer.dot), made.x, *made.layer.inputs[1].constant);
    for (const std::int64_t count : {1, 2, 3, 4, 16}) {
      for (const auto& slices : {slices_by_input(made.layer.dot, count), slices_by_output(made.layer.dot, count)}) {
        const std::vector<float> got = accumulated<float>(kernel.value(), made, slices);
        for (std::size_t i = 0; i < got.size(); ++i) {
          ASSERT_NEAR(got[i], want.values<float>()[i], 1e-4F) << "round " << round << ", " << count << " slices, element " << i;
        }
      }
    }
  }
}

TEST_P(Groupings, IntegerSlicesAddUpToTheSameBits) {
  Random random(11);
  for (int round = 0; round < 60; ++round) {
    const Case made = integer_case(random, GetParam());
    const auto kernel = DotKernel::create(made.layer, Numerics::kInteger);
    ASSERT_TRUE(kernel.has_value());
    ASSERT_EQ(kernel.value().accumulator_type(), ElementType::kInt32);
    const std::vector<std::int32_t> want = reference_sums(made);
    for (const std::int64_t count : {1, 2, 3, 4, 16}) {
      ASSERT_EQ(accumulated<std::int32_t>(kernel.value(), made, slices_by_input(made.layer.dot, count)), want) << round << ", " << count;
      ASSERT_EQ(accumulated<std::int32_t>(kernel.value(), made, slices_by_output(made.layer.dot, count)), want) << round << ", " << count;
    }
  }
}

TEST_P(Groupings, TheExactKernelIsTheSameOnEveryInstructionSet) {
  Random random(13);
  for (int round = 0; round < 40; ++round) {
    const Case made = integer_case(random, GetParam());
    const Quantisation& x = *made.layer.inputs[0].dequantise;
    const Tensor w = centred(*made.layer.inputs[1].constant, *made.layer.inputs[1].dequantise);
    std::vector<std::int16_t> weights;
    for (const float value : w.values<float>()) weights.push_back(static_cast<std::int16_t>(value));
    const SliceLoops loops{made.layer.dot, 0, made.layer.dot.oc};
    const std::vector<std::int32_t> want = reference_sums(made);
    for (const ExactIsa isa : {ExactIsa::kBaseline, best_exact_isa()}) {
      const auto packed = pack_exact(loops, weights, made.x.type(), x.zero_point[0], isa);
      std::vector<std::int32_t> got(want.size(), 0);
      ASSERT_TRUE(packed.value()->accumulate(made.x.view(), reinterpret_cast<std::byte*>(got.data())).has_value());
      ASSERT_EQ(got, want) << round;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(DotKernel, Groupings,
                         ::testing::Values(Grouping::kDense, Grouping::kDepthwise, Grouping::kGrouped, Grouping::kMatrix));

// 9 * 1000 products of the largest magnitude: 16-bit saturation or float32 sums anywhere would show.
TEST(DotKernel, ExtremeValuesNeitherSaturateNorRound) {
  DotGeometry d;
  d.ic = 1000;
  d.oc = 3;
  d.kh = d.kw = d.ih = d.iw = 3;
  for (const std::int32_t w_zero : {0, 127}) {
    Case made{layer_of(d), Tensor::splat<std::uint8_t>(x_shape(d), 255).dense()};
    made.layer.inputs = {activation(ElementType::kUInt8, x_shape(d)), constant(Tensor::splat<std::int8_t>(w_shape(d), -128))};
    made.layer.inputs[0].dequantise = Quantisation{ElementType::kUInt8, {1}, {0}, 0};
    made.layer.inputs[1].dequantise = Quantisation{ElementType::kInt8, {1}, {w_zero}, 0};
    made.layer.integer = true;
    const auto kernel = DotKernel::create(made.layer, Numerics::kInteger);
    ASSERT_TRUE(kernel.has_value());
    const std::int32_t want = 9000 * 255 * (-128 - w_zero);
    EXPECT_EQ(accumulated<std::int32_t>(kernel.value(), made, slices_by_input(d, 1)), std::vector<std::int32_t>(3, want));
    EXPECT_EQ(accumulated<std::int32_t>(kernel.value(), made, slices_by_input(d, 3)), std::vector<std::int32_t>(3, want));
  }
}

/// One input, one product: the accumulator of output channel i is x[0] * 1.
Layer epilogue_layer(std::int64_t channels) {
  DotGeometry d;
  d.oc = channels;
  Layer layer = layer_of(d);
  layer.inputs = {activation(ElementType::kInt8, x_shape(d)), constant(Tensor::splat<std::int8_t>(w_shape(d), 1))};
  layer.inputs[0].dequantise = Quantisation{ElementType::kInt8, {0.5F}, {0}, 0};
  layer.inputs[1].dequantise = Quantisation{ElementType::kInt8, {0.5F}, {0}, 0};
  layer.integer = true;
  return layer;
}

template <class T>
std::vector<T> finished(const Layer& layer, Numerics numerics, const void* sums) {
  const auto kernel = DotKernel::create(layer, numerics);
  EXPECT_TRUE(kernel.has_value()) << (kernel.has_value() ? "" : kernel.error().message);
  std::vector<T> y(static_cast<std::size_t>(layer.output_shape.elements()));
  kernel.value().finish(static_cast<const std::byte*>(sums), {0, layer.dot.oc},
                        {layer.output_type, layer.output_shape, reinterpret_cast<std::byte*>(y.data())});
  return y;
}

TEST(DotKernelFinish, RequantisesTiesToEvenAfterTheBias) {
  Layer layer = epilogue_layer(8);
  layer.inputs.push_back(constant(Tensor::of<std::int32_t>({8}, {1, 1, 1, 1, 1, 1, 1, 1})));
  layer.epilogue.quantise = Quantisation{ElementType::kInt8, {0.5F}, {3}, 0};  // scale 0.5 * 0.5 / 0.5 = 0.5
  layer.output_type = ElementType::kInt8;
  const std::int32_t sums[] = {0, 2, 4, -2, -4, 1000, -1000, 247};  // (sum + 1) * 0.5 = 0.5, 1.5, 2.5, -0.5, -1.5, ..
  EXPECT_EQ(finished<std::int8_t>(layer, Numerics::kInteger, sums), (std::vector<std::int8_t>{3, 5, 5, 3, 1, 127, -128, 127}));
  layer.epilogue.activation = Unary{UnaryKind::kRelu};
  EXPECT_EQ(finished<std::int8_t>(layer, Numerics::kInteger, sums), (std::vector<std::int8_t>{3, 5, 5, 3, 3, 127, 3, 127}));
}

TEST(DotKernelFinish, SaturatesTheSumWithTheBias) {
  Layer layer = epilogue_layer(4);
  layer.inputs.push_back(constant(Tensor::of<std::int32_t>({4}, {INT32_MAX, INT32_MIN, INT32_MAX, -5})));
  layer.epilogue.quantise = Quantisation{ElementType::kInt8, {0.5F}, {0}, 0};
  layer.output_type = ElementType::kInt8;
  const std::int32_t sums[] = {10, -10, INT32_MIN, 3};  // a wrapped sum would change its sign; -1 * 0.5 and -2 * 0.5
  EXPECT_EQ(finished<std::int8_t>(layer, Numerics::kInteger, sums), (std::vector<std::int8_t>{127, -128, 0, -1}));
}

TEST(DotKernelFinish, OtherActivationsSeeTheFloatValue) {
  Layer layer = epilogue_layer(4);
  layer.epilogue.quantise = Quantisation{ElementType::kUInt8, {0.125F}, {10}, 0};
  layer.output_type = ElementType::kUInt8;
  layer.epilogue.activation = Unary{UnaryKind::kClip, 0, 6};
  const std::int32_t sums[] = {-5, 2, 23, 100};  // * 0.25 = -1.25, 0.5, 5.75, 25 -> 0, 0.5, 5.75, 6
  EXPECT_EQ(finished<std::uint8_t>(layer, Numerics::kInteger, sums), (std::vector<std::uint8_t>{10, 14, 56, 58}));
  layer.epilogue.quantise.reset();
  layer.output_type = ElementType::kFloat32;
  EXPECT_EQ(finished<float>(layer, Numerics::kInteger, sums), (std::vector<float>{0, 0.5F, 5.75F, 6}));
}

TEST(DotKernelFinish, ScalesPerOutputChannel) {
  Layer layer = epilogue_layer(2);
  layer.inputs[1].dequantise = Quantisation{ElementType::kInt8, {0.5F, 2}, {0, 0}, 0};
  layer.epilogue.quantise = Quantisation{ElementType::kInt8, {1}, {0}, 0};
  layer.output_type = ElementType::kInt8;
  const std::int32_t sums[] = {20, 20};
  EXPECT_EQ(finished<std::int8_t>(layer, Numerics::kInteger, sums), (std::vector<std::int8_t>{5, 20}));
}

TEST(DotKernelFinish, FloatSumsTakeADequantisedBias) {
  Layer layer = epilogue_layer(2);
  layer.inputs.push_back(constant(Tensor::of<std::int32_t>({2}, {4, -4})));
  layer.inputs[2].dequantise = Quantisation{ElementType::kInt32, {0.25F}, {0}, 0};
  layer.epilogue.quantise = Quantisation{ElementType::kInt8, {0.5F}, {1}, 0};
  layer.output_type = ElementType::kInt8;
  const float sums[] = {0.25F, 0.25F};  // 1.25 / 0.5 = 2.5 -> 2; -0.75 / 0.5 = -1.5 -> -2
  EXPECT_EQ(finished<std::int8_t>(layer, Numerics::kQdqFloat, sums), (std::vector<std::int8_t>{3, -1}));
}

TEST(DotKernel, QdqFloatDequantisesBothOperands) {
  Random random(17);
  for (int round = 0; round < 20; ++round) {
    Case made = integer_case(random, Grouping::kDense);
    const auto kernel = DotKernel::create(made.layer, Numerics::kQdqFloat);
    ASSERT_TRUE(kernel.has_value());
    ASSERT_EQ(kernel.value().accumulator_type(), ElementType::kFloat32);
    const std::vector<std::int32_t> sums = reference_sums(made);
    const std::vector<float> got = accumulated<float>(kernel.value(), made, slices_by_input(made.layer.dot, 3));
    const Quantisation& w = *made.layer.inputs[1].dequantise;
    const std::int64_t plane = made.layer.dot.oh * made.layer.dot.ow;
    for (std::size_t i = 0; i < got.size(); ++i) {
      const std::size_t oc = i / static_cast<std::size_t>(plane) % static_cast<std::size_t>(made.layer.dot.oc);
      const float want = static_cast<float>(sums[i]) * 0.02F * w.scale[w.per_tensor() ? 0 : oc];
      ASSERT_NEAR(got[i], want, 2e-3F) << round;
    }
  }
}

TEST(DotKernel, SlicesRunConcurrentlyOnDisjointOutputs) {
  Random random(19);
  DotGeometry d;
  d.ic = 32;
  d.oc = 64;
  d.kh = d.kw = 3;
  d.ih = d.iw = d.oh = d.ow = 20;
  d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
  Case made{layer_of(d), random_floats(random, x_shape(d))};
  made.layer.inputs = {activation(ElementType::kFloat32, x_shape(d)), constant(random_floats(random, w_shape(d)))};
  const auto kernel = DotKernel::create(made.layer, Numerics::kQdqFloat);
  const std::vector<DotSlice> slices = slices_by_output(d, 4);
  const std::vector<float> want = accumulated<float>(kernel.value(), made, slices);
  std::vector<float> got(want.size(), 0.0F);
  std::vector<std::thread> threads;
  for (const DotSlice& slice : slices) {
    threads.emplace_back([&, slice] {
      const auto packed = kernel.value().pack(slice);
      ASSERT_TRUE(kernel.value().accumulate(*packed.value(), made.x.view(), reinterpret_cast<std::byte*>(got.data())).has_value());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(got, want);
}

TEST(DotKernel, RefusesWhatItCannotComputeByName) {
  const auto message = [](const Layer& layer) {
    const auto kernel = DotKernel::create(layer, Numerics::kInteger);
    if (kernel.has_value()) return std::string("accepted");
    EXPECT_EQ(kernel.error().code, ErrorCode::kUnsupported);
    return kernel.error().message;
  };
  Layer layer = epilogue_layer(2);
  layer.inputs[1].constant.reset();
  EXPECT_EQ(message(layer), "layer 'conv': weights are computed, not constant");
  layer = epilogue_layer(2);
  layer.op = MatMul{.alpha = 2};
  EXPECT_EQ(message(layer), "layer 'conv': alpha and beta must be folded into weights and bias");
  layer = epilogue_layer(2);
  layer.inputs.push_back(constant(Tensor::of<float>({2}, {1, 1})));
  EXPECT_EQ(message(layer), "layer 'conv': an integer dot product wants an int32 bias, found float32");
  layer = epilogue_layer(2);
  layer.dot.ic = 200000;
  layer.inputs[1].constant = Tensor::splat<std::int8_t>(w_shape(layer.dot), 1);
  EXPECT_EQ(message(layer), "layer 'conv': 200000 products may overflow a 32-bit accumulator");
}

}  // namespace
}  // namespace gatefold
