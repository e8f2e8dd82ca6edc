// Operators against small hand-computed cases, table by table.
#include "gatefold/kernels/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gatefold {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::Pointwise;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

Tensor floats(const Shape& shape, std::initializer_list<float> values) { return Tensor::of<float>(shape, values); }
Tensor longs(std::initializer_list<std::int64_t> values) {
  return Tensor::of<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values);
}

/// 0, 1, 2, ..
Tensor counted(const Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return Tensor::of<float>(shape, values);
}

std::vector<Tensor> all_of(const Operator& op, std::initializer_list<const Tensor*> inputs) {
  auto results = evaluate(op, std::vector<const Tensor*>(inputs));
  EXPECT_TRUE(results.has_value());
  return std::move(results).value();
}
Tensor only(const Operator& op, std::initializer_list<const Tensor*> inputs) { return all_of(op, inputs).at(0); }

template <class T>
std::vector<T> list(const Tensor& tensor) {
  const Tensor dense = tensor.dense();
  const auto values = dense.values<T>();
  return {values.begin(), values.end()};
}
std::vector<float> floats_of(const Tensor& tensor) { return list<float>(tensor); }

TEST(EvaluateConv, PadsStridesDilatesAndGroups) {
  const Tensor x = counted({1, 1, 3, 3});
  const Tensor ones = Tensor::splat<float>({1, 1, 3, 3}, 1);
  Conv conv{.window = {.kernel = {3, 3}, .pads = {1, 1, 1, 1}}};
  EXPECT_THAT(floats_of(only(conv, {&x, &ones})), ElementsAre(8, 15, 12, 21, 36, 27, 20, 33, 24));
  conv.window.stride = {2, 2};
  EXPECT_THAT(floats_of(only(conv, {&x, &ones})), ElementsAre(8, 12, 20, 24));
  conv.window = {.kernel = {2, 2}, .dilation = {2, 2}};
  const Tensor corners = floats({1, 1, 2, 2}, {1, 10, 100, 1000});
  EXPECT_THAT(floats_of(only(conv, {&x, &corners})), ElementsAre(0 + 20 + 600 + 8000));
  const Tensor two = counted({1, 2, 1, 2});
  const Tensor scale = floats({2, 1, 1, 1}, {10, 100});
  const Tensor bias = floats({2}, {0.5F, 0.25F});
  EXPECT_THAT(floats_of(only(Conv{.window = {}, .group = 2}, {&two, &scale, &bias})), ElementsAre(0.5F, 10.5F, 200.25F, 300.25F));
}

TEST(EvaluateMatMul, TransposesScalesAndBroadcasts) {
  const Tensor a = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor b = floats({3, 2}, {1, 0, 0, 1, 1, 1});
  EXPECT_THAT(floats_of(only(MatMul{}, {&a, &b})), ElementsAre(4, 5, 10, 11));
  const Tensor bt = floats({2, 3}, {1, 0, 1, 0, 1, 1});
  const Tensor c = floats({2}, {100, 200});
  const MatMul gemm{.transpose_b = true, .alpha = 2, .beta = 0.5F};
  EXPECT_THAT(floats_of(only(gemm, {&a, &bt, &c})), ElementsAre(58, 110, 70, 122));
  const Tensor batch = counted({2, 1, 2});
  const Tensor column = floats({2, 1}, {1, 10});
  const Tensor product = only(MatMul{}, {&batch, &column});
  EXPECT_EQ(product.shape(), (Shape{2, 1, 1}));
  EXPECT_THAT(floats_of(product), ElementsAre(10, 32));
  const Tensor vector = floats({2}, {1, 10});
  EXPECT_EQ(only(MatMul{}, {&vector, &vector}).shape(), Shape{});
}

TEST(EvaluatePool, AverageCountsWhatItIsToldTo) {
  const Tensor x = floats({1, 1, 2, 2}, {4, 8, 12, 16});
  Pool pool{.kind = PoolKind::kAverage, .window = {.kernel = {2, 2}, .pads = {1, 1, 0, 0}}};
  EXPECT_THAT(floats_of(only(pool, {&x})), ElementsAre(4, 6, 8, 10));
  pool.count_include_pad = true;
  EXPECT_THAT(floats_of(only(pool, {&x})), ElementsAre(1, 3, 4, 10));
}

