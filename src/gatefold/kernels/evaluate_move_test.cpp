// Moves, resizing and the symbolic answers for tensors of one repeated value.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gatefold/kernels/evaluate.h"

namespace gatefold {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::Pointwise;

Tensor longs(std::initializer_list<std::int64_t> values) {
  return Tensor::of<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values);
}
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
std::vector<float> floats_of(const Tensor& tensor) {
  const Tensor dense = tensor.dense();
  const auto values = dense.values<float>();
  return {values.begin(), values.end()};
}
std::vector<std::int64_t> longs_of(const Tensor& tensor) {
  std::vector<std::int64_t> values;
  for (std::int64_t i = 0; i < tensor.shape().elements(); ++i) values.push_back(tensor.integer_at(i));
  return values;
}

TEST(EvaluateMove, ReshapesShareBytes) {
  const Tensor x = counted({2, 3, 4});
  const Tensor shape = longs({0, -1});
  const Tensor reshaped = only(Reshape{}, {&x, &shape});
  EXPECT_EQ(reshaped.shape(), (Shape{2, 12}));
  EXPECT_EQ(reshaped.view().bytes, x.view().bytes);
  EXPECT_EQ(only(Flatten{.axis = 2}, {&x}).shape(), (Shape{6, 4}));
  EXPECT_EQ(only(Flatten{.axis = 0}, {&x}).shape(), (Shape{1, 24}));
  const Tensor axes = longs({0, -1});
  const Tensor wide = only(Unsqueeze{}, {&x, &axes});
  EXPECT_EQ(wide.shape(), (Shape{1, 2, 3, 4, 1}));
  const Tensor first = longs({0});
  EXPECT_EQ(only(Squeeze{}, {&wide, &first}).shape(), (Shape{2, 3, 4, 1}));
  EXPECT_EQ(only(Squeeze{}, {&wide}).shape(), (Shape{2, 3, 4}));
}

TEST(EvaluateMove, Transposes) {
  const Tensor x = counted({2, 3});
  EXPECT_THAT(floats_of(only(Transpose{}, {&x})), ElementsAre(0, 3, 1, 4, 2, 5));
  const Tensor cube = counted({2, 2, 2});
  EXPECT_THAT(floats_of(only(Transpose{{1, 0, 2}}, {&cube})), ElementsAre(0, 1, 4, 5, 2, 3, 6, 7));
  EXPECT_THAT(floats_of(only(Transpose{{0, 2, 1}}, {&cube})), ElementsAre(0, 2, 1, 3, 4, 6, 5, 7));
}

TEST(EvaluateMove, ConcatAndSplitAreInverse) {
  const Tensor x = counted({2, 3});
  const Tensor sizes = longs({1, 2});
  const std::vector<Tensor> parts = all_of(Split{.axis = 1}, {&x, &sizes});
  EXPECT_THAT(floats_of(parts.at(0)), ElementsAre(0, 3));
  EXPECT_THAT(floats_of(parts.at(1)), ElementsAre(1, 2, 4, 5));
  EXPECT_EQ(floats_of(only(Concat{.axis = -1}, {&parts[0], &parts[1]})), floats_of(x));
  EXPECT_THAT(floats_of(only(Concat{.axis = 0}, {&x, &x})), ElementsAre(0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5));
}

TEST(EvaluateMove, SlicesClampAndStepBackwards) {
  const Tensor x = counted({5});
  const struct {
    std::int64_t start, end, step;
    std::vector<float> want;
  } table[] = {
      {1, 3, 1, {1, 2}}, {-2, INT64_MAX, 1, {3, 4}}, {0, 5, 2, {0, 2, 4}}, {-1, INT64_MIN, -2, {4, 2, 0}}, {3, 0, -1, {3, 2, 1}},
      {4, 2, 1, {}},     {9, -9, INT64_MIN, {4}},
  };
  for (const auto& row : table) {
    const Tensor start = longs({row.start});
    const Tensor end = longs({row.end});
    const Tensor axis = longs({0});
    const Tensor step = longs({row.step});
    EXPECT_EQ(floats_of(only(Slice{}, {&x, &start, &end, &axis, &step})), row.want) << row.start << ":" << row.end << ":" << row.step;
  }
  const Tensor square = counted({3, 3});
  const Tensor one = longs({1});
  const Tensor three = longs({3});
  const Tensor last = longs({-1});
  EXPECT_THAT(floats_of(only(Slice{}, {&square, &one, &three, &last})), ElementsAre(1, 2, 4, 5, 7, 8));
}