TEST(EvaluatePool, CeilModeAddsAPartialWindowThatNeverCountsBeyondThePadding) {
  const Tensor x = counted({1, 1, 1, 5});
  Pool pool{.kind = PoolKind::kAverage, .window = {.kernel = {1, 3}, .stride = {1, 3}}, .ceil_mode = true, .count_include_pad = true};
  EXPECT_THAT(floats_of(only(pool, {&x})), ElementsAre(1, 3.5F));
  pool.ceil_mode = false;
  EXPECT_THAT(floats_of(only(pool, {&x})), ElementsAre(1));
  // The second window would start in the trailing padding: it does not exist.
  const Tensor two = counted({1, 1, 1, 2});
  const Pool on_pad{.kind = PoolKind::kMax, .window = {.kernel = {1, 2}, .stride = {1, 3}, .pads = {0, 1, 0, 1}}, .ceil_mode = true};
  EXPECT_THAT(floats_of(only(on_pad, {&two})), ElementsAre(0));
}

TEST(EvaluatePool, MaxIgnoresPaddingAndTakesQuantisedElements) {
  const Tensor x = Tensor::of<std::int8_t>({1, 1, 2, 2}, {-4, -8, -12, -16});
  const Pool pool{.window = {.kernel = {2, 2}, .pads = {1, 1, 0, 0}}};
  EXPECT_THAT(list<std::int8_t>(only(pool, {&x})), ElementsAre(-4, -4, -4, -4));
  const Tensor image = counted({1, 2, 2, 2});
  EXPECT_THAT(floats_of(only(Pool{.kind = PoolKind::kAverage, .window = {}, .global = true}, {&image})), ElementsAre(1.5F, 5.5F));
}

TEST(EvaluateUnary, Table) {
  const Tensor x = floats({4}, {-2, -0.5F, 0.5F, 4});
  const struct {
    Unary op;
    std::vector<float> want;
  } table[] = {
      {{UnaryKind::kRelu}, {0, 0, 0.5F, 4}},
      {{UnaryKind::kLeakyRelu, 0.1F}, {-0.2F, -0.05F, 0.5F, 4}},
      {{UnaryKind::kClip, -1, 3}, {-1, -0.5F, 0.5F, 3}},
      {{UnaryKind::kSigmoid}, {0.1192029F, 0.3775407F, 0.6224593F, 0.9820138F}},
      {{UnaryKind::kTanh}, {-0.9640276F, -0.4621172F, 0.4621172F, 0.9993293F}},
      {{UnaryKind::kExp}, {0.1353353F, 0.6065307F, 1.6487213F, 54.59815F}},
      {{UnaryKind::kAbs}, {2, 0.5F, 0.5F, 4}},
      {{UnaryKind::kNeg}, {2, 0.5F, -0.5F, -4}},
      {{UnaryKind::kReciprocal}, {-0.5F, -2, 2, 0.25F}},
      {{UnaryKind::kFloor}, {-2, -1, 0, 4}},
      {{UnaryKind::kCeil}, {-2, 0, 1, 4}},
      {{UnaryKind::kRound}, {-2, 0, 0, 4}},
      {{UnaryKind::kErf}, {-0.9953223F, -0.5204999F, 0.5204999F, 1}},
      {{UnaryKind::kHardSigmoid, 0.2F, 0.5F}, {0.1F, 0.4F, 0.6F, 1}},
      {{UnaryKind::kHardSwish}, {-0.3333333F, -0.2083333F, 0.2916667F, 4}},
      {{UnaryKind::kElu, 2}, {-1.7293294F, -0.7869387F, 0.5F, 4}},
      {{UnaryKind::kSoftplus}, {0.126928F, 0.474077F, 0.974077F, 4.01815F}},
      {{UnaryKind::kSign}, {-1, -1, 1, 1}},
  };
  for (const auto& row : table) {
    EXPECT_THAT(floats_of(only(row.op, {&x})), Pointwise(FloatNear(2e-5F), row.want)) << name(Operator(row.op));
  }
  const Tensor squares = floats({2}, {0.25F, 9});
  EXPECT_THAT(floats_of(only(Unary{UnaryKind::kSqrt}, {&squares})), ElementsAre(0.5F, 3));
  EXPECT_THAT(floats_of(only(Unary{UnaryKind::kLog}, {&squares})), Pointwise(FloatNear(1e-6F), {-1.3862944F, 2.1972246F}));
}