TEST(EvaluateMove, GathersAndRefusesIndicesOutsideTheAxis) {
  const Tensor x = counted({3, 2});
  const Tensor indices = longs({2, -3});
  EXPECT_THAT(floats_of(only(Gather{.axis = 0}, {&x, &indices})), ElementsAre(4, 5, 0, 1));
  const Tensor scalar = Tensor::of<std::int32_t>({}, {1});
  const Tensor column = only(Gather{.axis = 1}, {&x, &scalar});
  EXPECT_EQ(column.shape(), Shape{3});
  EXPECT_THAT(floats_of(column), ElementsAre(1, 3, 5));
  const Tensor outside = longs({0, 3});
  const Tensor* inputs[] = {&x, &outside};
  const auto refused = evaluate(Gather{.axis = 0}, inputs);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(refused.error().message, "Gather: index 3 is outside axis 0 of [3, 2]");
}

TEST(EvaluateMove, PadsByConstantReflectionAndEdge) {
  const Tensor x = counted({1, 3});
  const Tensor pads = longs({0, 2, 1, 1});
  const Tensor value = Tensor::of<float>({}, {9});
  EXPECT_THAT(floats_of(only(Pad{}, {&x, &pads, &value})), ElementsAre(9, 9, 0, 1, 2, 9, 9, 9, 9, 9, 9, 9));
  const Tensor sides = longs({0, 2, 0, 1});
  EXPECT_THAT(floats_of(only(Pad{}, {&x, &sides})), ElementsAre(0, 0, 0, 1, 2, 0));
  EXPECT_THAT(floats_of(only(Pad{PadMode::kReflect}, {&x, &sides})), ElementsAre(2, 1, 0, 1, 2, 1));
  EXPECT_THAT(floats_of(only(Pad{PadMode::kEdge}, {&x, &sides})), ElementsAre(0, 0, 0, 1, 2, 2));
  const Tensor cut = longs({0, -1, 0, 1});
  EXPECT_THAT(floats_of(only(Pad{}, {&x, &cut})), ElementsAre(1, 2, 0));
}

TEST(EvaluateMove, ShapesAndExpansion) {
  const Tensor x = counted({2, 1, 3});
  EXPECT_THAT(longs_of(only(ShapeOf{}, {&x})), ElementsAre(2, 1, 3));
  EXPECT_THAT(longs_of(only(ShapeOf{.start = -2, .end = -1}, {&x})), ElementsAre(1));
  EXPECT_EQ(only(ShapeOf{.start = 2, .end = 1}, {&x}).shape(), Shape{0});
  const Tensor to = longs({2, 1});
  EXPECT_THAT(floats_of(only(Expand{}, {&x, &to})), ElementsAre(0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5));
}

TEST(EvaluateResize, NearestRoundsAsAsked) {
  const Tensor x = counted({4});
  const struct {
    ResizeCoordinates coordinates;
    ResizeRounding rounding;
    std::vector<float> want;
  } table[] = {
      // Asymmetric, 4 -> 8: source coordinates 0, .5, 1, 1.5, ..
      {ResizeCoordinates::kAsymmetric, ResizeRounding::kFloor, {0, 0, 1, 1, 2, 2, 3, 3}},
      {ResizeCoordinates::kAsymmetric, ResizeRounding::kCeil, {0, 1, 1, 2, 2, 3, 3, 3}},
      {ResizeCoordinates::kAsymmetric, ResizeRounding::kRoundPreferFloor, {0, 0, 1, 1, 2, 2, 3, 3}},
      {ResizeCoordinates::kAsymmetric, ResizeRounding::kRoundPreferCeil, {0, 1, 1, 2, 2, 3, 3, 3}},
      // Half pixel: -.25, .25, .75, 1.25, ..
      {ResizeCoordinates::kHalfPixel, ResizeRounding::kRoundPreferFloor, {0, 0, 1, 1, 2, 2, 3, 3}},
      {ResizeCoordinates::kHalfPixel, ResizeRounding::kCeil, {0, 1, 1, 2, 2, 3, 3, 3}},
      // Corners aligned: 0, 3/7, 6/7, 9/7, ..
      {ResizeCoordinates::kAlignCorners, ResizeRounding::kRoundPreferFloor, {0, 0, 1, 1, 2, 2, 3, 3}},
      {ResizeCoordinates::kAlignCorners, ResizeRounding::kFloor, {0, 0, 0, 1, 1, 2, 2, 3}},
  };
  const Tensor sizes = longs({8});
  const Tensor scales = Tensor::of<float>({1}, {2});
  for (const auto& row : table) {
    const Resize resize{ResizeMode::kNearest, row.coordinates, row.rounding};
    EXPECT_EQ(floats_of(only(resize, {&x, nullptr, &sizes})), row.want);
    EXPECT_EQ(floats_of(only(resize, {&x, &scales})), row.want);
  }
}