TEST(EvaluateUnary, IntegersBoolsAndRefusals) {
  const Tensor x = Tensor::of<std::int8_t>({3}, {-128, 0, 100});
  EXPECT_THAT(list<std::int8_t>(only(Unary{UnaryKind::kNeg}, {&x})), ElementsAre(-128, 0, -100));
  EXPECT_THAT(list<std::int8_t>(only(Unary{UnaryKind::kClip, -kInfinity, 6}, {&x})), ElementsAre(-128, 0, 6));
  const Tensor flags = Tensor::of<bool>({2}, {true, false});
  EXPECT_THAT(list<bool>(only(Unary{UnaryKind::kNot}, {&flags})), ElementsAre(false, true));
  const Tensor* inputs[] = {&x};
  const auto refused = evaluate(Unary{UnaryKind::kSigmoid}, inputs);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(refused.error().message, "Sigmoid: no code for int8 elements");
}

TEST(EvaluateBinary, BroadcastsBothWays) {
  const Tensor a = floats({2, 1}, {1, 2});
  const Tensor b = floats({3}, {10, 20, 30});
  EXPECT_THAT(floats_of(only(Binary{BinaryKind::kAdd}, {&a, &b})), ElementsAre(11, 21, 31, 12, 22, 32));
  EXPECT_THAT(floats_of(only(Binary{BinaryKind::kSub}, {&b, &a})), ElementsAre(9, 19, 29, 8, 18, 28));
  EXPECT_THAT(floats_of(only(Binary{BinaryKind::kDiv}, {&b, &a})), ElementsAre(10, 20, 30, 5, 10, 15));
  EXPECT_THAT(floats_of(only(Binary{BinaryKind::kMax}, {&a, &b})), ElementsAre(10, 20, 30, 10, 20, 30));
}

TEST(EvaluateBinary, IntegersTruncateWrapAndRefuseZeroDivisors) {
  const Tensor a = longs({7, -7, INT64_MIN});
  const Tensor b = longs({2, 2, -1});
  EXPECT_THAT(list<std::int64_t>(only(Binary{BinaryKind::kDiv}, {&a, &b})), ElementsAre(3, -3, INT64_MIN));
  const Tensor zero = longs({1, 0, 1});
  const Tensor* inputs[] = {&a, &zero};
  const auto refused = evaluate(Binary{BinaryKind::kDiv}, inputs);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(refused.error().message, "Div: divisor 1 is 0 in an integer division");
  const Tensor base = floats({2}, {3, 4});
  const Tensor exponent = longs({2});
  EXPECT_THAT(floats_of(only(Binary{BinaryKind::kPow}, {&base, &exponent})), ElementsAre(9, 16));
}

TEST(EvaluateReduce, Table) {
  const Tensor x = floats({2, 3}, {1, 2, 6, -4, 5, 8});
  const Tensor last = longs({-1});
  EXPECT_THAT(floats_of(only(Reduce{ReduceKind::kMean}, {&x, &last})), ElementsAre(3, 3));
  EXPECT_EQ(only(Reduce{ReduceKind::kMean}, {&x, &last}).shape(), (Shape{2, 1}));
  EXPECT_EQ(only(Reduce{ReduceKind::kMean, false}, {&x, &last}).shape(), Shape{2});
  const Tensor first = longs({0});
  EXPECT_THAT(floats_of(only(Reduce{ReduceKind::kSum}, {&x, &first})), ElementsAre(-3, 7, 14));
  EXPECT_THAT(floats_of(only(Reduce{ReduceKind::kMax}, {&x, &first})), ElementsAre(1, 5, 8));
  EXPECT_THAT(floats_of(only(Reduce{ReduceKind::kMin}, {&x, nullptr})), ElementsAre(-4));
}

TEST(EvaluateSoftmax, FlattensOnlyWhenAsked) {
  const Tensor x = floats({1, 2, 2}, {0, 0, 0, 0});
  EXPECT_THAT(floats_of(only(Softmax{.axis = 1}, {&x})), ElementsAre(0.5F, 0.5F, 0.5F, 0.5F));
  EXPECT_THAT(floats_of(only(Softmax{.axis = 1, .flatten = true}, {&x})), ElementsAre(0.25F, 0.25F, 0.25F, 0.25F));
  const Tensor large = floats({2}, {1000, 1000 + std::log(3.0F)});
  EXPECT_THAT(floats_of(only(Softmax{}, {&large})), Pointwise(FloatNear(1e-4F), {0.25F, 0.75F}));
  EXPECT_THAT(floats_of(only(Softmax{.log = true}, {&large})), Pointwise(FloatNear(1e-4F), {std::log(0.25F), std::log(0.75F)}));
}