TEST(EvaluateResize, LinearInFourCoordinateModes) {
  const Tensor x = Tensor::of<float>({1, 1, 2, 2}, {0, 4, 8, 12});
  const Tensor sizes = longs({1, 1, 2, 4});
  const auto row = [&](ResizeCoordinates coordinates) {
    std::vector<float> all = floats_of(only(Resize{ResizeMode::kLinear, coordinates}, {&x, nullptr, &sizes}));
    all.resize(4);
    return all;
  };
  EXPECT_THAT(row(ResizeCoordinates::kHalfPixel), ElementsAre(0, 1, 3, 4));
  EXPECT_THAT(row(ResizeCoordinates::kPytorchHalfPixel), ElementsAre(0, 1, 3, 4));
  EXPECT_THAT(row(ResizeCoordinates::kAsymmetric), ElementsAre(0, 2, 4, 4));
  EXPECT_THAT(row(ResizeCoordinates::kAlignCorners), Pointwise(FloatNear(1e-6F), {0.0F, 4.0F / 3, 8.0F / 3, 4.0F}));
  // One output along an axis: the half pixel formula reads the middle, its PyTorch form and aligned corners the start.
  const Tensor point = longs({1, 1, 1, 1});
  EXPECT_THAT(floats_of(only(Resize{ResizeMode::kLinear, ResizeCoordinates::kHalfPixel}, {&x, nullptr, &point})), ElementsAre(6));
  EXPECT_THAT(floats_of(only(Resize{ResizeMode::kLinear, ResizeCoordinates::kPytorchHalfPixel}, {&x, nullptr, &point})), ElementsAre(0));
  EXPECT_THAT(floats_of(only(Resize{ResizeMode::kLinear, ResizeCoordinates::kAlignCorners}, {&x, nullptr, &point})), ElementsAre(0));
}

// 10^12 elements: any of these would fail if it allocated its result.
TEST(EvaluateSplat, StaysSymbolic) {
  const Tensor huge = longs({1000000, 1000000});
  const Tensor splat = only(ConstantOfShape{Tensor::of<float>({1}, {0.5F})}, {&huge});
  const Tensor other = Tensor::splat<float>({1000000}, 2);
  const Tensor scalar = Tensor::of<float>({}, {4});
  const Tensor flat = longs({-1});
  const Tensor start = longs({1});
  const Tensor end = longs({1000000});
  const struct {
    Tensor got;
    Shape shape;
    double value;
  } table[] = {
      {splat, {1000000, 1000000}, 0.5},
      {only(Reshape{}, {&splat, &flat}), {1000000000000}, 0.5},
      {only(Transpose{}, {&splat}), {1000000, 1000000}, 0.5},
      {only(Slice{}, {&splat, &start, &end}), {999999, 1000000}, 0.5},
      {only(Unary{UnaryKind::kNeg}, {&splat}), {1000000, 1000000}, -0.5},
      {only(Binary{BinaryKind::kMul}, {&splat, &other}), {1000000, 1000000}, 1},
      {only(Binary{BinaryKind::kAdd}, {&scalar, &splat}), {1000000, 1000000}, 4.5},
      {only(Cast{ElementType::kInt32}, {&splat}), {1000000, 1000000}, 0},
      {only(BatchNorm{.epsilon = 0}, {&splat, &other, &other, &other, &scalar}), {1000000, 1000000}, 0.5},
  };
  for (const auto& row : table) {
    EXPECT_TRUE(row.got.is_splat());
    EXPECT_EQ(row.got.shape(), row.shape);
    EXPECT_EQ(row.got.number_at(0), row.value);
  }
  EXPECT_THAT(longs_of(only(ShapeOf{}, {&splat})), ElementsAre(1000000, 1000000));
}

}  // namespace
}  // namespace gatefold