TEST(EvaluateNormalisation, BatchNormAndLrn) {
  const Tensor x = counted({1, 2, 2});
  const Tensor scale = floats({2}, {2, 4});
  const Tensor bias = floats({2}, {1, 0});
  const Tensor mean = floats({2}, {0, 2});
  const Tensor variance = floats({2}, {3, 0});
  EXPECT_THAT(floats_of(only(BatchNorm{.epsilon = 1}, {&x, &scale, &bias, &mean, &variance})), ElementsAre(1, 2, 0, 4));
  const Tensor channels = floats({1, 3, 1, 1}, {1, 2, 3});
  // Channel sums of squares over a window of 2: the channel itself and the next.
  EXPECT_THAT(floats_of(only(Lrn{.alpha = 2, .beta = 1, .bias = 0, .size = 2}, {&channels})),
              Pointwise(FloatNear(1e-6F), {1.0F / 5, 2.0F / 13, 3.0F / 9}));
  EXPECT_THAT(floats_of(only(Lrn{.alpha = 2, .beta = 0.75F, .bias = 3, .size = 1}, {&channels})),
              Pointwise(FloatNear(1e-6F), {1 / std::pow(5.0F, 0.75F), 2 / std::pow(11.0F, 0.75F), 3 / std::pow(21.0F, 0.75F)}));
}

TEST(EvaluateQuantise, RoundsHalfToEvenAndSaturates) {
  const Tensor x = floats({6}, {0.5F, 1.5F, 2.5F, -0.5F, 1000, -1000});
  const Tensor scale = floats({}, {1});
  const Tensor zero = Tensor::of<std::int8_t>({}, {10});
  EXPECT_THAT(list<std::int8_t>(only(Quantize{}, {&x, &scale, &zero})), ElementsAre(10, 12, 12, 10, 127, -128));
  const Tensor q = only(Quantize{}, {&x, &scale, nullptr});
  EXPECT_THAT(list<std::uint8_t>(q), ElementsAre(0, 2, 2, 0, 255, 0));
  EXPECT_THAT(floats_of(only(Dequantize{}, {&q, &scale})), ElementsAre(0, 2, 2, 0, 255, 0));
}

TEST(EvaluateQuantise, PerAxis) {
  const Tensor x = floats({2, 2}, {1, 1, 2, 2});
  const Tensor scale = floats({2}, {0.5F, 0.25F});
  const Tensor zero = Tensor::of<std::uint8_t>({2}, {0, 100});
  const Tensor by_column = only(Quantize{.axis = -1}, {&x, &scale, &zero});
  EXPECT_THAT(list<std::uint8_t>(by_column), ElementsAre(2, 104, 4, 108));
  EXPECT_THAT(list<std::uint8_t>(only(Quantize{.axis = 0}, {&x, &scale, &zero})), ElementsAre(2, 2, 108, 108));
  EXPECT_THAT(floats_of(only(Dequantize{.axis = 1}, {&by_column, &scale, &zero})), ElementsAre(1, 1, 2, 2));
  const Tensor bias = Tensor::of<std::int32_t>({2}, {-3, 1000000});
  EXPECT_THAT(floats_of(only(Dequantize{.axis = 0}, {&bias, &scale})), ElementsAre(-1.5F, 250000));
}

TEST(EvaluateCast, TruncatesSaturatesAndTests) {
  const Tensor x = floats({4}, {1.9F, -1.9F, 1e20F, NAN});
  EXPECT_THAT(list<std::int64_t>(only(Cast{ElementType::kInt64}, {&x})), ElementsAre(1, -1, INT64_MAX, 0));
  EXPECT_THAT(list<bool>(only(Cast{ElementType::kBool}, {&x})), ElementsAre(true, true, true, true));
  const Tensor n = longs({3, -1});
  EXPECT_THAT(floats_of(only(Cast{ElementType::kFloat32}, {&n})), ElementsAre(3, -1));
}

}  // namespace
}  // namespace gatefold
